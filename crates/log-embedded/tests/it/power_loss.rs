//! Loss of power, imitated: of the last group, which nobody was told about, any of the written
//! pages has reached the disk. What was acknowledged before is there, the last is whole or absent.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use triggerfish_log::{Appender, EventLog};
use triggerfish_log_embedded::EmbeddedLog;

use crate::{Seeded, ensure, open, read_all, record};

const TRIALS: u64 = 40;
const PAGE: usize = 4096;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_last_group_is_dropped_and_nothing_else() {
    let mut mended = 0;
    for seed in 1..=TRIALS {
        let mut seeded = Seeded(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let at = tempfile::tempdir().unwrap();
        let (before, after) = (at.path().join("before"), at.path().join("after"));
        let acknowledged = 1 + seeded.below(4);
        let log = open(&at.path().join("live")).await;
        ensure(&log, &[("torn", 2)]).await;
        for group in 0..acknowledged {
            append(&log, group).await;
        }
        copy(log.folder(), &before);
        append(&log, acknowledged).await;
        copy(log.folder(), &after);
        let left = at.path().join("left");
        mix(&before, &after, &left, &mut seeded);
        mended += check(&left, acknowledged).await;
    }
    assert!(mended > 0, "no trial came to what has to be mended");
}

/// One call, hence one group: the size of a few pages, in two partitions.
async fn append(log: &EmbeddedLog, group: u64) {
    let size = usize::try_from(group * 1777 % 9001).unwrap();
    let value = format!("{group} {:0size$}", 0);
    let records = (0..6)
        .map(|n| record("torn", n % 2, value.clone()))
        .collect();
    log.open_appender("power".into())
        .await
        .unwrap()
        .append(records)
        .await
        .unwrap();
}

/// Returns 1 if the journal had to be mended.
async fn check(folder: &Path, acknowledged: u64) -> usize {
    let log = open(folder).await;
    let counts = [
        read_all(&log, "torn", 0).await,
        read_all(&log, "torn", 1).await,
    ]
    .map(|all| {
        for (n, record) in all.iter().enumerate() {
            assert!(crate::text(record).starts_with(&format!("{} ", n / 3)));
        }
        all.len()
    });
    assert_eq!(counts[0], counts[1], "the last group is there by halves");
    let groups = counts[0] as u64 / 3;
    assert!(
        (acknowledged..=acknowledged + 1).contains(&groups),
        "{groups} of {acknowledged}"
    );
    // It takes more, and what it takes is there after another opening.
    append(&log, groups).await;
    log.close().await;
    let log = open(folder).await;
    assert_eq!(
        read_all(&log, "torn", 1).await.len() as u64,
        3 * (groups + 1)
    );
    log.close().await;
    usize::from(folder.join("torn-1.bin").exists())
}

fn copy(from: &Path, to: &Path) {
    mix(from, from, to, &mut Seeded(1));
}

/// `before`, with any of the pages that differ in `after`. The empty rest of a file stays a hole.
fn mix(before: &Path, after: &Path, left: &Path, seeded: &mut Seeded) {
    fs::create_dir_all(left).unwrap();
    for entry in fs::read_dir(after).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let (before, left) = (before.join(&name), left.join(&name));
        if entry.file_type().unwrap().is_dir() {
            mix(&before, &entry.path(), &left, seeded);
            continue;
        }
        let length = entry.metadata().unwrap().len();
        let new = written(&entry.path());
        let mut old = if before.exists() {
            written(&before)
        } else {
            Vec::new()
        };
        old.resize(new.len().max(old.len()), 0);
        for (old, new) in old.chunks_mut(PAGE).zip(new.chunks(PAGE)) {
            if old != new && seeded.below(2) == 0 {
                old[..new.len()].copy_from_slice(new);
            }
        }
        let mut file = File::create(left).unwrap();
        file.write_all(&old).unwrap();
        file.set_len(length).unwrap();
    }
}

/// The start of a file up to where it is a hole: the store makes its journal large beforehand.
fn written(path: &Path) -> Vec<u8> {
    const MOST: u64 = 2 << 20;
    let file = File::open(path).unwrap();
    assert!(
        file.metadata().unwrap().blocks() * 512 <= MOST,
        "{} is too large",
        path.display()
    );
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).unwrap();
    bytes
}
