//! JSON that is given on the command line, in a file or on standard input.

use std::io::Read as _;

use anyhow::Context as _;
use serde_json::value::RawValue;

/// Reads the JSON that the option names: `-` is standard input, `@FILE` a file, JSON
/// is taken as it stands, anything else is a file. The bytes are kept as they are.
pub(crate) fn read(option: &str, given: &str) -> anyhow::Result<Box<RawValue>> {
    if given == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .with_context(|| format!("{option}: can't read standard input"))?;
        return parse(option, "what came on standard input", &text);
    }
    if let Some(path) = given.strip_prefix('@') {
        return file(option, path);
    }
    if given.trim_start().starts_with(['{', '[', '"']) {
        return parse(option, "the value", given);
    }
    match serde_json::from_str(given) {
        Ok(value) => Ok(value),
        Err(_) => file(option, given),
    }
}

/// Reads JSON that must be an object.
pub(crate) fn read_object(option: &str, given: &str) -> anyhow::Result<Box<RawValue>> {
    let value = read(option, given)?;
    anyhow::ensure!(
        value.get().starts_with('{'),
        "{option} must be a JSON object, e.g. {option} '{{\"ticket\": 7}}'"
    );
    Ok(value)
}

fn file(option: &str, path: &str) -> anyhow::Result<Box<RawValue>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{option}: can't read file {path:?}; give JSON, a file, or - for standard input")
    })?;
    parse(option, &format!("file {path:?}"), &text)
}

fn parse(option: &str, what: &str, text: &str) -> anyhow::Result<Box<RawValue>> {
    serde_json::from_str(text).map_err(|error| {
        anyhow::anyhow!(
            "{option}: {what} is not valid JSON: {error}; in a shell write it in single quotes, \
             e.g. {option} '{{\"identityId\": \"7\"}}'"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_kept_byte_for_byte_wherever_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        std::fs::write(&path, "{\"a\": 1.50}\n").unwrap();
        let path = path.to_str().unwrap();
        for given in ["{\"a\": 1.50}", path, &format!("@{path}")] {
            assert_eq!(read("--input", given).unwrap().get(), "{\"a\": 1.50}");
        }
        assert_eq!(read("--output", "null").unwrap().get(), "null");
    }

    #[test]
    fn errors_name_the_option_and_the_remedy() {
        let refused = |given: &str| format!("{:#}", read("--input", given).unwrap_err());
        assert!(refused("{\"a\": }").contains("--input: the value is not valid JSON"));
        assert!(refused("{\"a\": }").contains("single quotes"));
        assert!(refused("no-such-file").contains("give JSON, a file, or -"));
        let error = read_object("--content-json", "[1]").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("--content-json must be a JSON object")
        );
    }
}
