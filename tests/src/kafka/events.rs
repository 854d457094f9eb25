//! Events whose bytes no parser writes back as they were.

/// What a subscription's answers mean; each has a trigger of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// The answer is the result.
    Sync,
    /// A callback is.
    Async,
    /// One or the other, as the subscriber likes.
    Dynamic,
    /// There is none; told to two subscribers, and repeated until they are content.
    FireAndForget,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sync, Self::Async, Self::Dynamic, Self::FireAndForget];

    /// The mode of the event with this number.
    #[must_use]
    pub const fn of(n: u64) -> Self {
        match n % 4 {
            0 => Self::Sync,
            1 => Self::Async,
            2 => Self::Dynamic,
            _ => Self::FireAndForget,
        }
    }

    /// The id of its trigger.
    #[must_use]
    pub const fn trigger(self) -> &'static str {
        match self {
            Self::Sync => "acme:sync",
            Self::Async => "acme:async",
            Self::Dynamic => "acme:dynamic",
            Self::FireAndForget => "acme:fire-and-forget",
        }
    }

    /// Type of the trigger, and mode of a subscription of it.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Sync => ("REQUEST_RESPONSE", "SYNC"),
            Self::Async => ("REQUEST_RESPONSE", "ASYNC"),
            Self::Dynamic => ("REQUEST_RESPONSE", "DYNAMIC"),
            Self::FireAndForget => ("FIRE_AND_FORGET", "SYNC"),
        }
    }

    /// How many subscriptions its trigger has.
    #[must_use]
    pub const fn subscriptions(self) -> usize {
        match self {
            Self::FireAndForget => 2,
            _ => 1,
        }
    }
}

/// The metadata of the event with this number.
#[must_use]
pub fn content(n: u64) -> String {
    match n / 4 % 4 {
        0 => format!("{{ \"n\" : {n},\t\"v\":1.50, \"b\":1,\"a\":[1 ,2 ], \"n\":{n} }}"),
        1 => format!(
            "{{\"text\":\"\\u00e9é \\\"q\\\" \\\\ \\/ \\ud83d\\ude00 😀 \u{2028}\",\"empty\":{{ }},\"n\":{n}}}"
        ),
        2 => format!(
            "{{\"big\":123456789012345678901234567890.000,\"e\":1E+30,\"neg\":-0.0,\"n\":{n}}}"
        ),
        _ => format!(
            "{{\"n\":{n},\"deep\":{{\"k\":[null,true,{{\"c\":\"\\u0000 \\b\\f\\u001f\"}}]}},\"\\u006b\":\"k\"}}"
        ),
    }
}

/// The input of the event with this number.
#[must_use]
pub fn input(n: u64) -> String {
    format!("{{\"n\":{n}, \"text\" : \"\\u00fc ü\"}}")
}

/// What subscribers make of the event with this number.
#[must_use]
pub fn output(n: u64) -> String {
    format!("{{ \"of\":{n},\"v\" : 1.0e1,\"é\":\"\\u00e9\" }}")
}
