//! One record of the log onto one view.

use std::sync::Arc;

use bytes::Bytes;
use triggerfish_core::{
    ActionRequest, ActionState, Effect, Ignored, Invocation, Observation, Seen,
    action::expand,
    apply,
    invariant::{check_decision, check_step},
};
use triggerfish_log::Record;
use triggerfish_ops::{metrics, violation};
use triggerfish_view::{Error, View};
use triggerfish_wire::envelope;

/// What became of a record.
pub(crate) enum Folded {
    /// It changed an invocation, which looks like this now, and maybe its action.
    Applied(Invocation, Vec<Effect>, Option<Acted>),
    /// It asks about an action: these invocations are new. None are if the action is known
    /// already.
    Asked(Vec<(Invocation, Vec<Effect>)>, Acted),
    /// It changed nothing, which is normal.
    Ignored,
    /// It can't be read; the reason is for the operator.
    Unreadable(String),
}

/// An action as it is now, and what follows from that.
pub(crate) struct Acted {
    pub(crate) action: Arc<ActionState>,
    /// [`Effect::EmitDecision`] if the decision has just fallen.
    pub(crate) effect: Option<Effect>,
}

/// Applies `record` and moves the view's position past it.
pub(crate) fn fold(view: &mut View, record: &Record) -> Result<Folded, Error> {
    let folded = fold_value(view, record);
    view.advance(record.offset.next().0);
    folded
}

fn fold_value(view: &mut View, record: &Record) -> Result<Folded, Error> {
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
    let seen = Seen {
        id,
        offset: record.offset.0,
        at,
    };
    match observation {
        Observation::ActionAsked(request) => fold_action(view, seen, request, value),
        observation => fold_observation(view, seen, observation, value),
    }
}

fn fold_observation(
    view: &mut View,
    seen: Seen,
    observation: Observation,
    value: Bytes,
) -> Result<Folded, Error> {
    let key = seen.id.key();
    let kind = observation.kind();
    let before = view.get(key)?;
    #[cfg(feature = "faults")]
    let before = crate::faults::known(before, &observation);
    let is_new = before.is_none();
    let checked = before.clone();
    let step = apply(before, seen, observation);
    if let Err(broken) = check_step(checked.as_ref(), &step) {
        violation::report(&broken);
    }
    if let Some(reason) = step.ignored {
        metrics::observation_ignored(reason);
        if reason == Ignored::AlreadyRequested {
            view.note_repeat(key, seen.offset)?;
        }
        return Ok(Folded::Ignored);
    }
    metrics::observation_applied(kind);
    let Some(state) = step.state else {
        return Ok(Folded::Ignored);
    };
    view.put(state.clone(), is_new.then_some(value))?;
    let acted = tell(view, &state, seen.offset)?;
    Ok(Folded::Applied(state, step.effects, acted))
}

/// Tells the action of a callback that its call has ended.
fn tell(view: &mut View, invocation: &Invocation, offset: u64) -> Result<Option<Acted>, Error> {
    let Some(member) = invocation.request.member.as_deref() else {
        return Ok(None);
    };
    let Some(before) = view.action(member.action_id.key())? else {
        return Ok(None);
    };
    let mut action = ActionState::clone(&before);
    let told = action.told(invocation, offset);
    if let Err(broken) = check_decision(Some(&before), &action, told.effect) {
        violation::report(&broken);
    }
    if !told.changed {
        return Ok(None);
    }
    let action = Arc::new(action);
    view.put_action(Arc::clone(&action), None)?;
    let effect = told.effect;
    Ok(Some(Acted { action, effect }))
}

fn fold_action(
    view: &mut View,
    seen: Seen,
    request: Arc<ActionRequest>,
    value: Bytes,
) -> Result<Folded, Error> {
    if let Some(action) = view.action(seen.id.key())? {
        metrics::observation_ignored(Ignored::AlreadyRequested);
        view.note_repeat(seen.id.key(), seen.offset)?;
        let effect = None;
        return Ok(Folded::Asked(Vec::new(), Acted { action, effect }));
    }
    metrics::observation_applied("action_asked");
    let expansion = expand(seen, request);
    if let Err(broken) = check_decision(None, &expansion.action, expansion.effect) {
        violation::report(&broken);
    }
    let action = Arc::new(expansion.action);
    view.put_action(Arc::clone(&action), Some(value))?;
    let mut members = Vec::with_capacity(expansion.members.len());
    for step in expansion.members {
        if let Err(broken) = check_step(None, &step) {
            violation::report(&broken);
        }
        let Some(state) = step.state else { continue };
        let requested = Observation::Requested(Arc::clone(&state.request));
        let requested = envelope::encode(state.id, seen.at, &requested);
        view.put(state.clone(), Some(requested))?;
        members.push((state, step.effects));
    }
    let effect = expansion.effect;
    Ok(Folded::Asked(members, Acted { action, effect }))
}
