//! ISO 8601 durations, as `responseDeadline` carries them.

use std::time::Duration;

/// The reference's default `responseDeadline` (5.2).
pub const DEFAULT_RESPONSE_DEADLINE: &str = "PT1H";

/// Why a duration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not an ISO 8601 duration.
    #[error("{0:?} is not an ISO-8601 duration; write for example PT1H, PT30M or P1D")]
    Syntax(String),
    /// Years and months have no fixed length.
    #[error("{0:?} uses years or months, which have no fixed length; write days, e.g. P30D")]
    Calendar(String),
    /// Zero or negative.
    #[error("{0:?} must be longer than zero")]
    NotPositive(String),
}

/// Parses an ISO 8601 duration. A day is 24 hours, a week seven days.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let syntax = || DurationError::Syntax(text.to_owned());
    if !text.starts_with(['P', 'p', '-', '+']) {
        return Err(syntax());
    }
    let span: jiff::Span = text.parse().map_err(|_| syntax())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(DurationError::Calendar(text.to_owned()));
    }
    let exact = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| syntax())?;
    let duration =
        Duration::try_from(exact).map_err(|_| DurationError::NotPositive(text.to_owned()))?;
    if duration.is_zero() {
        return Err(DurationError::NotPositive(text.to_owned()));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_iso_durations() {
        let hour = 3600;
        for (text, seconds) in [
            ("PT1H", hour),
            ("PT24H", 24 * hour),
            ("P1D", 24 * hour),
            ("P1W", 168 * hour),
            ("PT0.5S", 0),
        ] {
            assert_eq!(parse(text).unwrap().as_secs(), seconds, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_reason() {
        for text in ["", "1h", "PT", "P", "PT1", "one hour", "PT1H garbage"] {
            assert!(
                matches!(parse(text), Err(DurationError::Syntax(_))),
                "{text}"
            );
        }
        assert!(matches!(parse("P1M"), Err(DurationError::Calendar(_))));
        assert!(matches!(parse("PT0S"), Err(DurationError::NotPositive(_))));
        assert!(matches!(parse("-PT1H"), Err(DurationError::NotPositive(_))));
    }
}
