//! Any process answers, and tells the truth or nothing while another one dies.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use triggerfish_tests::Answer;
use triggerfish_tests::kafka::{Installation, Kind, Role, Table};

use super::scene::{add, installation, spread, start, subscribe};
use super::turn;

const OPEN: u64 = 60;
/// So many rounds of good answers in a row are taken for the end of the trouble.
const GOOD_ROUNDS: usize = 10;
const HEALS_WITHIN: Duration = Duration::from_secs(40);

/// What the answers of one process were like.
#[derive(Debug, Default)]
struct Seen {
    good: usize,
    later: usize,
    longest: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_process_dies_the_others_say_the_truth_or_come_again() {
    let Some(_turn) = turn("answers of any process").await else {
        return;
    };
    let mut installation = installation();
    add(&mut installation, Role::Producer, 1).await;
    add(&mut installation, Role::Dispatcher, 1).await;
    let consumers = add(&mut installation, Role::CompletionConsumer, 3).await;
    let _subscriber = subscribe(&installation).await;
    let asked = [
        installation.workers[0].url(),
        installation.workers[consumers[2]].url(),
    ];
    spread(&installation, &asked[0], 3).await;
    let ids = start(&installation, OPEN).await;
    for url in &asked {
        assert_eq!(
            heals(&installation, url, &ids).await.later,
            0,
            "nothing is broken yet"
        );
    }

    let mut table = Table::default();
    for (victim, gently) in [(consumers[0], false), (consumers[1], true)] {
        let worker = &mut installation.workers[victim];
        if gently {
            installation.faults.note(Kind::Stop, worker);
            worker.stop().await;
        } else {
            installation.faults.note(Kind::Kill, worker);
            worker.kill();
        }
        installation.show();
        let (first, second) = tokio::join!(
            heals(&installation, &asked[0], &ids),
            heals(&installation, &asked[1], &ids),
        );
        let what = if gently { "SIGTERM" } else { "SIGKILL" };
        for (who, seen) in [("a producer", first), ("a consumer", second)] {
            let figures = format!(
                "{} good, {} of 503, 503s for {:.1?}",
                seen.good, seen.later, seen.longest
            );
            table.row(format!("{what} of another, {who} says"), figures);
        }
    }
    println!("{table}");
    installation.stop_all().await;
    let differs = tokio::task::block_in_place(|| installation.verify());
    assert!(differs.is_empty(), "{differs:?}");
}

/// Asks the process at `url` for each invocation and for the list, until all is well for
/// a while.
async fn heals(installation: &Installation, url: &str, ids: &BTreeSet<String>) -> Seen {
    let begun = Instant::now();
    let mut seen = Seen::default();
    let mut rounds = 0;
    while rounds < GOOD_ROUNDS {
        assert!(
            begun.elapsed() < HEALS_WITHIN,
            "{url} still does not answer for all: {seen:?}"
        );
        let mut all_good = true;
        // A few at a time, or a round would take longer than what it is to notice.
        for id in ids.iter().skip(rounds % 5).step_by(5) {
            let path = format!("/trigger-invocations/v1/{id}");
            let answer = asked(installation, url, &path, &mut seen, begun).await;
            all_good &= answer.is_some();
            if let Some(answer) = answer {
                assert_eq!(answer.json()["id"], id.as_str(), "{}", answer.text());
            }
        }
        let path = "/trigger-invocations/v1?count=true&limit=250";
        let answer = asked(installation, url, path, &mut seen, begun).await;
        all_good &= answer.is_some();
        if let Some(answer) = answer {
            assert_eq!(answer.headers["x-total-count"], OPEN.to_string().as_str());
            let rows = answer.json();
            let rows = rows.as_array().expect("a list").iter();
            let listed: BTreeSet<_> = rows.filter_map(|row| row["id"].as_str()).collect();
            let all: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
            assert_eq!(listed, all, "a list is whole or it is none");
        }
        rounds = if all_good { rounds + 1 } else { 0 };
    }
    seen
}

/// A good answer; nothing for one that says to come again, and no other is allowed.
async fn asked(
    installation: &Installation,
    url: &str,
    path: &str,
    seen: &mut Seen,
    begun: Instant,
) -> Option<Answer> {
    let answer = installation.doors.get(url, path).await;
    let answer = answer.expect("a process that runs answers");
    if answer.status == 503 {
        assert!(answer.headers.contains_key("retry-after"), "{path}");
        seen.later += 1;
        seen.longest = begun.elapsed();
        return None;
    }
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    seen.good += 1;
    Some(answer)
}
