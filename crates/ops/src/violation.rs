//! What happens when an invariant turns out to be broken.

use triggerfish_core::invariant::Violation;

use crate::metrics;

/// Counts and logs a broken invariant. The process goes on in release builds: the
/// log is still the truth, and stopping would not mend it.
///
/// # Panics
/// In debug builds, so that no test passes over one.
pub fn report(violation: &Violation) {
    metrics::invariant_violated(violation.invariant);
    tracing::error!(
        invariant = violation.invariant.id(),
        "{violation}; please report it with the log around it"
    );
    #[cfg(debug_assertions)]
    panic!("{violation}");
}

#[cfg(test)]
mod tests {
    use triggerfish_core::invariant::Invariant;

    use super::*;

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "invariant I2 broken"))]
    fn stops_debug_builds_only() {
        report(&Violation {
            invariant: Invariant::OutcomeIsFinal,
            detail: "completed became failed".to_owned(),
        });
    }
}
