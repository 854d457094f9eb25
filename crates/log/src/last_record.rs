//! The last record of a partition, without arithmetic on offsets.

use crate::{Limit, LogError, Offset, Partition, Reader, Topic};

/// How far before the end the search begins, in offsets.
const FIRST_WINDOW: u64 = 8;
/// How much further back it looks each time it has found nothing.
const GROWTH: u64 = 16;

/// Where the last record stands that can be read at the moment; `None` if there is none.
///
/// Looks back from the end in growing windows and reads forward in each: what stands right
/// before the end may be a gap, and retention may have left nothing but gaps.
///
/// # Errors
/// As [`Reader::read`].
pub async fn last_record<R: Reader>(
    reader: &mut R,
    topic: &Topic,
    partition: Partition,
) -> Result<Option<Offset>, LogError> {
    let bounds = reader.bounds(topic, partition).await?;
    let mut window = FIRST_WINDOW;
    loop {
        let from = bounds.end.0.saturating_sub(window).max(bounds.first.0);
        let from = Offset(from);
        let found = last_from(reader, topic, partition, from, bounds.end).await?;
        if found.is_some() || from == bounds.first {
            return Ok(found);
        }
        window = window.saturating_mul(GROWTH);
    }
}

/// The last record at or after `from`. Whatever is appended meanwhile need not be read.
async fn last_from<R: Reader>(
    reader: &mut R,
    topic: &Topic,
    partition: Partition,
    from: Offset,
    end: Offset,
) -> Result<Option<Offset>, LogError> {
    let (mut next, mut last) = (from, None);
    loop {
        let page = reader
            .read(topic, partition, next, Limit::default())
            .await?;
        last = page.records.last().map(|record| record.offset).or(last);
        next = page.next;
        if page.at_end || next >= end {
            return Ok(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Bounds, Page, Position, Record};

    /// Records at these offsets, two to a page, and gaps everywhere else.
    struct Gaps {
        offsets: Vec<u64>,
        bounds: Bounds,
        reads: usize,
    }

    impl Reader for Gaps {
        async fn bounds(&mut self, _: &Topic, _: Partition) -> Result<Bounds, LogError> {
            Ok(self.bounds)
        }

        async fn read(
            &mut self,
            topic: &Topic,
            partition: Partition,
            from: Offset,
            _: Limit,
        ) -> Result<Page, LogError> {
            self.reads += 1;
            let offsets = self.offsets.iter().filter(|offset| **offset >= from.0);
            let record = |offset: &u64| Record {
                topic: topic.clone(),
                partition,
                offset: Offset(*offset),
                timestamp_us: 0,
                key: None,
                value: None,
                headers: Vec::new(),
            };
            let records: Vec<Record> = offsets.clone().take(2).map(record).collect();
            let at_end = offsets.count() <= 2;
            let next = match records.last() {
                Some(last) if !at_end => last.offset.next(),
                _ => self.bounds.end,
            };
            Ok(Page {
                records,
                next,
                at_end,
            })
        }

        async fn follow(
            &mut self,
            _: &mut [Position],
            _: Limit,
            _: Duration,
        ) -> Result<Vec<Record>, LogError> {
            Ok(Vec::new())
        }
    }

    async fn last(offsets: &[u64], first: u64, end: u64) -> (Option<u64>, usize) {
        let mut reader = Gaps {
            offsets: offsets.to_vec(),
            bounds: Bounds {
                first: Offset(first),
                end: Offset(end),
            },
            reads: 0,
        };
        let topic = Topic::from("t");
        let found = last_record(&mut reader, &topic, Partition(0)).await;
        (found.unwrap().map(|offset| offset.0), reader.reads)
    }

    #[tokio::test]
    async fn gaps_before_the_end_are_passed_over() {
        let many: Vec<u64> = (0..1000).collect();
        assert_eq!(last(&many, 0, 1000).await.0, Some(999));
        // The end is marked, as after a transaction.
        assert_eq!(last(&many, 0, 1002).await.0, Some(999));
        // A long gap takes a few looks, not one for each offset.
        let (found, reads) = last(&[3], 0, 1_000_000).await;
        assert_eq!(found, Some(3));
        assert!(reads < 10, "{reads} reads");
    }

    #[tokio::test]
    async fn nothing_is_found_where_nothing_is() {
        assert_eq!(last(&[], 0, 0).await.0, None);
        // Retention took everything.
        assert_eq!(last(&[], 500, 500).await.0, None);
        assert_eq!(last(&[], 0, 500).await.0, None);
    }
}
