//! The one place that knows the filter engine.

use serde_json::Value;
use triggerfish_filter::{Path, Verdict};

use crate::error::ChangeError;

/// Bytes of a filter at most.
const FILTER_BYTES_MAX: usize = 8 * 1024;

/// Compiles the filter of a subscription.
pub(crate) fn compile(text: &str) -> Result<Path, ChangeError> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(ChangeError::invalid(
            "filter",
            format!("has {} bytes", text.len()),
            format!("write at most {FILTER_BYTES_MAX} bytes"),
        ));
    }
    Path::compile(text).map_err(|error| {
        ChangeError::invalid(
            "filter",
            error.to_string(),
            "write a JSONPath expression, e.g. $[?(@.status == \"ok\")]",
        )
    })
}

/// Whether `filter` lets `event` through. What cannot be evaluated does not pass.
pub(crate) fn matches(filter: &Path, event: &Value) -> bool {
    matches!(filter.matches(event), Verdict::Match)
}
