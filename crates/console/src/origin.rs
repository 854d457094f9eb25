//! Whether a request was made by the console's own pages.
//!
//! The cookie is `SameSite=Strict`; this is the second wall. A page of another origin
//! can't set the header without asking first, and nobody answers its question; what the
//! browser says about the origin must not speak against it either.

use axum::http::{HeaderMap, HeaderName, Uri, header};
use url::Url;

/// The console's pages send it with every request. What it says is [`Cause`].
pub(crate) const HEADER: HeaderName = HeaderName::from_static("triggerfish-console");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What made the page ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Somebody who uses the page.
    Person,
    /// A page that keeps itself up to date; does not keep a session alive.
    Timer,
}

/// Why the pages did not make a request, or what made them do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The pages made it.
    Own(Cause),
    /// Nobody says that they did.
    Unmarked,
    /// The browser says that another site did.
    Foreign,
}

/// Judges a request to the service that browsers reach at `public_url`.
pub(crate) fn judge(headers: &HeaderMap, public_url: &str) -> Verdict {
    let Some(mark) = headers.get(&HEADER) else {
        return Verdict::Unmarked;
    };
    let cause = match mark.as_bytes() {
        b"person" => Cause::Person,
        b"timer" => Cause::Timer,
        _ => return Verdict::Unmarked,
    };
    let same_site = headers
        .get(&FETCH_SITE)
        .is_none_or(|site| site == "same-origin");
    let same_origin = headers.get(header::ORIGIN).is_none_or(|origin| {
        origin
            .to_str()
            .is_ok_and(|text| is_own(text, headers, public_url))
    });
    if same_site && same_origin {
        Verdict::Own(cause)
    } else {
        Verdict::Foreign
    }
}

/// Whether the origin is the one that the request went to, or the public one: a proxy
/// may have another name for the host.
fn is_own(origin: &str, headers: &HeaderMap, public_url: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else {
        return false;
    };
    if Url::parse(public_url).is_ok_and(|public| public.origin() == origin.origin()) {
        return true;
    }
    let asked = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let asked = asked.and_then(|host| host.parse::<Uri>().ok());
    asked.is_some_and(|asked| {
        asked.host() == origin.host_str()
            && asked.port_u16().or_else(|| default_port(&origin)) == origin.port_or_known_default()
    })
}

fn default_port(origin: &Url) -> Option<u16> {
    match origin.scheme() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn judged(headers: &[(&'static str, &'static str)]) -> Verdict {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        judge(&headers.collect(), "https://hooks.example.com")
    }

    const MARK: (&str, &str) = ("triggerfish-console", "person");
    const HOST: (&str, &str) = ("host", "10.0.0.7:8080");

    #[test]
    fn own_pages_are_known_by_their_mark() {
        assert_eq!(judged(&[MARK, HOST]), Verdict::Own(Cause::Person));
        assert_eq!(
            judged(&[("triggerfish-console", "timer")]),
            Verdict::Own(Cause::Timer)
        );
        assert_eq!(judged(&[HOST]), Verdict::Unmarked);
        assert_eq!(judged(&[("triggerfish-console", "x")]), Verdict::Unmarked);
    }

    #[test]
    fn what_the_browser_says_must_not_speak_against_it() {
        let own = Verdict::Own(Cause::Person);
        for (name, value, expected) in [
            ("sec-fetch-site", "same-origin", own),
            ("sec-fetch-site", "same-site", Verdict::Foreign),
            ("sec-fetch-site", "cross-site", Verdict::Foreign),
            ("sec-fetch-site", "none", Verdict::Foreign),
            ("origin", "https://hooks.example.com", own),
            ("origin", "http://10.0.0.7:8080", own),
            ("origin", "http://10.0.0.7:8081", Verdict::Foreign),
            ("origin", "http://10.0.0.7", Verdict::Foreign),
            ("origin", "http://hooks.example.com", Verdict::Foreign),
            (
                "origin",
                "https://hooks.example.com.evil.example",
                Verdict::Foreign,
            ),
            ("origin", "null", Verdict::Foreign),
        ] {
            assert_eq!(
                judged(&[MARK, HOST, (name, value)]),
                expected,
                "{name}: {value}"
            );
        }
        let default = [MARK, ("host", "h"), ("origin", "https://h")];
        assert_eq!(judged(&default), own);
    }
}
