//! How records lie in the store: many of one partition in one value.
//!
//! ```text
//! batch   format u8 = 1 | kind u8 | count u32 | base u64 | timestamp i64 | index | records
//! index   kind 0: nothing, offsets are base, base + 1, … and all have the batch's timestamp
//!         kind 1: count times (offset u64, timestamp i64), as compaction leaves them
//! record  flags u8 (1 key, 2 value) | key | value | header count u32 | (name, bytes) each
//! bytes   length u32, then that many
//! ```
//!
//! All numbers are little-endian. Decoding copies no payload: records are slices of the batch.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use triggerfish_log::{Limit, LogError, NewRecord, Offset, Record};

use crate::topics::PartitionLog;

const FORMAT: u8 = 1;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const COUNT_AT: usize = 2;
const HEADER_BYTES: usize = 22;
const HAS_KEY: u8 = 1;
const HAS_VALUE: u8 = 2;

/// Begins a batch of consecutive records that were appended at the same time.
pub(crate) fn begin(base: u64, timestamp_us: i64, capacity: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(HEADER_BYTES + capacity);
    put_header(&mut out, DENSE, 0, base, timestamp_us);
    out
}

/// Writes the number of records into a batch made by [`begin`].
pub(crate) fn set_count(batch: &mut BytesMut, count: u32) {
    batch[COUNT_AT..COUNT_AT + 4].copy_from_slice(&count.to_le_bytes());
}

fn put_header(out: &mut BytesMut, kind: u8, count: u32, base: u64, timestamp_us: i64) {
    out.put_u8(FORMAT);
    out.put_u8(kind);
    out.put_u32_le(count);
    out.put_u64_le(base);
    out.put_i64_le(timestamp_us);
}

/// A batch of the records that compaction left over, with their own offsets and timestamps.
pub(crate) fn sparse(base: u64, records: &[Record]) -> Bytes {
    let bytes: usize = records.iter().map(|r| r.payload_bytes() + 64).sum();
    let mut out = BytesMut::with_capacity(HEADER_BYTES + bytes);
    let newest = records.iter().map(|r| r.timestamp_us).max().unwrap_or(0);
    put_header(&mut out, SPARSE, length(records.len()), base, newest);
    for record in records {
        out.put_u64_le(record.offset.0);
        out.put_i64_le(record.timestamp_us);
    }
    for r in records {
        put_record(&mut out, r.key.as_ref(), r.value.as_ref(), &r.headers);
    }
    out.freeze()
}

/// No less than [`put_new`] appends for this record.
pub(crate) fn bytes_of_new(record: &NewRecord) -> usize {
    record.payload_bytes() + 32 + 8 * record.headers.len()
}

/// Encodes one record as it lies inside a batch.
pub(crate) fn put_new(out: &mut Vec<u8>, record: &NewRecord) {
    put_record(
        out,
        record.key.as_ref(),
        record.value.as_ref(),
        &record.headers,
    );
}

fn put_record(
    out: &mut impl BufMut,
    key: Option<&Bytes>,
    value: Option<&Bytes>,
    headers: &[(String, Bytes)],
) {
    let flag = |part: Option<&Bytes>, bit| if part.is_some() { bit } else { 0 };
    out.put_u8(flag(key, HAS_KEY) | flag(value, HAS_VALUE));
    for part in [key, value].into_iter().flatten() {
        put_bytes(out, part);
    }
    out.put_u32_le(length(headers.len()));
    for (name, value) in headers {
        put_bytes(out, name.as_bytes());
        put_bytes(out, value);
    }
}

fn put_bytes(out: &mut impl BufMut, bytes: &[u8]) {
    out.put_u32_le(length(bytes.len()));
    out.put_slice(bytes);
}

fn length(n: usize) -> u32 {
    u32::try_from(n).expect("the record limit is at most 1 GiB")
}

/// What a read may still return.
pub(crate) struct Budget {
    records: usize,
    bytes: usize,
    empty: bool,
}

impl Budget {
    pub(crate) fn new(limit: Limit) -> Self {
        Self {
            records: limit.records.get(),
            bytes: limit.bytes.get(),
            empty: true,
        }
    }

    /// Everything.
    pub(crate) fn unlimited() -> Self {
        Self {
            records: usize::MAX,
            bytes: usize::MAX,
            empty: true,
        }
    }

    /// Records that may still be read.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// Bytes that may still be read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_spent(&self) -> bool {
        !self.empty && (self.records == 0 || self.bytes == 0)
    }

    fn takes(&mut self, bytes: usize) -> bool {
        if !self.empty && (self.records == 0 || bytes > self.bytes) {
            self.bytes = 0;
            return false;
        }
        self.empty = false;
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

/// Appends the batch's records at or after `from` to `out` while the budget lasts. Returns where
/// to read on, or `None` if the batch was read to its end.
pub(crate) fn decode(
    log: &PartitionLog,
    batch: &Bytes,
    from: u64,
    budget: &mut Budget,
    out: &mut Vec<Record>,
) -> Result<Option<u64>, LogError> {
    let damaged = || LogError::Corrupt {
        what: format!(
            "a batch of {}/{} at or after {from}",
            log.topic, log.partition
        ),
    };
    let mut rest = batch.clone();
    let header = Header::take(&mut rest).ok_or_else(damaged)?;
    let mut index = rest.clone();
    if header.kind == SPARSE {
        let index_bytes = (header.count as usize)
            .checked_mul(16)
            .ok_or_else(damaged)?;
        if rest.len() < index_bytes {
            return Err(damaged());
        }
        rest.advance(index_bytes);
    }
    for n in 0..u64::from(header.count) {
        let (offset, timestamp_us) = if header.kind == SPARSE {
            (index.get_u64_le(), index.get_i64_le())
        } else {
            (header.base + n, header.timestamp_us)
        };
        let wanted = offset >= from;
        let (parts, bytes) = take_record(&mut rest, wanted).ok_or_else(damaged)?;
        if !wanted {
            continue;
        }
        if !budget.takes(bytes) {
            return Ok(Some(offset));
        }
        let (key, value, headers) = parts;
        out.push(Record {
            topic: log.topic.clone(),
            partition: log.partition,
            offset: Offset(offset),
            timestamp_us,
            key,
            value,
            headers,
        });
    }
    Ok(None)
}

struct Header {
    kind: u8,
    count: u32,
    base: u64,
    timestamp_us: i64,
}

impl Header {
    fn take(bytes: &mut Bytes) -> Option<Self> {
        if bytes.len() < HEADER_BYTES || bytes.get_u8() != FORMAT {
            return None;
        }
        let kind = bytes.get_u8();
        let header = Self {
            kind,
            count: bytes.get_u32_le(),
            base: bytes.get_u64_le(),
            timestamp_us: bytes.get_i64_le(),
        };
        // The offset after the last record is a number as well.
        header.base.checked_add(header.count.into())?;
        matches!(kind, DENSE | SPARSE).then_some(header)
    }
}

type Parts = (Option<Bytes>, Option<Bytes>, Vec<(String, Bytes)>);

/// Takes a record off the front; names of headers are made only if it is wanted.
fn take_record(rest: &mut Bytes, wanted: bool) -> Option<(Parts, usize)> {
    let flags = rest.try_get_u8().ok()?;
    let mut part = |bit: u8| {
        if flags & bit == 0 {
            Some(None)
        } else {
            take_bytes(rest).map(Some)
        }
    };
    let key = part(HAS_KEY)?;
    let value = part(HAS_VALUE)?;
    let mut size = key.as_ref().map_or(0, Bytes::len) + value.as_ref().map_or(0, Bytes::len);
    let mut headers = Vec::new();
    for _ in 0..rest.try_get_u32_le().ok()? {
        let name = take_bytes(rest)?;
        let value = take_bytes(rest)?;
        size += name.len() + value.len();
        if wanted {
            headers.push((std::str::from_utf8(&name).ok()?.to_owned(), value));
        }
    }
    Some(((key, value, headers), size))
}

fn take_bytes(rest: &mut Bytes) -> Option<Bytes> {
    let length = rest.try_get_u32_le().ok()? as usize;
    (rest.len() >= length).then(|| rest.split_to(length))
}

#[cfg(test)]
mod tests {
    use triggerfish_log::{Partition, Topic};

    use super::*;

    fn log() -> PartitionLog {
        PartitionLog::new(Topic::new("t"), 1, Partition(3), 0)
    }

    fn new(key: Option<&'static str>, value: Option<&'static str>) -> NewRecord {
        NewRecord {
            topic: Topic::new("t"),
            partition: Partition(3),
            key: key.map(Bytes::from),
            value: value.map(Bytes::from),
            headers: vec![("h".into(), Bytes::from("1")), ("h".into(), Bytes::new())],
        }
    }

    fn dense(base: u64, records: &[NewRecord]) -> Bytes {
        let mut batch = begin(base, 77, 0);
        for record in records {
            let mut one = Vec::new();
            put_new(&mut one, record);
            batch.extend_from_slice(&one);
        }
        set_count(&mut batch, u32::try_from(records.len()).unwrap());
        batch.freeze()
    }

    #[test]
    fn records_come_back_as_they_were_put() {
        let put = [
            new(Some("k"), Some("v")),
            new(None, None),
            new(Some(""), Some("")),
        ];
        let mut out = Vec::new();
        let batch = dense(5, &put);
        let next = decode(&log(), &batch, 0, &mut Budget::unlimited(), &mut out).unwrap();
        assert_eq!(next, None);
        for (n, (put, got)) in put.iter().zip(&out).enumerate() {
            assert_eq!(
                (&put.key, &put.value, &put.headers),
                (&got.key, &got.value, &got.headers)
            );
            assert_eq!((got.offset.0, got.timestamp_us), (5 + n as u64, 77));
        }
    }

    #[test]
    fn a_read_starts_and_stops_inside_a_batch() {
        let batch = dense(0, &vec![new(None, Some("12345")); 10]);
        let mut out = Vec::new();
        let mut budget = Budget::new(Limit::records(3));
        let next = decode(&log(), &batch, 4, &mut budget, &mut out).unwrap();
        assert_eq!(next, Some(7));
        assert_eq!(
            out.iter().map(|r| r.offset.0).collect::<Vec<_>>(),
            [4, 5, 6]
        );
    }

    #[test]
    fn sparse_batches_keep_offsets_and_timestamps() {
        let mut records = Vec::new();
        let batch = dense(10, &vec![new(Some("k"), Some("v")); 4]);
        decode(&log(), &batch, 0, &mut Budget::unlimited(), &mut records).unwrap();
        records.remove(1);
        records[0].timestamp_us = 5;
        let mut out = Vec::new();
        let batch = sparse(2, &records);
        decode(&log(), &batch, 0, &mut Budget::unlimited(), &mut out).unwrap();
        assert_eq!(out, records);
    }

    #[test]
    fn a_batch_whose_offsets_are_no_numbers_is_an_error_and_no_panic() {
        let records = [new(None, None), new(None, None)];
        for (base, is_whole) in [
            (u64::MAX - 2, true),
            (u64::MAX - 1, false),
            (u64::MAX, false),
        ] {
            let batch = dense(base, &records);
            let mut out = Vec::new();
            let read = decode(&log(), &batch, 0, &mut Budget::unlimited(), &mut out);
            assert_eq!(read.is_ok(), is_whole, "{base}");
        }
    }

    #[test]
    fn a_batch_cut_anywhere_is_an_error_and_no_panic() {
        let batch = dense(0, &[new(Some("key"), Some("value"))]);
        for cut in 0..batch.len() {
            let cut = batch.slice(..cut);
            let found = decode(&log(), &cut, 0, &mut Budget::unlimited(), &mut Vec::new());
            assert!(matches!(found, Err(LogError::Corrupt { .. })), "{cut:?}");
        }
    }
}
