//! `triggerfish tail`

mod line;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::{
    args::{TailArgs, TailTopic},
    client::{Client, ClientError},
    output::{self, Paint},
    records::folder,
};

/// How long one request waits for a record.
const WAIT: Duration = Duration::from_secs(25);
/// Records in one answer at most.
const PAGE_RECORDS: u64 = 250;
/// Pause before a service that went away is asked again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(args: &TailArgs) -> anyhow::Result<ExitCode> {
    let mut printer = Printer {
        topic: args.topic,
        json: args.json,
        paint: Paint::stdout(),
        left: args.max.unwrap_or(u64::MAX),
    };
    match &args.data {
        Some(data) => {
            let print = |records: &[Box<RawValue>]| {
                printer.print(records)?;
                Ok(!printer.is_done())
            };
            folder::each_page(data, args.topic.name(), print).await?;
        }
        None => follow(&Client::new(&args.client)?, args, &mut printer).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints records until enough have been printed.
struct Printer {
    topic: TailTopic,
    json: bool,
    paint: Paint,
    left: u64,
}

impl Printer {
    fn print(&mut self, records: &[Box<RawValue>]) -> anyhow::Result<()> {
        for record in records {
            if self.is_done() {
                return Ok(());
            }
            if self.json {
                // Line breaks in JSON text can only stand between tokens.
                output::line(record.get().replace(['\n', '\r'], " "))?;
            } else {
                output::line(line::of(self.paint, self.topic, record)?)?;
            }
            self.left -= 1;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Records to ask for next.
    fn wanted(&self) -> u64 {
        self.left.min(PAGE_RECORDS)
    }
}

/// Follows a topic of a running service. Once begun, it waits for a service that goes
/// away to come back.
async fn follow(client: &Client, args: &TailArgs, printer: &mut Printer) -> anyhow::Result<()> {
    let name = args.topic.name();
    let mut cursor = if args.from_beginning {
        "beginning".to_owned()
    } else {
        client.records(name, "end", 1, Duration::ZERO).await?.cursor
    };
    let (mut has_begun, mut is_away) = (!args.from_beginning, false);
    while !printer.is_done() {
        match client.records(name, &cursor, printer.wanted(), WAIT).await {
            Ok(page) => {
                printer.print(&page.records)?;
                cursor = page.cursor;
                (has_begun, is_away) = (true, false);
            }
            Err(error) if has_begun && is_passing(&error) => {
                if !is_away {
                    output::note(format_args!("waiting: {error}"));
                }
                is_away = true;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } => true,
        ClientError::Refused { status, .. } => status.is_server_error() || status.as_u16() == 429,
        _ => false,
    }
}
