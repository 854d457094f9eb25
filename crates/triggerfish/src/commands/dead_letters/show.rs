//! `triggerfish dead-letters show`

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use triggerfish_api::ports::{DeadLetterView, Place};
use triggerfish_log::EventLog as _;
use triggerfish_runtime::Topics;

use crate::{
    args::dead_letters::ShowArgs,
    client::{Client, Request},
    letters::{find, view},
    output::{self, Look, Paint},
    records::folder,
};

pub(super) async fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let letter = if let Some(data) = &args.data {
        in_folder(data, args.place).await?
    } else {
        let client = Client::new(&args.client)?;
        let path = ["dead-letters", "v1", &args.place.to_string()];
        client.fetch(Request::get(&path)).await?
    };
    if args.json {
        output::line(serde_json::to_string(&letter)?)?;
    } else {
        print(&letter)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn in_folder(data: &Path, place: Place) -> anyhow::Result<DeadLetterView> {
    let log = folder::open(data).await?;
    let found = async {
        let mut reader = log.open_reader().await?;
        find(&mut reader, &Topics::with_prefix("").dead_letters, place).await
    };
    let found = found.await;
    log.close().await;
    let letter = found?.with_context(|| format!("there is no dead letter at {place}"))?;
    Ok(view(&letter))
}

fn print(letter: &DeadLetterView) -> anyhow::Result<()> {
    let paint = Paint::stdout();
    let row = |name: &str, text: &str| {
        let name = format!("{name:<9}");
        output::line(format_args!("{}  {text}", paint.text(Look::Dim, name)))
    };
    row("place", &letter.place)?;
    row("written", &letter.written)?;
    row("reason", &letter.reason)?;
    let DeadLetterView {
        topic,
        partition,
        offset,
        timestamp,
        ..
    } = letter;
    row(
        "from",
        &format!("{topic}/{partition}@{offset}, appended {timestamp}"),
    )?;
    if let Some(bytes) = letter.cut_from {
        row("cut", &format!("the value had {bytes} bytes"))?;
    }
    if let Some(key) = &letter.key_base64 {
        row("key", &short(&STANDARD.decode(key)?))?;
    }
    for header in &letter.headers {
        let value = short(&STANDARD.decode(&header.value_base64)?);
        row("header", &format!("{}: {value}", header.name))?;
    }
    let Some(value) = &letter.value_base64 else {
        return Ok(row("value", "none")?);
    };
    let value = STANDARD.decode(value)?;
    row("value", &format!("{} bytes", value.len()))?;
    let shown = text(&value).map_or_else(|| dump(&value), str::to_owned);
    Ok(output::line(shown)?)
}

/// Text that a terminal shows as it is.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_shown = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_shown).then_some(text)
}

/// One line: text, or bytes in hexadecimal.
fn short(bytes: &[u8]) -> String {
    let line = text(bytes).filter(|text| !text.contains(['\n', '\r']));
    line.map_or_else(
        || {
            bytes.iter().fold("0x".to_owned(), |mut shown, byte| {
                // Writing to a string can't fail.
                let _ = write!(shown, "{byte:02x}");
                shown
            })
        },
        str::to_owned,
    )
}

/// Bytes in hexadecimal, 16 in a line, with what is ASCII beside them.
fn dump(bytes: &[u8]) -> String {
    let lines = bytes.chunks(16).enumerate().map(|(index, chunk)| {
        let mut line = format!("{:08x} ", index * 16);
        for place in 0..16 {
            let _ = match chunk.get(place) {
                Some(byte) => write!(line, " {byte:02x}"),
                None => write!(line, "   "),
            };
        }
        let shown = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        };
        let ascii: String = chunk.iter().map(shown).collect();
        format!("{line}  {ascii}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_text_or_in_hexadecimal() {
        assert_eq!(
            text("{\"a\": \"ü\"}\n".as_bytes()),
            Some("{\"a\": \"ü\"}\n")
        );
        assert_eq!(text(b"\x1b[31m"), None);
        assert_eq!(text(b"\xff"), None);
        assert_eq!(short(b"plain"), "plain");
        assert_eq!(short(b"a\nb"), "0x610a62");
        let bytes: Vec<u8> = (0x3e..0x50).collect();
        assert_eq!(
            dump(&bytes),
            "00000000  3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d  >?@ABCDEFGHIJKLM\n\
             00000010  4e 4f                                            NO"
        );
    }
}
