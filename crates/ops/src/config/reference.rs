//! The reference of all keys, written from the same fields that are read.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    Api, Callbacks, Config, Console, Delivery, Kafka, Limits, Log, Security, Shutdown, Storage,
    Upstream, Worker,
    layers::Layers,
    reader::{Reader, Section, variable_of},
};

const HEAD: &str = "\
# Configuration

<!-- Written from the code: `UPDATE_GOLDEN=1 cargo test -p triggerfish-ops reference`. -->

Settings come from one TOML file (`--config FILE`), from the environment, and from a few flags.
A flag wins over the environment, the environment over the file, the file over the defaults.

- A key's variable is `TRIGGERFISH_SECTION__KEY`, with two underscores between the parts: `delivery.call_timeout` is `TRIGGERFISH_DELIVERY__CALL_TIMEOUT`. An empty variable counts as not set. In a variable a list is written with commas or as a TOML array.
- Durations are ISO 8601: `PT10S`, `PT1H`, `P7D`. A day is 24 hours; years and months are refused.
- Relative paths are relative to the working directory.
- An unknown key, a value that does not fit, or values that contradict each other stop the start; all of them are named at once.
- `triggerfish config` prints every key, its value with secrets masked, and where it came from.

```toml
[api]
listen = \"0.0.0.0:8080\"
public_url = \"https://hooks.example.com\"

[delivery]
call_timeout = \"PT5S\"
fire_and_forget_retry = { max_attempts = 5, max_delay_ms = 60000 }
```
";

/// `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut layers = Layers::default();
    let mut reader = Reader::new(&mut layers);
    Config::read(&mut reader);
    let (rows, _) = reader.finish();
    let mut text = HEAD.to_owned();
    for (section, about) in [
        about::<Storage>(),
        about::<Api>(),
        about::<Console>(),
        about::<Delivery>(),
        about::<Callbacks>(),
        about::<Worker>(),
        about::<Limits>(),
        about::<Security>(),
        about::<Log>(),
        about::<Shutdown>(),
        about::<Upstream>(),
        about::<Kafka>(),
    ] {
        let _ = write!(
            text,
            "\n## `[{section}]`\n\n{about}\n\n| key | default | meaning |\n|---|---|---|\n"
        );
        for row in &rows {
            let Some(key) = row
                .key
                .strip_prefix(section)
                .and_then(|key| key.strip_prefix('.'))
            else {
                continue;
            };
            let preset = match &row.preset {
                Value::Null => "not set".to_owned(),
                value => format!("`{value}`"),
            };
            let variable = variable_of(&row.key);
            let is_short = !variable.contains("__");
            let named = if is_short {
                format!(" Variable: `{variable}`.")
            } else {
                String::new()
            };
            let meaning = row.meaning.replace('|', "\\|");
            let _ = writeln!(text, "| `{key}` | {preset} | {meaning}{named} |");
        }
    }
    text
}

fn about<S: Section>() -> (&'static str, String) {
    let lines: Vec<&str> = S::ABOUT.iter().map(|line| line.trim()).collect();
    (S::NAME, lines.join("\n"))
}
