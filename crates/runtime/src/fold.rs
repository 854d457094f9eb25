//! One record of the log onto one view.

use triggerfish_core::{Effect, Ignored, Invocation, Seen, apply, invariant::check_step};
use triggerfish_log::Record;
use triggerfish_ops::{metrics, violation};
use triggerfish_view::View;
use triggerfish_wire::envelope;

/// What became of a record.
pub(crate) enum Folded {
    /// It changed an invocation, which looks like this now.
    Applied(Invocation, Vec<Effect>),
    /// It changed nothing, which is normal.
    Ignored,
    /// It can't be read; the reason is for the operator.
    Unreadable(String),
}

/// Applies `record` and moves the view's position past it.
pub(crate) fn fold(view: &mut View, record: &Record) -> Result<Folded, triggerfish_view::Error> {
    let folded = fold_value(view, record);
    view.advance(record.offset.next().0);
    folded
}

fn fold_value(view: &mut View, record: &Record) -> Result<Folded, triggerfish_view::Error> {
    let Some(value) = record.value.clone() else {
        return Ok(Folded::Unreadable("the record has no value".to_owned()));
    };
    let (id, at, observation) = match envelope::decode(value.clone()) {
        Ok(decoded) => decoded,
        Err(error) => return Ok(Folded::Unreadable(error.to_string())),
    };
    if u32::from(id.partition()) != record.partition.0 {
        return Ok(Folded::Unreadable(format!(
            "invocation {id} belongs to another partition"
        )));
    }
    view.set_log_time(at);
    let kind = observation.kind();
    let before = view.get(id.key())?;
    #[cfg(feature = "faults")]
    let before = before.filter(|_| crate::faults::dedupes(&observation));
    let is_new = before.is_none();
    let checked = before.clone();
    let step = apply(
        before,
        Seen {
            id,
            offset: record.offset.0,
            at,
        },
        observation,
    );
    if let Err(broken) = check_step(checked.as_ref(), &step) {
        violation::report(&broken);
    }
    if let Some(reason) = step.ignored {
        metrics::observation_ignored(reason);
        if reason == Ignored::AlreadyRequested {
            view.note_repeat(id.key(), record.offset.0)?;
        }
        return Ok(Folded::Ignored);
    }
    metrics::observation_applied(kind);
    let Some(state) = step.state else {
        return Ok(Folded::Ignored);
    };
    view.put(state.clone(), is_new.then_some(value))?;
    Ok(Folded::Applied(state, step.effects))
}
