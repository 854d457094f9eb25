//! What the rules say, stated a second time: from the design and the reference, not by the
//! fold. The oracle folds with the core, so what is wrong there is wrong in it, too.

use std::time::Duration;

use bytes::Bytes;
use triggerfish_core::{
    AttemptReport, FailureKind, InvocationId, Mode, Observation, Reply, Request, RetryPolicy,
    Timestamp, action::Verdict, callback::FailurePolicy,
};

use crate::cast;

/// An observation of an invocation, and what it says of its time.
pub(super) type Said = (InvocationId, Timestamp, Observation);

/// How an invocation has to have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ruling {
    /// As it is called in completions.
    pub(super) outcome: &'static str,
    /// When, as far as it was said to it.
    pub(super) at: Option<Timestamp>,
    /// The last call that was reported.
    pub(super) attempts: u32,
    /// What came of it, as far as the rules leave no choice.
    pub(super) output: Option<Bytes>,
    /// Whether the last thing that was heard of its callee was a status.
    pub(super) has_status: bool,
}

/// Goes through what was said of one invocation, in log order.
struct Case<'c> {
    request: &'c Request,
    /// The call whose report counts next, and when it may begin at the earliest; none while a
    /// callback is waited for.
    owed: Option<(u32, Timestamp)>,
    attempts: u32,
    has_status: bool,
}

impl Ruling {
    /// How an invocation with this `request` has to have ended; `None` where the rules leave a
    /// choice.
    ///
    /// # Errors
    /// What was against the rules: it may go on, or a call began too early, if
    /// `clocks_are_right`.
    pub(super) fn of(
        id: InvocationId,
        request: &Request,
        said: &[Said],
        clocks_are_right: bool,
    ) -> Result<Option<Self>, String> {
        let mut case = Case {
            request,
            owed: Some((1, request.created)),
            attempts: 0,
            has_status: false,
        };
        if is_loop(request.depth) {
            let at = None;
            return Ok(Some(Self {
                at,
                ..case.end(request.created, FAILED, None)
            }));
        }
        let of_it = said.iter().filter(|(of, ..)| *of == id);
        let of_it: Vec<_> = of_it.map(|(_, at, said)| (*at, said)).collect();
        for (index, (at, observation)) in of_it.iter().enumerate() {
            let heard = match observation {
                Observation::AttemptReported(report) => {
                    if clocks_are_right && let Some(early) = case.is_early(report) {
                        let attempt = report.attempt;
                        return Err(format!("call {attempt} of {id} began {early:?} too early"));
                    }
                    let mut later = of_it[index + 1..].iter();
                    let is_repeated = later.any(|(_, later)| is_attempt(later, report.attempt + 1));
                    case.hear(*at, report, is_repeated)
                }
                Observation::CompletionReported(report)
                    if request.mode != Mode::FireAndForget && *at <= request.deadline =>
                {
                    let outcome = match report.error {
                        Some(_) => FAILED,
                        None => COMPLETED,
                    };
                    Heard::Ended(case.end(*at, outcome, report.output.clone()))
                }
                Observation::DeadlinePassed if *at >= request.deadline => {
                    Heard::Ended(case.end(*at, EXPIRED, None))
                }
                _ => Heard::GoesOn,
            };
            match heard {
                Heard::Ended(ruling) => return Ok(Some(ruling)),
                Heard::Unclear => return Ok(None),
                Heard::GoesOn => {}
            }
        }
        Err(format!("{id} may go on, by all that was said of it"))
    }

    /// What such an end of a callback means where it is waited for.
    pub(super) fn verdict(&self, policy: FailurePolicy) -> Verdict {
        let denies = match policy {
            _ if self.outcome == COMPLETED => false,
            FailurePolicy::Deny => true,
            FailurePolicy::Allow => self.has_status,
            FailurePolicy::Audit => false,
        };
        if denies {
            Verdict::Deny
        } else {
            Verdict::Allow
        }
    }
}

const COMPLETED: &str = "COMPLETED";
const FAILED: &str = "FAILED";
const EXPIRED: &str = "EXPIRED";

/// Whether a chain of causes is too long: nobody is called, and an action is denied.
pub(super) const fn is_loop(depth: u32) -> bool {
    depth > cast::DEPTH_MAX
}

/// How long the next call waits at least and at most: between half and the whole of a step that
/// doubles, or what the callee asked for if that is longer; neither exceeds the longest wait.
pub(super) fn waits(
    policy: RetryPolicy,
    attempt: u32,
    retry_after: Option<Duration>,
) -> (Duration, Duration) {
    let longest = Duration::from_millis(policy.max_delay_ms);
    let first = Duration::from_millis(policy.initial_delay_ms);
    let step = first.saturating_mul(1 << (attempt - 1)).min(longest);
    let asked = retry_after.unwrap_or_default().min(longest);
    ((step / 2).max(asked), step.max(asked))
}

/// What the report of a call leads to.
enum Heard {
    Ended(Ruling),
    GoesOn,
    /// Whether there was time for another call is a matter of the jitter.
    Unclear,
}

impl Case<'_> {
    fn end(&self, at: Timestamp, outcome: &'static str, output: Option<Bytes>) -> Ruling {
        Ruling {
            outcome,
            // Of two clocks one may be behind.
            at: Some(at.max(self.request.created)),
            attempts: self.attempts,
            output,
            has_status: self.has_status,
        }
    }

    /// By how much the call began too early, if it was owed.
    fn is_early(&self, report: &AttemptReport) -> Option<Duration> {
        let (_, earliest) = self.owed.filter(|owed| owed.0 == report.attempt)?;
        (report.started < earliest).then(|| report.started.until(earliest))
    }

    fn hear(&mut self, at: Timestamp, report: &AttemptReport, is_repeated: bool) -> Heard {
        if self.owed.is_none_or(|owed| owed.0 != report.attempt) {
            return Heard::GoesOn;
        }
        self.attempts = report.attempt;
        self.has_status = is_status(&report.reply);
        let waits_for_callback = matches!(self.request.mode, Mode::Async | Mode::Dynamic);
        let answers = matches!(self.request.mode, Mode::Sync | Mode::Dynamic);
        match &report.reply {
            Reply::Acknowledged if waits_for_callback => {
                self.owed = None;
                Heard::GoesOn
            }
            Reply::Answered(output) if answers => {
                Heard::Ended(self.end(at, COMPLETED, Some(output.clone())))
            }
            Reply::Delivered if !waits_for_callback && !answers => {
                Heard::Ended(self.end(at, COMPLETED, None))
            }
            Reply::Unavailable { retry_after, .. } => {
                self.again(at, report.attempt, *retry_after, is_repeated)
            }
            Reply::Acknowledged | Reply::Answered(_) | Reply::Delivered | Reply::Refused(_) => {
                Heard::Ended(self.end(at, FAILED, None))
            }
        }
    }

    fn again(
        &mut self,
        at: Timestamp,
        attempt: u32,
        retry_after: Option<Duration>,
        is_repeated: bool,
    ) -> Heard {
        let policy = self.request.retry;
        if attempt >= policy.max_attempts {
            return Heard::Ended(self.end(at, FAILED, None));
        }
        let (shortest, longest) = waits(policy, attempt, retry_after);
        let (earliest, latest) = (at.after(shortest), at.after(longest));
        if earliest >= self.request.deadline {
            return Heard::Ended(self.end(at, FAILED, None));
        }
        if latest >= self.request.deadline && !is_repeated {
            return Heard::Unclear;
        }
        self.owed = Some((attempt + 1, earliest));
        Heard::GoesOn
    }
}

fn is_attempt(observation: &Observation, attempt: u32) -> bool {
    matches!(observation, Observation::AttemptReported(report) if report.attempt == attempt)
}

fn is_status(reply: &Reply) -> bool {
    match reply {
        Reply::Refused(failure) | Reply::Unavailable { failure, .. } => {
            failure.kind == FailureKind::Status
        }
        Reply::Acknowledged | Reply::Answered(_) | Reply::Delivered => false,
    }
}

#[cfg(test)]
mod tests {
    use triggerfish_core::{
        CompletionReport, Failure, InvocationKey, Origin, SubscriptionId, TriggerType,
    };
    use uuid::Uuid;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn id() -> InvocationId {
        InvocationId::new(Timestamp::EPOCH, 0, InvocationKey(1))
    }

    /// Begins at 0 s and has until 10 s.
    fn request(mode: Mode) -> Request {
        Request {
            trigger_id: "test".into(),
            trigger_type: TriggerType::RequestResponse,
            subscription_id: SubscriptionId(Uuid::nil()),
            subscription_name: "test".into(),
            origin: Origin::RealTime,
            mode,
            created: Timestamp::EPOCH,
            deadline: Timestamp::from_micros(10 * SECOND),
            retry: RetryPolicy {
                max_attempts: 2,
                initial_delay_ms: 4_000,
                max_delay_ms: 60_000,
            },
            ordering_key: None,
            input: Bytes::new(),
            content_json: Bytes::new(),
            depth: 0,
            traceparent: None,
            event_id: None,
            member: None,
        }
    }

    fn at(seconds: i64, observation: Observation) -> Said {
        (id(), Timestamp::from_micros(seconds * SECOND), observation)
    }

    fn call(attempt: u32, started: i64, reply: Reply) -> Observation {
        Observation::AttemptReported(AttemptReport {
            attempt,
            started: Timestamp::from_micros(started * SECOND),
            took: Duration::ZERO,
            status: None,
            reply,
            body: None,
        })
    }

    fn away(kind: FailureKind) -> Reply {
        Reply::Unavailable {
            failure: Failure {
                kind,
                message: "away".into(),
            },
            retry_after: None,
        }
    }

    fn result(error: Option<&str>) -> Observation {
        Observation::CompletionReported(CompletionReport {
            output: Some(Bytes::from_static(b"{}")),
            error: error.map(Into::into),
        })
    }

    fn outcome(mode: Mode, said: &[Said]) -> Result<Option<(&'static str, u32)>, String> {
        let ruling = Ruling::of(id(), &request(mode), said, true)?;
        Ok(ruling.map(|ruling| (ruling.outcome, ruling.attempts)))
    }

    #[test]
    fn the_first_that_counts_decides() {
        let answered = || call(1, 0, Reply::Answered(Bytes::from_static(b"{}")));
        let cases = [
            (
                Mode::Sync,
                vec![at(1, answered()), at(2, result(Some("late")))],
                (COMPLETED, 1),
            ),
            (Mode::Async, vec![at(1, answered())], (FAILED, 1)),
            (
                Mode::Async,
                vec![at(1, call(1, 0, Reply::Acknowledged)), at(2, result(None))],
                (COMPLETED, 1),
            ),
            (
                Mode::Dynamic,
                vec![at(1, result(Some("no"))), at(2, answered())],
                (FAILED, 0),
            ),
            (
                Mode::Async,
                vec![at(11, result(None)), at(12, Observation::DeadlinePassed)],
                (EXPIRED, 0),
            ),
            (
                Mode::Async,
                vec![at(9, Observation::DeadlinePassed), at(10, result(None))],
                (COMPLETED, 0),
            ),
            (
                Mode::FireAndForget,
                vec![at(1, result(None)), at(2, call(1, 0, Reply::Delivered))],
                (COMPLETED, 1),
            ),
            (
                Mode::Sync,
                vec![
                    at(1, call(2, 0, Reply::Delivered)),
                    at(10, Observation::DeadlinePassed),
                ],
                (EXPIRED, 0),
            ),
        ];
        for (mode, said, expected) in cases {
            assert_eq!(
                outcome(mode, &said),
                Ok(Some(expected)),
                "{mode:?} {said:?}"
            );
        }
        let open = outcome(Mode::Async, &[at(1, call(1, 0, Reply::Acknowledged))]);
        assert!(open.is_err(), "{open:?}");
    }

    #[test]
    fn calls_are_repeated_in_time_and_not_too_often() {
        let first = |kind| at(1, call(1, 0, away(kind)));
        let again = |started, reply| at(8, call(2, started, reply));
        let connect = FailureKind::Connect;
        let twice = [first(connect), again(5, Reply::Delivered)];
        assert_eq!(
            outcome(Mode::FireAndForget, &twice),
            Ok(Some((COMPLETED, 2)))
        );
        let no_more = [first(connect), again(5, away(connect))];
        assert_eq!(
            outcome(Mode::FireAndForget, &no_more),
            Ok(Some((FAILED, 2)))
        );
        let early = outcome(
            Mode::FireAndForget,
            &[first(connect), again(2, Reply::Delivered)],
        );
        assert!(
            early
                .as_ref()
                .is_err_and(|early| early.contains("too early")),
            "{early:?}"
        );
        let late = [at(9, call(1, 0, away(connect)))];
        assert_eq!(outcome(Mode::FireAndForget, &late), Ok(Some((FAILED, 1))));
        let unclear = [at(7, call(1, 0, away(connect)))];
        assert_eq!(outcome(Mode::FireAndForget, &unclear), Ok(None));
    }

    #[test]
    fn a_policy_says_what_an_end_means() {
        use FailurePolicy::{Allow, Audit, Deny};
        let ruling = |outcome, has_status| Ruling {
            outcome,
            at: None,
            attempts: 1,
            output: None,
            has_status,
        };
        for (policy, outcome, has_status, verdict) in [
            (Deny, COMPLETED, false, Verdict::Allow),
            (Deny, EXPIRED, false, Verdict::Deny),
            (Allow, FAILED, false, Verdict::Allow),
            (Allow, FAILED, true, Verdict::Deny),
            (Audit, FAILED, true, Verdict::Allow),
        ] {
            assert_eq!(
                ruling(outcome, has_status).verdict(policy),
                verdict,
                "{policy:?} {outcome}"
            );
        }
    }
}
