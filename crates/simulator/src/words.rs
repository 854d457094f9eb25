//! A plan in words.

use std::fmt;

use crate::{
    cast::color,
    plan::{Layout, Plan, What},
};

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event {
                number,
                kind,
                copies,
            } => {
                let (trigger, color) = (kind.trigger(), color(*number));
                write!(
                    f,
                    "event {number} of {trigger} ({color}) is produced, {copies} times"
                )
            }
            Self::Start { number, kind } => {
                write!(f, "event {number} of {} is posted", kind.trigger())
            }
            Self::Ask {
                number,
                by_http,
                is_before,
                budget,
            } => f.write_str(&question(*number, *by_http, *is_before, *budget)),
            Self::Garbage { in_log: true, .. } => {
                f.write_str("something that is not its own comes into the invocation log")
            }
            Self::Garbage { .. } => {
                f.write_str("something that can't be taken comes among the events")
            }
            Self::Echo { .. } => f.write_str("a record of the invocation log comes once more"),
            Self::Switch { subscription, on } => {
                let on = if *on { "on" } else { "off" };
                write!(f, "subscription {subscription} is switched {on}")
            }
            Self::Away {
                subscriber,
                refuses,
                down,
            } => {
                let how = if *refuses {
                    "refuses everything"
                } else {
                    "can't be reached"
                };
                write!(f, "subscriber {subscriber} {how} for {down} ms")
            }
            Self::Crash {
                host,
                seam,
                down,
                mishap,
            } => {
                let (seam, mishap) = (seam.words(), mishap.words());
                write!(
                    f,
                    "process p{host} is killed {seam}; it is down for {down} ms{mishap}"
                )
            }
            Self::Stop { host, down, mishap } => {
                let mishap = mishap.words();
                write!(
                    f,
                    "process p{host} ends in good order, for {down} ms{mishap}"
                )
            }
            Self::Forget { down, mishap } => {
                let mishap = mishap.words();
                write!(
                    f,
                    "all processes are killed, for {down} ms, and their positions are forgotten{mishap}"
                )
            }
            Self::Freeze { host, still } => {
                write!(f, "process p{host} stands still for {still} ms")
            }
            Self::Jump { host, by } => write!(f, "the clock of p{host} is set by {by} ms"),
            Self::Outage { down } => write!(f, "the log can't be reached for {down} ms"),
        }
    }
}

fn question(number: u32, by_http: bool, is_before: bool, budget: u64) -> String {
    let way = if by_http { "by HTTP" } else { "by its topic" };
    if is_before {
        format!("a platform asks before action {number}, {way}, and waits {budget} ms")
    } else {
        format!("a platform tells after action {number}, {way}")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = match self.layout {
            Layout::Together => "dispatcher and completion-consumer share a fold",
            Layout::Apart => "dispatcher and completion-consumer fold apart",
        };
        writeln!(f, "seed {}: {} processes, {layout}", self.seed, self.hosts)?;
        if self.trouble > 0 {
            writeln!(f, "one call of the log in {} goes wrong", self.trouble)?;
        }
        for step in &self.steps {
            writeln!(f, "{:>9} ms  {}", step.at, step.what)?;
        }
        Ok(())
    }
}
