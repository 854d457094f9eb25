//! `triggerfish dead-letters list`

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{TOPIC, each_page, letters};
use crate::{
    args::dead_letters::ListArgs,
    client::Client,
    output::{self, Look, Paint, cut},
    records::folder,
};

const REASON_CHARS: usize = 120;

/// A letter in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    pub(super) place: String,
    pub(super) written: String,
    pub(super) reason: String,
    /// `topic/partition@offset`.
    pub(super) from: String,
    pub(super) key: Option<String>,
    /// Bytes of the value before it was cut.
    pub(super) cut_from: Option<String>,
}

/// As the API gives it.
#[derive(Deserialize)]
struct Record {
    partition: u32,
    offset: u64,
    timestamp: String,
    key: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Listed {
    pub(super) fn read(record: &RawValue) -> anyhow::Result<Self> {
        let record: Record = serde_json::from_str(record.get())?;
        let header = |name: &str| record.headers.get(name).cloned();
        let shown = |name: &str| header(name).unwrap_or_else(|| "?".to_owned());
        let from = format!(
            "{}/{}@{}",
            shown("triggerfish-topic"),
            shown("triggerfish-partition"),
            shown("triggerfish-offset")
        );
        Ok(Self {
            place: format!("{}@{}", record.partition, record.offset),
            written: record.timestamp,
            reason: shown("triggerfish-reason"),
            from,
            cut_from: header("triggerfish-cut-from"),
            key: record.key,
        })
    }
}

pub(super) async fn run(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let mut kept = Kept {
        letters: VecDeque::new(),
        limit: args.limit as usize,
        oldest: args.from_beginning,
    };
    let give = |records: &[Box<RawValue>]| {
        for letter in letters(records, args.reason.as_deref()) {
            kept.add(letter?);
        }
        Ok(!kept.is_done())
    };
    match &args.data {
        Some(data) => folder::each_page(data, TOPIC, give).await?,
        None => each_page(&Client::new(&args.client)?, give).await?,
    }
    let letters = kept.letters.into_iter();
    let letters: Vec<Listed> = if args.from_beginning {
        letters.collect()
    } else {
        letters.rev().collect()
    };
    if args.json {
        for letter in &letters {
            output::line(serde_json::to_string(letter)?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let plain = |text: &str| (text.to_owned(), Look::Plain);
    let row = |letter: &Listed| {
        vec![
            (letter.place.clone(), Look::Bold),
            (letter.written.clone(), Look::Dim),
            plain(&letter.from),
            plain(&cut(&letter.reason, REASON_CHARS)),
        ]
    };
    let rows: Vec<output::Row> = letters.iter().map(row).collect();
    if !rows.is_empty() {
        let heads = ["PLACE", "WRITTEN", "FROM", "REASON"];
        output::table(Paint::stdout(), &heads, &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The oldest or the newest letters, in the order of the topic.
struct Kept {
    letters: VecDeque<Listed>,
    limit: usize,
    oldest: bool,
}

impl Kept {
    fn add(&mut self, letter: Listed) {
        if self.is_done() {
            return;
        }
        if self.letters.len() == self.limit {
            self.letters.pop_front();
        }
        self.letters.push_back(letter);
    }

    /// Whether what comes later does not count.
    fn is_done(&self) -> bool {
        self.oldest && self.letters.len() == self.limit
    }
}
