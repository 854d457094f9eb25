//! What goes in comes out, byte by byte and in order.

use bytes::Bytes;

use super::case::{Case, Harness, new};
use crate::{Appender, EventLog, NewRecord, Partition};

/// Keys, values, headers, tombstones, and nothing where nothing was.
pub async fn every_part_comes_back<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let bytes = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let header = |name: &str, value: &'static [u8]| (name.to_owned(), Bytes::from_static(value));
    let record = |key, value, headers| NewRecord {
        key,
        value,
        headers,
        ..new(&topic, 0, "")
    };
    let put = vec![
        record(
            bytes("key"),
            bytes("value"),
            vec![header("b", b"1"), header("a", b"\xff\x00")],
        ),
        record(bytes("key"), None, vec![]),
        record(
            None,
            bytes(""),
            vec![header("twice", b"1"), header("twice", b"")],
        ),
        record(bytes(""), bytes("\u{1f422}"), vec![]),
        record(None, None, vec![]),
    ];
    case.append_all(put.clone()).await;
    let read = case.read(&topic, 0).await;
    assert_eq!(read.len(), put.len());
    for (put, read) in put.iter().zip(&read) {
        assert_eq!(
            (&put.key, &put.value, &put.headers),
            (&read.key, &read.value, &read.headers)
        );
        assert_eq!((&read.topic, read.partition), (&topic, Partition(0)));
        assert!(
            read.timestamp_us > 1_600_000_000_000_000,
            "not a time: {}",
            read.timestamp_us
        );
    }
    assert!(read.is_sorted_by_key(|r| r.timestamp_us));
}

/// Offsets grow within a partition; records of one call keep their order.
pub async fn offsets_grow_and_keep_the_order<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let mut put = Vec::new();
    for call in 0..20 {
        let values: Vec<String> = (0..call).map(|n| format!("{call} {n}")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        case.append(&topic, &values).await;
        put.extend(values.iter().map(ToString::to_string));
    }
    assert_eq!(case.values(&topic, 0).await, put);
    let read = case.read(&topic, 0).await;
    assert!(read.windows(2).all(|pair| pair[0].offset < pair[1].offset));
}

/// One call for several partitions says of each record where it went.
pub async fn one_call_reaches_several_partitions<H: Harness>(case: Case<H>) {
    let topic = case.topic(3).await;
    let appender = case
        .log
        .open_appender(case.writer())
        .await
        .expect("an appender opens");
    let records: Vec<_> = (0..30)
        .map(|n| new(&topic, n * 7 % 3, &n.to_string()))
        .collect();
    let places = appender
        .append(records.clone())
        .await
        .expect("an append succeeds");
    for partition in 0..3 {
        let read = case.read(&topic, partition).await;
        let put = records
            .iter()
            .zip(&places)
            .filter(|(r, _)| r.partition.0 == partition);
        let put: Vec<_> = put.map(|(r, p)| (p.0, p.1, r.value.clone())).collect();
        let read: Vec<_> = read
            .into_iter()
            .map(|r| (r.partition, r.offset, r.value))
            .collect();
        assert_eq!(read, put);
    }
}
