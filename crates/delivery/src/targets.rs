//! The URLs that calls go to.

use std::collections::HashMap;

use parking_lot::RwLock;
use url::Url;

use crate::guard::{Guard, UrlError, check_url};

/// More are not remembered; whoever has more subscribers parses some of their URLs again.
const REMEMBERED_MAX: usize = 16_384;

/// Finds out where a subscriber is. Parsing and vetting a URL takes as long as signing a call, so
/// it is done once for each.
pub(crate) struct Targets {
    guard: Guard,
    vetted: RwLock<HashMap<Box<str>, Url>>,
}

impl Targets {
    pub(crate) fn new(guard: Guard) -> Self {
        Self {
            guard,
            vetted: RwLock::default(),
        }
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The URL that `text` is, if it may be called; see [`check_url`].
    pub(crate) fn find(&self, text: &str) -> Result<Url, UrlError> {
        if let Some(url) = self.vetted.read().get(text) {
            return Ok(url.clone());
        }
        let url = check_url(text, &self.guard)?;
        let mut vetted = self.vetted.write();
        if vetted.len() >= REMEMBERED_MAX {
            vetted.clear();
        }
        vetted.insert(text.into(), url.clone());
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_called_is_remembered_up_to_a_number() {
        let targets = Targets::new(Guard::default());
        let first = "https://example.com/hooks?of=1";
        for _ in 0..2 {
            assert_eq!(targets.find(first).unwrap().as_str(), first);
        }
        assert_eq!(targets.vetted.read().len(), 1);
        for number in 0..=REMEMBERED_MAX {
            let other = format!("https://example.com/{number}");
            assert_eq!(targets.find(&other).unwrap().as_str(), other);
            assert!(targets.vetted.read().len() <= REMEMBERED_MAX);
        }
        assert_eq!(targets.find(first).unwrap().as_str(), first);
    }

    #[test]
    fn what_may_not_be_called_never_is() {
        let targets = Targets::new(Guard::default());
        for _ in 0..2 {
            let refused = targets.find("http://127.0.0.1/");
            assert!(
                matches!(refused, Err(UrlError::Blocked { .. })),
                "{refused:?}"
            );
        }
    }
}
