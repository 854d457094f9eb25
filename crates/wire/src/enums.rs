//! Enumerations in both worlds.

use triggerfish_core::{
    Action, FailureKind, FailurePolicy, Mode, Origin, Timing, TriggerType,
    action::{Activation, Verdict},
};

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
both_ways!(Mode, "mode", mode_to, mode_from, {
    Sync, Async, Dynamic, FireAndForget, Before, After
});
both_ways!(FailureKind, "failure.kind", failure_kind_to, failure_kind_from, {
    Timeout, Dns, Blocked, Connect, Protocol, Status, ContentType, TooLarge, InvalidJson,
    Schema, Gone, Unsupported, Configuration, LoopGuard
});
both_ways!(Timing, "timing", timing_to, timing_from, { Before, After });
both_ways!(Action, "action", action_to, action_from, { Created, Updated, Deleted });
both_ways!(FailurePolicy, "policy", policy_to, policy_from, { Deny, Allow, Audit });
both_ways!(Activation, "outcome", activation_to, activation_from, {
    Allowed, Denied, Succeeded, Failed, Stopped
});
both_ways!(Verdict, "verdict", verdict_to, verdict_from, { Allow, Deny });
