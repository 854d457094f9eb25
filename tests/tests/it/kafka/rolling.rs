//! A rolling restart: the partitions of the process that goes are shared out, it is given
//! its share when it is back, and everything else runs on where it is.

use std::collections::BTreeSet;

use triggerfish_tests::kafka::Role;

use super::scene::{Claims, add, installation, spread};
use super::turn;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_moves_only_its_own_partitions() {
    let Some(_turn) = turn("a rolling restart").await else {
        return;
    };
    let mut installation = installation();
    let asked = add(&mut installation, Role::Producer, 1).await[0];
    let asked = installation.workers[asked].url();
    let consumers = add(&mut installation, Role::CompletionConsumer, 3).await;
    for index in consumers {
        let before = spread(&installation, &asked, 3).await;
        installation.workers[index].stop().await;
        let left = spread(&installation, &asked, 2).await;
        let gone = owners(&before).difference(&owners(&left)).next().cloned();
        let gone = gone.expect("one of three has gone");
        assert_eq!(
            moved(&before, &left),
            of(&before, &gone),
            "{before:?} {left:?}"
        );

        installation.workers[index].launch();
        installation.workers[index].ready().await;
        let after = spread(&installation, &asked, 3).await;
        // The one that is back is given its share; between the others nothing moves.
        assert!(
            owners(&after).contains(&gone),
            "it has kept its name: {after:?}"
        );
        assert_eq!(
            moved(&left, &after),
            of(&after, &gone),
            "{left:?} {after:?}"
        );
        assert_eq!(
            of(&after, &gone).len(),
            of(&before, &gone).len(),
            "{after:?}"
        );
    }
    installation.stop_all().await;
}

fn owners(claims: &Claims) -> BTreeSet<String> {
    claims.values().map(|(name, _)| name.clone()).collect()
}

/// The partitions of one process.
fn of(claims: &Claims, name: &str) -> BTreeSet<u64> {
    let own = claims.iter().filter(|(_, (owner, _))| owner == name);
    own.map(|(partition, _)| *partition).collect()
}

/// Partitions that do not run where they did, or not since the same time.
fn moved(before: &Claims, after: &Claims) -> BTreeSet<u64> {
    let moved = before
        .iter()
        .filter(|(partition, claim)| after.get(partition) != Some(claim));
    moved.map(|(partition, _)| *partition).collect()
}
