//! Makes a plan that fails smaller, as long as it still fails.

use crate::plan::{Plan, Step};

/// The most worlds that are tried.
const TRIES: usize = 120;

/// The smallest plan that was found for which `fails` still holds: with fewer steps, and
/// where it can be without troubles of the log and with fewer processes.
pub fn shrink(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    let mut tries = TRIES;
    let mut fails = |plan: &Plan| {
        let may_try = tries > 0;
        tries = tries.saturating_sub(1);
        may_try && fails(plan)
    };
    let mut smallest = plan.clone();
    let mut size = smallest.steps.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < smallest.steps.len() {
            let rest = without(&smallest.steps, from, size);
            let smaller = smallest.with(rest);
            if fails(&smaller) {
                smallest = smaller;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
    let calmer = Plan {
        trouble: 0,
        ..smallest.clone()
    };
    if smallest.trouble > 0 && fails(&calmer) {
        smallest = calmer;
    }
    smallest
}

fn without(steps: &[Step], from: usize, size: usize) -> Vec<Step> {
    let until = steps.len().min(from + size);
    [&steps[..from], &steps[until..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::What;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let steps = (0..20).map(|at| Step {
            at,
            what: What::Outage { down: at },
        });
        let plan = Plan {
            trouble: 5,
            ..Plan::of(1).with(steps.collect())
        };
        let fails = |plan: &Plan| {
            [3, 17]
                .iter()
                .all(|at| plan.steps.iter().any(|step| step.at == *at))
        };
        let smallest = shrink(&plan, fails);
        let times: Vec<u64> = smallest.steps.iter().map(|step| step.at).collect();
        assert_eq!((times, smallest.trouble), (vec![3, 17], 0));
    }
}
