//! JSON filters with the semantics of the Java library Jayway `JsonPath`, not of RFC 9535.
//!
//! For services that take over filters which people wrote for Jayway and that have to mean the
//! same. It must never panic, never recurse without a bound and never work without a limit,
//! whatever expression or document it is given; and it must never match what it could not
//! evaluate. Start reading at [`Path`]; `syntax` reads expressions, `eval` applies them.
//!
//! ```
//! use serde_json::json;
//! use triggerfish_filter::{Path, Verdict};
//!
//! let event = json!({
//!     "identity": { "name": "ada.lovelace" },
//!     "changes": [{ "attribute": "department", "newValue": "Engineering" }],
//! });
//!
//! // A test of the whole event: a filter on an object tests the object itself.
//! let whole = Path::compile(r#"$[?($.identity.name == "ada.lovelace")]"#)?;
//! assert_eq!(whole.matches(&event), Verdict::Match);
//!
//! // A test of the items of a list.
//! let item = Path::compile("$.changes[?(@.attribute == 'department' && @.newValue =~ /eng.*/i)]")?;
//! assert_eq!(item.matches(&event), Verdict::Match);
//!
//! // What leads nowhere does not match; what cannot be evaluated says so.
//! assert_eq!(Path::compile("$.nope")?.matches(&event), Verdict::NoMatch);
//! let broken = Path::compile("$[?(@.changes contains 'department')]")?;
//! assert!(matches!(broken.matches(&event), Verdict::Unevaluable(_)));
//!
//! // The values themselves can be had, too.
//! let names = Path::compile("$.changes[*].attribute")?;
//! let limits = Default::default();
//! assert_eq!(names.evaluate(&event, &limits)?.to_value(), json!(["department"]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decimal;
mod error;
mod eval;
mod lenient;
mod limits;
mod path;
mod pattern;
mod syntax;

pub use self::{
    error::{EvaluateError, SyntaxError},
    limits::Limits,
    path::{Evaluated, Path, Validation, Verdict, validate},
};
