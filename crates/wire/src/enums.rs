//! Enumerations in both worlds.

use triggerfish_core::{FailureKind, Mode, Origin, TriggerType};

use crate::{Error, v1};

/// Maps a domain enum to its generated counterpart and back; the counterpart's
/// "unspecified" and unknown numbers are errors that name the field.
macro_rules! both_ways {
    ($domain:ident, $field:literal, $to:ident, $from:ident, { $($variant:ident),+ $(,)? }) => {
        pub(crate) fn $to(value: $domain) -> i32 {
            match value { $($domain::$variant => v1::$domain::$variant as i32),+ }
        }

        pub(crate) fn $from(number: i32) -> Result<$domain, Error> {
            match v1::$domain::try_from(number) {
                $(Ok(v1::$domain::$variant) => Ok($domain::$variant),)+
                Ok(v1::$domain::Unspecified) | Err(_) => Err(Error::Field($field)),
            }
        }
    };
}

both_ways!(TriggerType, "trigger_type", trigger_type_to, trigger_type_from, {
    RequestResponse, FireAndForget
});
both_ways!(Origin, "origin", origin_to, origin_from, { Test, RealTime });
both_ways!(Mode, "mode", mode_to, mode_from, { Sync, Async, Dynamic, FireAndForget });
both_ways!(FailureKind, "failure.kind", failure_kind_to, failure_kind_from, {
    Timeout, Dns, Blocked, Connect, Protocol, Status, ContentType, TooLarge, InvalidJson,
    Schema, Gone, Unsupported, Configuration
});
