//! The disk under one process is full: it says so and goes, the others carry on, and
//! with room it comes back.

use std::time::Instant;

use triggerfish_tests::holds;
use triggerfish_tests::kafka::{Kind, Role, SmallDisk, Table};

use super::ending::{Run, all_is_well};
use super::scene::installation;
use super::turn;

const MEBIBYTES: u32 = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_one_process_and_no_event() {
    let Some(_turn) = turn("a full disk").await else {
        return;
    };
    let mut installation = installation();
    installation.start(1).await;
    let mut disks = Vec::new();
    for role in [Role::Dispatcher, Role::CompletionConsumer] {
        let disk = SmallDisk::make(MEBIBYTES);
        let index = installation.add(role);
        disk.put_under(&mut installation.workers[index]);
        installation.workers[index].launch();
        installation.workers[index].ready().await;
        disks.push((index, disk));
    }
    installation.show();
    let mut run = Run::begin(installation, 100).await;
    for (index, disk) in &disks {
        let from = Instant::now();
        disk.fill(&run.installation.workers[*index]);
        let status = run.installation.workers[*index].ended().await;
        let worker = &mut run.installation.workers[*index];
        let (faults, url) = (run.installation.faults.clone(), worker.url());
        faults.add(Kind::FullDisk, url, from, Instant::now());
        assert_eq!(status.code(), Some(1), "{status}");
        let said = worker.last_lines();
        assert!(said.contains(disk.complaint()), "it says why: {said}");
        run.installation.show();
        let completed = run.completions();
        holds("others carry on", || run.completions() > completed + 100).await;
        disk.make_room();
        let worker = &mut run.installation.workers[*index];
        worker.launch();
        worker.ready().await;
        run.installation.show();
    }
    let mut table = Table::default();
    table.row("the disk", disks[0].1.kind());
    let findings = run.end(&mut table).await;
    println!("{table}");
    all_is_well(&findings);
}
