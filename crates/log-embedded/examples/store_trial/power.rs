//! Loss of power, imitated: of the last, not yet acknowledged group any subset of the written
//! pages has reached the disk. Every group before it was flushed and must be there.

use std::fs;
use std::path::Path;

use crate::crash::{Seeded, check, group};
use crate::stores;

const TRIALS: u64 = 100;
const PAGE: usize = 4096;

pub(crate) fn run() -> anyhow::Result<()> {
    println!("store  power losses   would not open   lost or torn   first error");
    for name in stores::NAMES {
        let (mut closed, mut wrong, mut error) = (0, 0, String::new());
        for seed in 1..=TRIALS {
            let at = tempfile::tempdir_in(".")?;
            let (before, after, left) = (
                at.path().join("before"),
                at.path().join("after"),
                at.path().join("left"),
            );
            let acknowledged = 3 + seed % 7;
            write(name, &at.path().join("live"), acknowledged, &before, &after)?;
            mix(
                &before,
                &after,
                &left,
                &mut Seeded(seed.wrapping_mul(0x9E37_79B9) | 1),
            )?;
            let found = match stores::open(name, &left) {
                Err(e) => {
                    closed += 1;
                    Err(e)
                }
                Ok(store) => check(store.as_ref(), acknowledged).inspect_err(|_| wrong += 1),
            };
            if let (Err(e), true) = (found, error.is_empty()) {
                error = format!("{e:#}");
            }
        }
        println!("{name:<6} {TRIALS:>12} {closed:>16} {wrong:>14}   {error}");
    }
    Ok(())
}

fn write(name: &str, live: &Path, groups: u64, before: &Path, after: &Path) -> anyhow::Result<()> {
    let mut store = stores::open(name, live)?;
    for number in 1..=groups {
        store.put(group(number))?;
    }
    copy(live, before)?;
    store.put(group(groups + 1))?;
    copy(live, after)
}

/// Copies a folder, passing over temporary files that a store puts away meanwhile.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
            continue;
        }
        match fs::copy(entry.path(), target) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            copied => drop(copied?),
        }
    }
    Ok(())
}

/// `before`, with any subset of the pages that differ in `after`.
fn mix(before: &Path, after: &Path, left: &Path, seeded: &mut Seeded) -> anyhow::Result<()> {
    fs::create_dir_all(left)?;
    for entry in fs::read_dir(after)? {
        let entry = entry?;
        let name = entry.file_name();
        let (before, left) = (before.join(&name), left.join(&name));
        if entry.file_type()?.is_dir() {
            mix(&before, &entry.path(), &left, seeded)?;
            continue;
        }
        let new = fs::read(entry.path())?;
        let mut old = fs::read(before).unwrap_or_default();
        old.resize(new.len().max(old.len()), 0);
        for (old, new) in old.chunks_mut(PAGE).zip(new.chunks(PAGE)) {
            if old != new && seeded.below(2) == 0 {
                old[..new.len()].copy_from_slice(new);
            }
        }
        fs::write(left, old)?;
    }
    Ok(())
}
