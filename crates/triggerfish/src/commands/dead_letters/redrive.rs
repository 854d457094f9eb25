//! `triggerfish dead-letters redrive`

use std::process::ExitCode;

use serde_json::json;
use triggerfish_api::ports::RedriveResult;

use super::{each_page, letters};
use crate::{
    args::dead_letters::RedriveArgs,
    client::{Client, Request},
    output::{self, Look, Paint},
};

/// Places in one request.
const PLACES: usize = 500;

/// With `--all` letters that can't be put back are passed over; when they were asked for
/// by their places, that is a failure.
pub(super) async fn run(args: &RedriveArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.client)?;
    let mut places: Vec<String> = args.places.iter().map(ToString::to_string).collect();
    if args.all {
        // All places before the first letter goes back: what is refused once more becomes
        // a new letter.
        each_page(&client, |records| {
            for letter in letters(records, args.reason.as_deref()) {
                places.push(letter?.place);
            }
            Ok(true)
        })
        .await?;
    }
    let (mut back, mut refused) = (0_usize, 0_usize);
    for places in places.chunks(PLACES) {
        let body = json!({"places": places, "dryRun": args.dry_run});
        let path = ["dead-letters", "v1", "redrive"];
        let results: Vec<RedriveResult> = client.fetch(Request::post(&path, &body)).await?;
        for result in &results {
            match result.refused {
                None => back += 1,
                Some(_) => refused += 1,
            }
            print(args, result)?;
        }
    }
    if !args.json {
        let done = if args.dry_run {
            "would be put back"
        } else {
            "put back"
        };
        output::line(format_args!("{back} {done}, {refused} refused"))?;
    }
    let is_failure = refused > 0 && !args.all;
    Ok(if is_failure {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn print(args: &RedriveArgs, result: &RedriveResult) -> anyhow::Result<()> {
    if args.json {
        output::line(serde_json::to_string(result)?)?;
        return Ok(());
    }
    let paint = Paint::stdout();
    let (look, said) = match (&result.refused, &result.topic) {
        (Some(refused), _) => (Look::Bad, format!("refused: {refused}")),
        (None, topic) => {
            let topic = topic.as_deref().unwrap_or("?");
            (Look::Good, format!("to {topic}"))
        }
    };
    output::line(format_args!("{}  {}", result.place, paint.text(look, said)))?;
    Ok(())
}
