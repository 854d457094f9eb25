//! Where a reader of a topic is, as text: the next offset of each partition.

use triggerfish_log::{Offset, Position};

/// The positions of all partitions, in their order.
pub(super) fn written(positions: &[Position]) -> String {
    let offsets: Vec<String> = positions
        .iter()
        .map(|position| position.offset.to_string())
        .collect();
    offsets.join(".")
}

/// The offsets of all partitions. Those that were added since are read from their
/// beginning.
pub(super) fn read(text: &str, partitions: u32) -> Option<Vec<Offset>> {
    let parsed = text
        .split('.')
        .map(|offset| offset.parse().ok().map(Offset));
    let mut offsets: Vec<Offset> = parsed.collect::<Option<_>>()?;
    let partitions = usize::try_from(partitions).ok()?;
    if offsets.len() > partitions {
        return None;
    }
    offsets.resize(partitions, Offset::ZERO);
    Some(offsets)
}

#[cfg(test)]
mod tests {
    use triggerfish_log::Partition;

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let at = |partition, offset| Position {
            topic: "t".into(),
            partition: Partition(partition),
            offset: Offset(offset),
        };
        let text = written(&[at(0, 12), at(1, 0), at(2, u64::MAX)]);
        let offsets = vec![Offset(12), Offset(0), Offset(u64::MAX)];
        assert_eq!(read(&text, 3), Some(offsets.clone()));
        assert_eq!(read(&text, 4), Some([offsets, vec![Offset::ZERO]].concat()));
        for (bad, partitions) in [(&*text, 2), ("", 1), ("1.x", 2), ("-1", 1), ("1..2", 3)] {
            assert_eq!(read(bad, partitions), None, "{bad}");
        }
    }
}
