//! Who reads bytes from outside.

mod config;
pub(crate) mod credentials;
mod event;
mod filter;
mod peers;
mod registry;
mod storage;
mod wire;

use crate::seeds;

/// Somebody who reads bytes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Whether these bytes are taken.
    ///
    /// # Panics
    /// When a property does not hold.
    pub check: fn(&[u8]) -> bool,
    /// Words of the format.
    pub tokens: &'static [&'static str],
    /// Inputs that are made by the code itself, beside those in the corpus.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 22] = [
    of("observation", wire::observation, &[], seeds::observations),
    of("state", wire::state, &[], seeds::states),
    of("action", wire::action, &[], seeds::actions),
    of("trigger-event", wire::trigger_event, &[], seeds::none),
    of("peer-message", peers::message, &[], seeds::peer_messages),
    of("announcement", peers::announcement, JSON, seeds::none),
    of("cloud-event", event::structured, event::WORDS, seeds::none),
    of(
        "cloud-event-binary",
        event::binary,
        event::WORDS,
        seeds::none,
    ),
    of(
        "upstream-record",
        event::upstream,
        event::WORDS,
        seeds::none,
    ),
    of("log-batch", storage::batch, &[], seeds::batches),
    of("log-key", storage::key, &[], seeds::none),
    of("log-journal", storage::journal, &[], seeds::journals),
    of("view", storage::view, &[], seeds::none),
    of("view-block", storage::view_block, &[], seeds::none),
    of("rebuild-start", storage::rebuild_start, &[], seeds::none),
    of("registry-record", registry::record, JSON, seeds::none),
    of(
        "registry-file",
        registry::file,
        registry::WORDS,
        seeds::none,
    ),
    of("patch", registry::patch, registry::PATCH_WORDS, seeds::none),
    of("config", config::config, config::WORDS, seeds::none),
    of("filter", filter::filter, filter::WORDS, seeds::none),
    of(
        "credential",
        credentials::credential,
        &[],
        seeds::credentials,
    ),
    of(
        "retry-after",
        credentials::retry_after,
        &["GMT", "Nov", "99999999999999999999"],
        seeds::none,
    ),
];

const JSON: &[&str] = &["null", "\"", "{}", "[]", "1e999", "\\ud800", "-0", "\u{0}"];

const fn of(
    name: &'static str,
    check: fn(&[u8]) -> bool,
    tokens: &'static [&'static str],
    seeds: fn() -> Vec<Vec<u8>>,
) -> Target {
    Target {
        name,
        check,
        tokens,
        seeds,
    }
}
