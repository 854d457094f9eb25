//! `[upstream]`: where events come from beside `trigger-events`.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    effective::Row,
    layers::{Raw, Source},
    reader::{Reader, Section},
};

const KEY: &str = "upstream.topics";
const MEANING: &str = "Topics of others whose events are read too, each with the id of the trigger that they fire: `[upstream.topics]` with lines such as `orders = \"acme:order-cancelled\"`. In a variable: `orders=acme:order-cancelled`, several with commas between them, or a TOML table in braces; it takes the place of the file's table. The names are full names, `kafka.topic_prefix` is not put in front; the topics must exist.";

/// Where events come from beside `trigger-events`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// The id of a trigger by the full name of the topic whose events fire it.
    pub topics: BTreeMap<String, String>,
}

impl Section for Upstream {
    const NAME: &'static str = "upstream";
    const ABOUT: &'static [&'static str] = &[
        " Where events come from beside the topic `trigger-events`; what they may look like is in [upstream.md](upstream.md).",
    ];

    fn read(reader: &mut Reader<'_>) -> Self {
        let mut topics = BTreeMap::new();
        let whole = reader.take(KEY);
        let mut entries = reader.rest_of(KEY);
        if let Some((raw, source)) = whole {
            entries.retain(|(_, _, source)| !matches!(source, Source::File { .. }));
            let table = table(reader, raw, &source).into_iter();
            entries.extend(table.map(|(name, raw)| (name, raw, source.clone())));
        }
        if entries.is_empty() {
            reader.row(Row {
                key: KEY.to_owned(),
                value: json!({}),
                source: Source::Default,
                preset: json!({}),
                meaning: MEANING.to_owned(),
            });
        }
        for (name, raw, source) in entries {
            let key = format!("{KEY}.{name}");
            match entry(&name, raw) {
                Ok(trigger) => {
                    reader.row(Row {
                        key,
                        value: json!(trigger),
                        source,
                        preset: serde_json::Value::Null,
                        meaning: "The trigger that events of this topic fire.".to_owned(),
                    });
                    topics.insert(name, trigger);
                }
                Err(text) => reader.problem(source, &key, text),
            }
        }
        Self { topics }
    }
}

/// The entries of a table that is one value: of a variable, or an empty one.
fn table(reader: &mut Reader<'_>, raw: Raw, source: &Source) -> Vec<(String, Raw)> {
    let pairs = match raw {
        Raw::Typed(toml::Value::Table(table)) => Some(typed(table)),
        Raw::Typed(_) => None,
        Raw::Text(text) if text.trim_start().starts_with('{') => {
            let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
            parsed
                .ok()
                .and_then(|mut table| match table.remove("value") {
                    Some(toml::Value::Table(inner)) if table.is_empty() => Some(typed(inner)),
                    _ => None,
                })
        }
        Raw::Text(text) => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            let pair = |item: &str| {
                let (name, trigger) = item.split_once('=')?;
                Some((name.trim().to_owned(), Raw::Text(trigger.trim().to_owned())))
            };
            items.map(pair).collect()
        }
    };
    pairs.unwrap_or_else(|| {
        reader.problem(
            source.clone(),
            KEY,
            "is not a table of topics and triggers; write orders = \"acme:order-cancelled\" below [upstream.topics], or orders=acme:order-cancelled in a variable",
        );
        Vec::new()
    })
}

fn typed(table: toml::Table) -> Vec<(String, Raw)> {
    let entries = table.into_iter();
    entries
        .map(|(name, value)| (name, Raw::Typed(value)))
        .collect()
}

fn entry(name: &str, raw: Raw) -> Result<String, &'static str> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let is_topic =
        (1..=249).contains(&name.len()) && !matches!(name, "." | "..") && name.bytes().all(legal);
    if !is_topic {
        return Err("is not the name of a topic; use 1 to 249 letters, digits, '.', '_' and '-'");
    }
    match raw {
        Raw::Text(id) | Raw::Typed(toml::Value::String(id)) if !id.trim().is_empty() => Ok(id),
        _ => Err("is not the id of a trigger; write for example \"acme:order-cancelled\""),
    }
}
