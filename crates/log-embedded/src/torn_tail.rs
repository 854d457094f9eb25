//! Mends what loss of power leaves at the end of the store's journal.
//!
//! The journal is flushed after every group, so only the last group, which nobody was told
//! about, can be in it by halves. fjall 3.1 drops such a group where its end is missing, but
//! refuses to open where the end reached the disk and something before it did not
//! (`ChecksumMismatch`). This cuts the journal after the last whole group, having put what it
//! cuts off aside. It reads fjall's journal of format 3:
//!
//! ```text
//! start  1 u8 | items u32 | number u64
//! item   2 u8 | kind u8 | compression u8 = 0 | keyspace u64 | key length u16 | value length u32
//!        | stored length u32 | key | value
//! end    3 u8 | checksum u64 (xxh3 of the items) | "FJL" 3
//! clear  4 u8 | keyspace u64
//! ```

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";

/// What was cut off a journal.
pub(crate) struct Cut {
    /// How many bytes, not counting the empty rest of the file.
    pub(crate) bytes: usize,
    /// Where they were put.
    pub(crate) aside: PathBuf,
}

/// Cuts the newest journal of the store after its last whole group. `None` if there is nothing
/// to cut, so that whatever is wrong with the store is something else.
pub(crate) fn cut(store: &Path, aside: &Path) -> io::Result<Option<Cut>> {
    let Some(journal) = newest_journal(store)? else {
        return Ok(None);
    };
    let bytes = fs::read(&journal)?;
    let whole = whole_groups(&bytes);
    let written = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
    if written <= whole {
        return Ok(None);
    }
    let aside = (1..u32::MAX)
        .map(|n| aside.join(format!("torn-{n}.bin")))
        .find(|path| !path.exists())
        .ok_or_else(|| io::Error::other("no free name for what is cut off"))?;
    fs::write(&aside, &bytes[whole..written])?;
    File::open(&aside)?.sync_all()?;
    let file = OpenOptions::new().write(true).open(&journal)?;
    file.set_len(whole as u64)?;
    file.sync_all()?;
    Ok(Some(Cut {
        bytes: written - whole,
        aside,
    }))
}

fn newest_journal(store: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(store)? {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|n| n.to_str()?.strip_suffix(".jnl")?.parse().ok());
        if let Some(number) = number
            && newest.as_ref().is_none_or(|(n, _)| *n < number)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Where the last whole group ends.
pub(crate) fn whole_groups(journal: &[u8]) -> usize {
    let mut rest = journal;
    while let Some(after) = skip_group(rest) {
        rest = after;
    }
    journal.len() - rest.len()
}

fn skip_group(group: &[u8]) -> Option<&[u8]> {
    let mut rest = group.strip_prefix(&[START])?;
    let items = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
    rest.split_off(..8)?;
    let content = rest;
    for _ in 0..items {
        rest = skip_item(rest)?;
    }
    let sum = xxh3_64(&content[..content.len() - rest.len()]);
    let rest = rest
        .strip_prefix(&[END])?
        .strip_prefix(&sum.to_le_bytes())?;
    rest.strip_prefix(TRAILER)
}

fn skip_item(item: &[u8]) -> Option<&[u8]> {
    if let Some(mut rest) = item.strip_prefix(&[CLEAR]) {
        rest.split_off(..8)?;
        return Some(rest);
    }
    let mut rest = item.strip_prefix(&[ITEM])?;
    rest.split_off(..10)?;
    let key = u16::from_le_bytes(*rest.split_off(..2)?.first_chunk()?);
    let value = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
    let stored = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
    (value == stored).then_some(())?;
    rest.split_off(..usize::from(key))?;
    rest.split_off(..value as usize)?;
    Some(rest)
}
