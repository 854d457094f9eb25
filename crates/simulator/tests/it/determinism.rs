//! A seed stands for everything that happens.

use triggerfish_simulator::Plan;

use crate::runner::world;

#[test]
fn a_seed_that_is_run_twice_tells_the_same_story() {
    for seed in 0..25 {
        let plan = Plan::of(seed);
        let (one, other) = (world(&plan, None), world(&plan, None));
        let differs = one.history.iter().zip(&other.history).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(one.digest, other.digest, "seed {seed}");
        assert!(
            one.history.len() > 50,
            "seed {seed}: hardly anything happened"
        );
    }
    assert_ne!(
        world(&Plan::of(1), None).digest,
        world(&Plan::of(2), None).digest
    );
}
