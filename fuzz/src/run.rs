//! The short run: the corpus, and changes of it that follow from a seed.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{
    Target, corpus,
    mutate::{Dice, mutate},
};

/// Inputs that were taken are kept and changed again, so that the run gets deeper.
const KEPT_MAX: usize = 2_000;
/// No target works for so long on anything, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long and from what.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What the changes follow from.
    pub seed: u64,
    /// Changed inputs at most.
    pub inputs: usize,
    /// Time at most.
    pub time: Duration,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ran {
    /// Changed inputs.
    pub inputs: usize,
    /// How many of them were taken.
    pub taken: usize,
}

impl Target {
    /// Runs the corpus and changes of it.
    ///
    /// # Panics
    /// When an input breaks the target: with its shortened form, and where it was put.
    #[must_use]
    pub fn run(&self, plan: Plan) -> Ran {
        let kept = corpus(self).expect("the corpus can be read");
        let mut kept: Vec<Vec<u8>> = kept.into_iter().map(|entry| entry.bytes).collect();
        kept.extend((self.seeds)());
        for input in &kept {
            self.check(input);
        }
        let (mut dice, mut ran, begun) = (Dice::new(plan.seed), Ran::default(), Instant::now());
        while ran.inputs < plan.inputs && begun.elapsed() < plan.time {
            let mut input = dice.pick(&kept).cloned().unwrap_or_default();
            let other = dice.pick(&kept).cloned().unwrap_or_default();
            mutate(&mut dice, &mut input, &other, self.tokens);
            ran.inputs += 1;
            if self.check(&input) {
                ran.taken += 1;
                if kept.len() < KEPT_MAX {
                    kept.push(input);
                }
            }
        }
        ran
    }

    /// Whether an input is taken.
    fn check(&self, input: &[u8]) -> bool {
        match self.try_check(input) {
            Ok(taken) => taken,
            Err(reason) => {
                let input = self.shortened(input.to_vec());
                let file = put_aside(self, &input);
                panic!(
                    "{}: {reason}\ninput: {:?}\nwas put in {}; when it is mended, keep it as fuzz/corpus/{}/bug-…",
                    self.name,
                    String::from_utf8_lossy(&input),
                    file.display(),
                    self.name,
                );
            }
        }
    }

    /// Whether an input is taken; why the target broke.
    fn try_check(&self, input: &[u8]) -> Result<bool, String> {
        let begun = Instant::now();
        let checked = panic::catch_unwind(AssertUnwindSafe(|| (self.check)(input)));
        if begun.elapsed() > PATIENCE {
            // A machine may stand still once.
            let again = Instant::now();
            let _ = panic::catch_unwind(AssertUnwindSafe(|| (self.check)(input)));
            if again.elapsed() > PATIENCE {
                return Err(format!("took {:?}", again.elapsed()));
            }
        }
        checked.map_err(|panicked| {
            let text = panicked.downcast_ref::<String>().cloned();
            let text = text.or_else(|| Some((*panicked.downcast_ref::<&str>()?).to_owned()));
            text.unwrap_or_default()
        })
    }

    /// The input without what it breaks the target without as well.
    fn shortened(&self, mut input: Vec<u8>) -> Vec<u8> {
        let mut length = input.len() / 2;
        while length > 0 {
            let mut at = 0;
            while at < input.len() {
                let mut shorter = input.clone();
                shorter.drain(at..(at + length).min(input.len()));
                if self.try_check(&shorter).is_err() {
                    input = shorter;
                } else {
                    at += length;
                }
            }
            length /= 2;
        }
        input
    }
}

fn put_aside(target: &Target, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    let file = folder.join(format!("{}.bin", target.name));
    fs::create_dir_all(&folder).expect("the folder of builds can be written");
    fs::write(&file, input).expect("the folder of builds can be written");
    file
}
