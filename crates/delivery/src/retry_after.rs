//! The subscriber's wish when to be called again.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use triggerfish_core::Timestamp;

/// Longer wishes are cut to this; the retry policy cuts them again.
const WISH_MAX: Duration = Duration::from_hours(24 * 365);

/// `Retry-After` as a wait from `now`: seconds or an HTTP date (RFC 9110, 10.2.3).
/// What is neither is no wish; a date that has passed is a wait of zero.
pub(crate) fn parse(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wish = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(WISH_MAX, Duration::from_secs)
    } else {
        let at = httpdate::parse_http_date(text).ok()?;
        let since_epoch = at.duration_since(UNIX_EPOCH).ok()?;
        now.until(Timestamp::EPOCH.after(since_epoch))
    };
    Some(wish.min(WISH_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let now = Timestamp::parse("1994-11-06T08:49:07Z").unwrap();
        let wait = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            parse(&headers, now)
        };
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(wait("120"), seconds(120));
        assert_eq!(wait(" 0 "), seconds(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), seconds(30));
        assert_eq!(wait("Sunday, 06-Nov-94 08:49:37 GMT"), seconds(30));
        assert_eq!(wait("Sun Nov  6 08:49:37 1994"), seconds(30));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), seconds(0));
        assert_eq!(wait("99999999999999999999999"), Some(WISH_MAX));
        for nonsense in ["", "soon", "-1", "1.5", "+3", "2026-01-01T00:00:00Z"] {
            assert_eq!(wait(nonsense), None, "{nonsense}");
        }
        assert_eq!(parse(&HeaderMap::new(), now), None);
    }
}
