//! The cookie that carries a session.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookie's name where the console is reached without TLS.
const PLAIN: &str = "triggerfish-console";
/// With this prefix a browser takes the cookie only over TLS and from the host itself,
/// so that no neighbouring host can plant one.
const HOST_ONLY: &str = "__Host-triggerfish-console";

/// How the cookie is written, by the address at which browsers reach the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie {
    is_secure: bool,
}

impl Cookie {
    pub(crate) fn at(public_url: &str) -> Self {
        Self {
            is_secure: public_url.starts_with("https:"),
        }
    }

    const fn name(self) -> &'static str {
        if self.is_secure { HOST_ONLY } else { PLAIN }
    }

    /// The value that came with a request.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(header::COOKIE).iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'));
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == self.name()).then_some(value))
    }

    /// Sets the cookie for so long. `value` has no characters that a cookie must not have.
    pub(crate) fn set(self, value: &str, lasts: Duration) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let (name, seconds) = (self.name(), lasts.as_secs());
        let line =
            format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&line).ok()
    }

    /// Takes the cookie away.
    pub(crate) fn clear(self) -> Option<HeaderValue> {
        self.set("", Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(lines: &[&'static str]) -> HeaderMap {
        let lines = lines.iter().map(|line| HeaderValue::from_static(line));
        lines.map(|line| (header::COOKIE, line)).collect()
    }

    #[test]
    fn is_found_among_others() {
        let plain = Cookie::at("http://127.0.0.1:8080");
        let headers = with(&["a=b; triggerfish-console=x.y", "c=d"]);
        assert_eq!(plain.read(&headers), Some("x.y"));
        let secure = Cookie::at("https://hooks.example.com");
        assert_eq!(secure.read(&headers), None);
        let headers = with(&["a=b", "c=d;__Host-triggerfish-console=z"]);
        assert_eq!(secure.read(&headers), Some("z"));
        assert_eq!(plain.read(&headers), None);
        assert_eq!(plain.read(&with(&["xtriggerfish-console=z", ";;="])), None);
    }

    #[test]
    fn scripts_and_other_sites_never_get_it() {
        let line = |url| {
            let set = Cookie::at(url).set("v", Duration::from_mins(1)).unwrap();
            set.to_str().unwrap().to_owned()
        };
        assert_eq!(
            line("http://127.0.0.1:8080"),
            "triggerfish-console=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"
        );
        assert_eq!(
            line("https://hooks.example.com"),
            "__Host-triggerfish-console=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure"
        );
    }
}
