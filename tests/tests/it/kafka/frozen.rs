//! A process that stands still past its session timeout and goes on: it is fenced, and
//! heals without a restart.

use std::time::{Duration, Instant};

use triggerfish_tests::eventually;
use triggerfish_tests::kafka::{Kind, Role, Table};

use super::ending::{Run, all_is_well};
use super::scene::{installation, spread};
use super::turn;

const STILL: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zombie_is_fenced_and_heals_by_itself() {
    let Some(_turn) = turn("a process that stands still").await else {
        return;
    };
    let mut installation = installation();
    installation.start(2).await;
    let asked = installation.running(Some(Role::Producer))[0];
    let asked = installation.workers[asked].url();
    spread(&installation, &asked, 2).await;
    let mut run = Run::begin(installation, 60).await;
    let mut frozen = Vec::new();
    for role in [Role::Dispatcher, Role::CompletionConsumer] {
        let index = run.installation.running(Some(role))[0];
        run.installation.workers[index].pause();
        frozen.push((index, Instant::now()));
    }
    tokio::time::sleep(STILL).await;
    for (index, since) in frozen.clone() {
        let worker = &mut run.installation.workers[index];
        worker.resume();
        let (faults, url) = (run.installation.faults.clone(), worker.url());
        faults.add(Kind::Pause, url, since, Instant::now());
    }
    let resumed = Instant::now();
    spread(&run.installation, &asked, 2).await;
    let healed = resumed.elapsed();
    for (index, _) in frozen {
        let worker = &run.installation.workers[index];
        eventually(
            format!("{} says that it was fenced", worker.name),
            async || {
                let log = worker.log();
                let is_said =
                    log.contains("partitions lost") || log.contains("the session is over");
                is_said.then_some(())
            },
        )
        .await;
    }
    let mut table = Table::default();
    table.row("partitions shared again after", format!("{healed:.1?}"));
    let findings = run.end(&mut table).await;
    println!("{table}");
    all_is_well(&findings);
}
