//! The candidates behind one small trait: a group of key-value pairs, durable as a whole.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::bail;
use fjall::{KeyspaceCreateOptions, KvSeparationOptions, PersistMode};

pub(crate) const NAMES: [&str; 3] = ["sled", "fjall", "file"];

pub(crate) type Pair = (Vec<u8>, Vec<u8>);

pub(crate) trait Store: Send {
    /// Writes the group; when it returns the group is on disk.
    fn put(&mut self, group: Vec<Pair>) -> anyhow::Result<()>;
    fn scan(&self) -> anyhow::Result<Vec<Pair>>;
}

pub(crate) fn open(name: &str, folder: &Path) -> anyhow::Result<Box<dyn Store>> {
    Ok(match name {
        "sled" => Box::new(Sled(sled::Config::new().path(folder).open()?)),
        "fjall" => {
            let db = fjall::Database::builder(folder)
                .manual_journal_persist(true)
                .open()?;
            let space = db.keyspace("log", || {
                KeyspaceCreateOptions::default()
                    .with_kv_separation(Some(KvSeparationOptions::default()))
            })?;
            Box::new(Fjall { db, space })
        }
        "file" => Box::new(PlainFile::open(folder)?),
        other => bail!("no store {other:?}, there is {NAMES:?}"),
    })
}

struct Sled(sled::Db);

impl Store for Sled {
    fn put(&mut self, group: Vec<Pair>) -> anyhow::Result<()> {
        let mut batch = sled::Batch::default();
        for (key, value) in group {
            batch.insert(key, value);
        }
        self.0.apply_batch(batch)?;
        self.0.flush()?;
        Ok(())
    }

    fn scan(&self) -> anyhow::Result<Vec<Pair>> {
        let pair = |p: sled::Result<(sled::IVec, sled::IVec)>| {
            let (k, v) = p?;
            Ok((k.to_vec(), v.to_vec()))
        };
        self.0.iter().map(pair).collect()
    }
}

struct Fjall {
    db: fjall::Database,
    space: fjall::Keyspace,
}

impl Store for Fjall {
    fn put(&mut self, group: Vec<Pair>) -> anyhow::Result<()> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        for (key, value) in group {
            batch.insert(&self.space, key, value);
        }
        Ok(batch.commit()?)
    }

    fn scan(&self) -> anyhow::Result<Vec<Pair>> {
        let pair = |guard: fjall::Guard| {
            let (k, v) = guard.into_inner()?;
            Ok((k.to_vec(), v.to_vec()))
        };
        self.space.iter().map(pair).collect()
    }
}

/// Frames of length, checksum and pairs, cut off at the first that does not check.
struct PlainFile {
    file: File,
    path: std::path::PathBuf,
}

impl PlainFile {
    fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("log");
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let (_, whole) = frames(&std::fs::read(&path)?);
        file.set_len(whole as u64)?;
        Ok(Self { file, path })
    }
}

fn frames(bytes: &[u8]) -> (Vec<Pair>, usize) {
    let mut pairs = Vec::new();
    let mut at = 0;
    while let Some((head, rest)) = bytes[at..].split_at_checked(12) {
        let length = u32::from_le_bytes(head[..4].try_into().expect("4 bytes")) as usize;
        let sum = u64::from_le_bytes(head[4..].try_into().expect("8 bytes"));
        let Some(body) = rest.get(..length).filter(|_| length > 0) else {
            break;
        };
        if xxhash_rust::xxh3::xxh3_64(body) != sum {
            break;
        }
        let mut rest = body;
        let mut part = || -> Option<Vec<u8>> {
            let mut size = [0; 4];
            rest.read_exact(&mut size).ok()?;
            let (part, left) = rest.split_at_checked(u32::from_le_bytes(size) as usize)?;
            rest = left;
            Some(part.to_vec())
        };
        while let (Some(key), Some(value)) = (part(), part()) {
            pairs.push((key, value));
        }
        at += 12 + length;
    }
    (pairs, at)
}

impl Store for PlainFile {
    fn put(&mut self, group: Vec<Pair>) -> anyhow::Result<()> {
        let mut frame = vec![0; 12];
        for part in group.iter().flat_map(|(k, v)| [k, v]) {
            frame.extend(u32::try_from(part.len())?.to_le_bytes());
            frame.extend(part);
        }
        let length = u32::try_from(frame.len() - 12)?;
        let sum = xxhash_rust::xxh3::xxh3_64(&frame[12..]);
        frame[..4].copy_from_slice(&length.to_le_bytes());
        frame[4..12].copy_from_slice(&sum.to_le_bytes());
        self.file.write_all(&frame)?;
        self.file.sync_data()?;
        Ok(())
    }

    fn scan(&self) -> anyhow::Result<Vec<Pair>> {
        Ok(frames(&std::fs::read(&self.path)?).0)
    }
}
