//! JSON Schemas of triggers, compiled.
//!
//! Patterns run on an engine that takes linear time, and references never leave
//! the document, so neither a schema nor an event can hold a process up.

use jsonschema::{
    Draft, PatternOptions, ReferencingError, ValidationError, Validator, error::ValidationErrorKind,
};
use serde_json::Value;

use crate::effort;

/// Bytes of one schema at most.
pub(crate) const SCHEMA_BYTES_MAX: usize = 256 * 1024;

/// Bytes that one compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;
const POINTER_CHARS_MAX: usize = 200;
const RULE_CHARS_MAX: usize = 300;

/// A schema that is not taken; the text says what is wrong and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Too long.
    #[error("has {0} bytes, at most {SCHEMA_BYTES_MAX} are taken")]
    TooLarge(usize),
    /// Not JSON.
    #[error("is not JSON: {0}")]
    NotJson(String),
    /// JSON, but neither an object nor a boolean.
    #[error("must be a JSON object")]
    NotAnObject,
    /// A reference to a document that is not part of the schema.
    #[error("refers to {target:?}, and other documents are not fetched")]
    Remote {
        /// What it refers to, cut short.
        target: String,
    },
    /// Its references, written out, make more than a machine can check.
    #[error("refers to its parts so often that checking a value may never end")]
    TooMuchWork,
    /// The schema breaks the rules of JSON Schema, or uses a part that is not
    /// supported, such as look-around in a pattern.
    #[error("is not a usable JSON Schema at {pointer}: {rule}")]
    Unusable {
        /// Where in the schema.
        pointer: String,
        /// What is wrong there.
        rule: String,
    },
}

/// A value does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule} at {pointer:?}")]
pub struct SchemaViolation {
    /// JSON pointer of the part that does not fit; empty for the whole value.
    pub pointer: String,
    /// The rule that it breaks. The value itself is not repeated.
    pub rule: String,
}

/// A compiled schema.
#[derive(Debug)]
pub struct CompiledSchema(Validator);

impl CompiledSchema {
    /// Compiles `text`. Without `$schema` it counts as draft-07.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::TooLarge(text.len()));
        }
        let schema: Value =
            serde_json::from_str(text).map_err(|error| SchemaError::NotJson(error.to_string()))?;
        if !schema.is_object() && !schema.is_boolean() {
            return Err(SchemaError::NotAnObject);
        }
        if !effort::is_bounded(&schema) {
            return Err(SchemaError::TooMuchWork);
        }
        let options = jsonschema::options()
            .offline()
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX));
        let options = if schema.get("$schema").is_none() {
            options.with_draft(Draft::Draft7)
        } else {
            options
        };
        let validator = options
            .build(&schema)
            .map_err(|error| SchemaError::from(&error))?;
        Ok(Self(validator))
    }

    /// Whether `value` fits; if not, the first rule that it breaks.
    pub fn check(&self, value: &Value) -> Result<(), SchemaViolation> {
        if self.0.is_valid(value) {
            return Ok(());
        }
        match self.0.validate(value) {
            Ok(()) => Ok(()),
            Err(error) => Err(SchemaViolation {
                pointer: cut(error.instance_path().as_str(), POINTER_CHARS_MAX),
                rule: cut(&error.masked().to_string(), RULE_CHARS_MAX),
            }),
        }
    }
}

impl From<&ValidationError<'_>> for SchemaError {
    fn from(error: &ValidationError<'_>) -> Self {
        if let ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) =
            error.kind()
        {
            return Self::Remote {
                target: cut(uri, POINTER_CHARS_MAX),
            };
        }
        Self::Unusable {
            pointer: cut(error.instance_path().as_str(), POINTER_CHARS_MAX),
            rule: cut(&error.to_string(), RULE_CHARS_MAX),
        }
    }
}

/// The first `chars` characters of `text`.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
