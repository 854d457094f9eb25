//! A plan in words.

use std::fmt;

use crate::{
    cast::color,
    plan::{Layout, Plan, What},
};

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Event {
                number,
                kind,
                copies,
            } => {
                let (of, color) = (kind.trigger(), color(*number));
                format!("event {number} of {of} ({color}) is produced, {copies} times")
            }
            Self::Start { number, kind } => {
                format!("event {number} of {} is posted", kind.trigger())
            }
            Self::Ask {
                number,
                by_http,
                is_before,
                budget,
            } => question(*number, *by_http, *is_before, *budget),
            Self::Garbage { in_log: true, .. } => {
                "something that is not its own comes into the invocation log".to_owned()
            }
            Self::Garbage { .. } => {
                "something that can't be taken comes among the events".to_owned()
            }
            Self::Echo { .. } => "a record of the invocation log comes once more".to_owned(),
            Self::Switch { subscription, on } => {
                let on = if *on { "on" } else { "off" };
                format!("subscription {subscription} is switched {on}")
            }
            Self::Away {
                subscriber,
                refuses,
                down,
            } => {
                let how = match refuses {
                    true => "refuses everything",
                    false => "can't be reached",
                };
                format!("subscriber {subscriber} {how} for {down} ms")
            }
            Self::Crash {
                host,
                seam,
                down,
                mishap,
            } => {
                let (seam, mishap) = (seam.words(), mishap.words());
                format!("process p{host} is killed {seam}; it is down for {down} ms{mishap}")
            }
            Self::Stop { host, down, mishap } => {
                let mishap = mishap.words();
                format!("process p{host} ends in good order, for {down} ms{mishap}")
            }
            Self::Forget { down, mishap } => {
                let mishap = mishap.words();
                format!(
                    "all processes are killed, for {down} ms, and their positions are forgotten{mishap}"
                )
            }
            Self::Freeze { host, still } => {
                format!("process p{host} stands still for {still} ms")
            }
            Self::Jump { host, by } => format!("the clock of p{host} is set by {by} ms"),
            Self::Outage { down } => format!("the log can't be reached for {down} ms"),
        };
        f.write_str(&words)
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
        if self.apart > 0 && self.hosts > 1 {
            writeln!(f, "they start {} ms apart", self.apart)?;
        }
        if self.trouble > 0 {
            writeln!(f, "one call of the log in {} goes wrong", self.trouble)?;
        }
        if self.is_noisy {
            writeln!(
                f,
                "what they say to each other is slow or lost now and then"
            )?;
        }
        for step in &self.steps {
            writeln!(f, "{:>9} ms  {}", step.at, step.what)?;
        }
        Ok(())
    }
}
