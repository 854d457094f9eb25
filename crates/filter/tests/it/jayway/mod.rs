//! The library itself, asked about generated expressions and documents.
//!
//! Needs Java 17 and Maven; without them the test says so and passes, unless `CI=true`.
//! `FILTER_ORACLE_SEED` and `FILTER_ORACLE_CASES` choose what is generated.

mod documents;
mod generate;
mod oracle;
mod patterns;
mod random;

use std::{collections::BTreeMap, env};

use serde_json::Value;
use triggerfish_filter::{EvaluateError, Limits, Path};

use self::{
    generate::{Case, Generator},
    oracle::{Answer, Kind, Oracle},
};
use crate::vectors;

/// Without a seed of its own the test asks the same questions every time.
const SEED: u64 = 20_261_123;
const CASES: usize = 4_000;

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// What this engine says, in the oracle's terms. A kind is only told apart where it matters.
fn own(case: &Case, limits: &Limits) -> Result<Answer, &'static str> {
    let Ok(path) = Path::compile_within(&case.path, limits) else {
        return Ok(Answer::Invalid);
    };
    let definite = path.is_definite();
    let kind = match path.evaluate(&case.document, limits) {
        Ok(found) => Kind::Value(found.to_value()),
        Err(EvaluateError::NotFound) => Kind::NotFound,
        Err(EvaluateError::Soft(_)) => Kind::Soft,
        Err(EvaluateError::Hard(_)) => Kind::Hard,
        Err(EvaluateError::Limit(what)) => return Err(what),
    };
    Ok(Answer::Valid { definite, kind })
}

fn agree(one: &Answer, other: &Answer) -> bool {
    match (one, other) {
        (
            Answer::Valid {
                definite: one_definite,
                kind: Kind::Value(one),
            },
            Answer::Valid {
                definite: other_definite,
                kind: Kind::Value(other),
            },
        ) => one_definite == other_definite && vectors::same(one, other),
        _ => one == other,
    }
}

/// Makes a differing case smaller while it keeps differing: drops parts of the document.
fn shrink(case: &Case, oracle: &mut Oracle, limits: &Limits) -> Case {
    let mut smallest = case.clone();
    let mut budget = 400;
    'again: loop {
        for document in documents::smaller(&smallest.document) {
            if budget == 0 {
                return smallest;
            }
            budget -= 1;
            let candidate = Case {
                path: smallest.path.clone(),
                document,
            };
            let theirs = oracle.ask(std::slice::from_ref(&candidate)).remove(0);
            if own(&candidate, limits).is_ok_and(|ours| !agree(&ours, &theirs)) {
                smallest = candidate;
                continue 'again;
            }
        }
        return smallest;
    }
}

#[test]
fn agrees_with_the_library_itself() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let seed = number("FILTER_ORACLE_SEED", SEED);
    let count = usize::try_from(number("FILTER_ORACLE_CASES", CASES as u64)).expect("fits");
    eprintln!("FILTER_ORACLE_SEED={seed} FILTER_ORACLE_CASES={count}");
    let limits = Limits::default();
    let mut generator = Generator::new(seed, vectors::read());
    let mut differing: Vec<(Case, Answer, Answer)> = Vec::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut left = count;
    while left > 0 {
        let cases: Vec<Case> = (0..left.min(500)).map(|_| generator.case()).collect();
        left -= cases.len();
        let answers = oracle.ask(&cases);
        for (case, theirs) in cases.into_iter().zip(answers) {
            let ours = own(&case, &limits).unwrap_or_else(|what| {
                panic!(
                    "stopped by a limit ({what}): {} on {}",
                    case.path, case.document
                )
            });
            *kinds.entry(theirs.name()).or_default() += 1;
            if !agree(&ours, &theirs) {
                differing.push((case, ours, theirs));
            }
        }
    }
    eprintln!("answers of the library: {kinds:?}");
    for (case, ..) in differing.iter().take(40) {
        let case = shrink(case, &mut oracle, &limits);
        let theirs = oracle.ask(std::slice::from_ref(&case)).remove(0);
        let ours = own(&case, &limits);
        eprintln!(
            "{}\n  on {}\n  ours   {ours:?}\n  theirs {theirs:?}",
            case.path, case.document
        );
    }
    assert!(
        differing.is_empty(),
        "{} of {count} cases differ, seed {seed}",
        differing.len()
    );
    // The questions must be good ones: enough of them have to match something.
    assert!(
        kinds.get("value").is_some_and(|values| *values * 4 > count),
        "too few values: {kinds:?}"
    );
    let document = Value::Null;
    assert!(
        Path::compile("$")
            .expect("valid")
            .evaluate(&document, &limits)
            .is_err()
    );
}
