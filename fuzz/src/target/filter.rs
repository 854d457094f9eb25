//! Filters: an expression in the first line, then the event.

use serde_json::Value;
use triggerfish_filter::{EvaluateError, Limits, Path, validate};

use crate::parts;

pub(super) const WORDS: &[&str] = &[
    "$",
    "@",
    "..",
    ".*",
    "[*]",
    "[?(",
    ")]",
    "[0]",
    "[-1:]",
    "[1:2]",
    "['",
    "']",
    ".length()",
    ".min()",
    ".concat(",
    ".keys()",
    " == ",
    " != ",
    " =~ ",
    " in ",
    " nin ",
    " subsetof ",
    " anyof ",
    " size ",
    " empty ",
    " && ",
    " || ",
    "!",
    "/a.*/i",
    "/(a+)+$/",
    "(?=",
    "\\1",
    "null",
    "true",
    "1e400",
    "''",
    "{",
    "}",
    "[",
    "]",
    "\n",
];

/// Far less than events may cost, so that a run sees many.
const SHORT: Limits = Limits {
    work_max: 20_000,
    backtracks_max: 1_000,
    ..Limits::DEFAULT
};

/// It never lets an event pass that it could not evaluate, a bound on its work changes no
/// answer but makes it an error, and what is shown of it is what was given.
pub(super) fn filter(input: &[u8]) -> bool {
    let (expression, document) = parts::lines(input);
    let expression = String::from_utf8_lossy(expression);
    let document: Value = serde_json::from_slice(document).unwrap_or(Value::Null);
    let validated = validate(&expression, &document, &SHORT);
    let path = match Path::compile_within(&expression, &SHORT) {
        Ok(path) => path,
        Err(error) => {
            assert!(error.position <= expression.len(), "{error}");
            assert!(!validated.is_valid_json_path && !validated.is_valid);
            return false;
        }
    };
    assert_eq!(path.as_str(), expression);
    assert!(validated.is_valid_json_path);
    let verdict = path.matches_within(&document, &SHORT);
    assert_eq!(validated.is_valid, verdict.is_match());
    match path.evaluate(&document, &SHORT) {
        Ok(found) => {
            assert_eq!(verdict.is_match(), found.is_match());
            let unhurried = path.evaluate(&document, &Limits::DEFAULT);
            let unhurried = unhurried.expect("what is found with less work is found with more");
            assert_eq!(unhurried.to_value(), found.to_value());
            assert!(
                !path.is_definite() || matches!(found, triggerfish_filter::Evaluated::Value(_))
            );
        }
        Err(error) => {
            assert!(!verdict.is_match(), "it matches what it could not evaluate");
            let is_soft = matches!(error, EvaluateError::NotFound | EvaluateError::Soft(_));
            assert_eq!(is_soft, verdict == triggerfish_filter::Verdict::NoMatch);
        }
    }
    true
}
