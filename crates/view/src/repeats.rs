//! Where a rebuild must not start.
//!
//! A rebuild starts at the oldest invocation still kept. Suppose one older than that
//! was asked for again, while it was kept, at a later offset: the live view ignored
//! the repetition, but a rebuild starting between the two would take it for new and
//! open an invocation that is long closed. So the stretches between a request and its
//! repetitions are remembered, and a rebuild that would start in one starts at its
//! beginning instead.

use std::collections::VecDeque;

use triggerfish_core::Timestamp;

use crate::layout::{micros, number, time};

/// From just after a request up to and with its last repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    /// Offset of the request.
    first: u64,
    /// Log time there.
    entered: Timestamp,
    /// Offset of the repetition.
    last: u64,
}

/// Stretches in log order; none touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repeats(VecDeque<Stretch>);

const STRETCH_BYTES: usize = 24;

impl Repeats {
    /// The request at `first` came again at `last`, the newest offset so far.
    pub(crate) fn note(&mut self, first: u64, entered: Timestamp, last: u64) {
        let mut stretch = Stretch {
            first,
            entered,
            last,
        };
        // Overlapping stretches act as one: whoever starts in the later one is sent
        // to its beginning, which lies in the earlier one.
        while let Some(before) = self.0.pop_back_if(|before| before.last >= stretch.first) {
            stretch.last = stretch.last.max(before.last);
            if before.first < stretch.first {
                stretch.first = before.first;
                stretch.entered = before.entered;
            }
        }
        self.0.push_back(stretch);
    }

    /// Where a rebuild that would start at `offset` has to start. Stretches before
    /// it are forgotten: the place to start never moves back.
    pub(crate) fn start(&mut self, offset: u64, entered: Timestamp) -> (u64, Timestamp) {
        while self
            .0
            .pop_front_if(|stretch| stretch.last < offset)
            .is_some()
        {}
        match self.0.front() {
            Some(stretch) if stretch.first < offset => (stretch.first, stretch.entered),
            _ => (offset, entered),
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for stretch in &self.0 {
            out.extend_from_slice(&stretch.first.to_be_bytes());
            out.extend_from_slice(&micros(stretch.entered).to_be_bytes());
            out.extend_from_slice(&stretch.last.to_be_bytes());
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let chunks = bytes.chunks(STRETCH_BYTES);
        let stretches = chunks.map(|chunk| {
            Some(Stretch {
                first: number(chunk, 0)?,
                entered: time(number(chunk, 8)?),
                last: number(chunk, 16)?,
            })
        });
        Some(Self(stretches.collect::<Option<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Timestamp {
        Timestamp::from_millis(n)
    }

    #[test]
    fn a_start_between_request_and_repetition_moves_to_the_request() {
        let mut repeats = Repeats::default();
        repeats.note(5, at(5), 50);
        assert_eq!(repeats.clone().start(5, at(6)), (5, at(6)));
        assert_eq!(repeats.clone().start(6, at(6)), (5, at(5)));
        assert_eq!(repeats.clone().start(50, at(50)), (5, at(5)));
        assert_eq!(repeats.clone().start(51, at(51)), (51, at(51)));
    }

    #[test]
    fn overlapping_stretches_act_as_one_and_others_do_not() {
        let mut repeats = Repeats::default();
        repeats.note(1, at(1), 4);
        repeats.note(10, at(10), 20);
        repeats.note(15, at(15), 30);
        assert_eq!(repeats.clone().start(29, at(29)), (10, at(10)));
        assert_eq!(repeats.clone().start(3, at(3)), (1, at(1)));
        assert_eq!(repeats.clone().start(7, at(7)), (7, at(7)));
        repeats.note(2, at(2), 40);
        assert_eq!(repeats.clone().start(35, at(35)), (1, at(1)));
    }

    #[test]
    fn stretches_behind_the_start_are_forgotten_and_the_rest_reads_back() {
        let mut repeats = Repeats::default();
        repeats.note(1, at(1), 4);
        repeats.note(10, at(10), 20);
        let _ = repeats.start(9, at(9));
        let mut bytes = Vec::new();
        repeats.write(&mut bytes);
        assert_eq!(bytes.len(), STRETCH_BYTES);
        assert_eq!(Repeats::read(&bytes), Some(repeats));
        assert_eq!(Repeats::read(&bytes[1..]), None);
    }
}
