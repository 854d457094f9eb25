//! What others show: cookies, passes, and when they want to be called again.

use std::time::Duration;

use triggerfish_console::fuzzing as console;
use triggerfish_core::{Timestamp, keys::ServerKeys};
use triggerfish_delivery::fuzzing as delivery;
use triggerfish_peers::fuzzing as peers;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) fn keys() -> ServerKeys {
    ServerKeys::new(&[vec![7; 32], vec![9; 32]]).expect("two keys")
}

/// The one session that was ever opened.
pub(crate) fn session() -> String {
    console::signed(&keys(), "client-1", 1_700_000_000)
}

/// The one pass that was ever made.
pub(crate) fn pass() -> String {
    peers::pass(&keys(), "/peers/invocation", b"body", NOW)
}

/// A session, its cookie or a pass: whatever is not the very one that was made opens nothing.
pub(super) fn credential(input: &[u8]) -> bool {
    for url in ["http://127.0.0.1:8080", "https://hooks.example.com"] {
        let cookie = console::cookie(input, url);
        assert!(cookie.is_none_or(|value| !value.contains(';')));
    }
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let opened = console::opened(&keys(), text);
    assert_eq!(opened.is_some(), text == session(), "{text}");
    let fits = |path: &str, body: &[u8]| peers::fits(&keys(), text, path, body, NOW);
    let fits_its_own = fits("/peers/invocation", b"body");
    assert_eq!(fits_its_own, text == pass(), "{text}");
    assert!(!fits("/peers/invocation", b"bodY") && !fits("/peers/parts", b"body"));
    opened.is_some() || fits_its_own
}

/// The wish of a subscriber: never longer than a year.
pub(super) fn retry_after(input: &[u8]) -> bool {
    let wish = delivery::retry_after(input, NOW);
    assert!(wish.is_none_or(|wish| wish <= Duration::from_hours(24 * 365)));
    let number = std::str::from_utf8(input).ok();
    if let Some(seconds) = number.and_then(|text| text.parse::<u16>().ok())
        && !input.starts_with(b"+")
    {
        assert_eq!(wish, Some(Duration::from_secs(seconds.into())));
    }
    wish.is_some()
}
