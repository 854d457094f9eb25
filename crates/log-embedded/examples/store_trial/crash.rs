//! Kills a writing process again and again, and looks at what is left.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::stores::{self, Pair, Store};

const KILLS: u64 = 50;
/// Keys in each group; a torn group has fewer.
pub(crate) const KEYS: u8 = 3;

/// xorshift: the trial has to be repeatable, not unpredictable.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Group `number`, of a size that depends on it: mostly small, sometimes many pages.
pub(crate) fn group(number: u64) -> Vec<Pair> {
    let mut seeded = Seeded(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let size = [600, 6_000, 60_000][usize::try_from(seeded.below(3)).expect("small")];
    let value = |k: u8| {
        let mut value = number.to_be_bytes().to_vec();
        value.resize(size, u8::try_from(number % 251).expect("below 251") ^ k);
        value
    };
    (0..KEYS)
        .map(|k| ([&[k][..], &number.to_be_bytes()].concat(), value(k)))
        .collect()
}

/// The highest group found, if every group from 1 to it is whole and as written.
pub(crate) fn check(store: &dyn Store, acknowledged: u64) -> anyhow::Result<u64> {
    let mut found: BTreeMap<u64, Vec<Pair>> = BTreeMap::new();
    for (key, value) in store.scan()? {
        let number = u64::from_be_bytes(key[1..9].try_into().context("key of another size")?);
        found.entry(number).or_default().push((key, value));
    }
    for (at, (number, pairs)) in found.iter().enumerate() {
        anyhow::ensure!(at as u64 + 1 == *number, "group {} is missing", at + 1);
        anyhow::ensure!(*pairs == group(*number), "group {number} is torn");
    }
    let highest = found.len() as u64;
    anyhow::ensure!(
        highest >= acknowledged,
        "{acknowledged} acknowledged, {highest} there"
    );
    Ok(highest)
}

/// Writes groups from the first that is missing and prints each number once it is durable.
pub(crate) fn child(name: &str, folder: &Path) -> anyhow::Result<()> {
    let mut store = stores::open(name, folder)?;
    let mut number = check(store.as_ref(), 0)?;
    let mut out = std::io::stdout().lock();
    loop {
        number += 1;
        store.put(group(number))?;
        writeln!(out, "{number}")?;
        out.flush()?;
    }
}

pub(crate) fn run() -> anyhow::Result<()> {
    println!("store  kills   groups   open ms p50   max   verdict");
    for name in stores::NAMES {
        let folder = tempfile::tempdir_in(".")?;
        let mut seeded = Seeded(42);
        let mut opens = Vec::new();
        let mut verdict = Ok(0);
        for _ in 0..KILLS {
            let acknowledged = kill_one(name, folder.path(), 20 + seeded.below(200))?;
            let started = Instant::now();
            let store = stores::open(name, folder.path());
            opens.push(started.elapsed());
            verdict = store.and_then(|s| check(s.as_ref(), acknowledged));
            if verdict.is_err() {
                break;
            }
        }
        opens.sort();
        let groups = verdict.as_ref().copied().unwrap_or(0);
        println!(
            "{name:<6} {:>5} {groups:>8} {:>13} {:>5}   {}",
            opens.len(),
            opens[opens.len() / 2].as_millis(),
            opens.last().map_or(0, Duration::as_millis),
            verdict.map_or_else(
                |e| format!("{e:#}"),
                |_| "nothing lost, nothing torn".into()
            ),
        );
    }
    Ok(())
}

fn kill_one(name: &str, folder: &Path, after_ms: u64) -> anyhow::Result<u64> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["child", name])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()?;
    let out = BufReader::new(child.stdout.take().context("piped")?);
    let reading = std::thread::spawn(move || {
        let numbers = out
            .lines()
            .map_while(Result::ok)
            .filter_map(|l| l.parse().ok());
        numbers.last().unwrap_or(0u64)
    });
    std::thread::sleep(Duration::from_millis(after_ms));
    child.kill()?;
    child.wait()?;
    Ok(reading.join().expect("the reader does not panic"))
}
