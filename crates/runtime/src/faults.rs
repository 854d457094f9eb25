//! Rules that a test of the whole switches off, to see that it would notice.
//!
//! Only in builds with the feature `faults`; what is shipped has none of this.

use std::sync::OnceLock;
use std::time::Duration;

use triggerfish_core::Observation;
use triggerfish_log::Offset;

/// Names the fault.
const VARIABLE: &str = "CHAOS_FAULT";

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The view is saved first and the log committed second, and a view that leads the
    /// committed position is believed.
    ViewFirst,
    /// A request that was folded already is folded again.
    NoDedupe,
}

/// How long a process can die between two steps that are one.
pub(crate) const BETWEEN: Duration = Duration::from_millis(100);

/// Whether the rule is broken in this process.
///
/// # Panics
/// If the variable names no fault: a test that breaks nothing would prove nothing.
pub(crate) fn is_on(fault: Fault) -> bool {
    static ON: OnceLock<Option<Fault>> = OnceLock::new();
    let on = ON.get_or_init(|| match std::env::var(VARIABLE).as_deref() {
        Err(_) => None,
        Ok("view-first") => Some(Fault::ViewFirst),
        Ok("no-dedupe") => Some(Fault::NoDedupe),
        Ok(other) => panic!("{VARIABLE}: there is no fault {other}"),
    });
    *on == Some(fault)
}

/// From where a view goes on that was saved up to `saved`, with `committed` in the log.
pub(crate) fn believed(saved: Offset, committed: Offset) -> Offset {
    if is_on(Fault::ViewFirst) {
        committed.max(saved)
    } else {
        committed
    }
}

/// Whether what is known of an invocation counts when this is observed.
pub(crate) fn dedupes(observation: &Observation) -> bool {
    !(is_on(Fault::NoDedupe) && matches!(observation, Observation::Requested(_)))
}
