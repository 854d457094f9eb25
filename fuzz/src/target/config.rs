//! Settings: a file and the environment.

use std::fs;

use triggerfish_ops::config::{ConfigError, Source, Sources, Variable, load};

pub(super) const WORDS: &[&str] = &[
    "[storage]",
    "[api]",
    "[kafka]",
    "[delivery]",
    "[security]",
    "[upstream.topics]",
    "[worker]",
    "[callbacks]",
    "data_dir",
    "partitions",
    "listen",
    "allow_networks",
    "keys",
    "bootstrap_servers",
    "\"PT1H\"",
    "\"P7D\"",
    "0",
    "-1",
    "18446744073709551616",
    "1e3",
    "true",
    "[]",
    "\"",
    "'''",
    "\n---\n",
    "TRIGGERFISH_",
    "__",
    "STORAGE",
    "DATA_DIR",
    "=",
    ".",
];

/// Stands where a secret would; no input holds it.
const SECRET: &str = "Zg3nJm9dQ7xw0rTk";
const SECRETS: [&str; 5] = [
    "TRIGGERFISH_CLIENT_SECRET",
    "TRIGGERFISH_SECURITY__KEYS",
    "TRIGGERFISH_CONSOLE__ADMIN_PASSWORD",
    "TRIGGERFISH_CONSOLE__VIEWER_PASSWORD",
    "TRIGGERFISH_KAFKA__SASL.PASSWORD",
];

/// A file, a line `---`, and variables of the environment. Each problem is said with its
/// place, and a secret, whatever is wrong with it, is never shown.
pub(super) fn config(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let (file, environment) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("triggerfish.toml");
    fs::write(&path, file).expect("a file");
    let variable = |name: &str, value: &str| Variable {
        name: name.to_owned(),
        value: Some(value.to_owned()),
    };
    let lines = environment.lines().filter_map(|line| line.split_once('='));
    let mut environment: Vec<_> = lines.map(|(name, value)| variable(name, value)).collect();
    let secret = SECRETS[input.len() % SECRETS.len()];
    environment.push(variable(secret, SECRET));
    let sources = Sources {
        file: Some(path.clone()),
        environment,
        flags: Vec::new(),
    };
    match load(&sources) {
        Ok(loaded) => {
            let shown = format!("{:?} {}", loaded.config, loaded.effective.to_json());
            assert!(!shown.contains(SECRET), "{shown}");
            true
        }
        Err(error) => {
            let told = error.to_string();
            assert!(!told.contains(SECRET), "{told}");
            let ConfigError::Invalid(problems) = error else {
                panic!("the file can be read: {told}");
            };
            assert!(!problems.is_empty());
            for problem in problems {
                let is_whole_file =
                    matches!(&problem.source, Source::File { path: named, .. } if *named == path);
                assert!(!problem.key.is_empty() || is_whole_file, "{problem}");
                assert!(!problem.text.is_empty());
            }
            false
        }
    }
}
