//! `triggerfish bench sync`: SYNC invocations, from the event in `trigger-events` to
//! the completion, beside a bare HTTP loop to the same sink.

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::ensure;

use super::{
    load::{bare_loop, through_triggerfish},
    report::Rounds,
    stage::Stage,
};
use crate::args::{BenchEngine, BenchSyncArgs};

/// What the engine is to reach. On Kafka it is the pace of a pipeline from topic over
/// HTTP to topic that keeps no state, measured with the broker on the same cores.
const fn reach(engine: BenchEngine) -> f64 {
    match engine {
        BenchEngine::Embedded => 0.35,
        BenchEngine::Kafka => 0.18,
    }
}

pub(crate) async fn sync(args: &BenchSyncArgs) -> anyhow::Result<ExitCode> {
    let stage = Stage::set(&args.log, args.in_flight).await?;
    let mut rounds = Rounds {
        reference: Vec::new(),
        measured: Vec::new(),
    };
    for _ in 0..args.repeat {
        let url = stage.sink.url();
        let reference = bare_loop(&url, args.invocations, args.in_flight).await?;
        rounds.reference.push(reference.per_second());
        let measured =
            through_triggerfish(&stage.service, args.invocations, args.outstanding).await?;
        rounds.measured.push(measured.per_second());
        // Each side called the sink once for each event: neither left out work.
        let calls = stage.sink.calls.swap(0, Ordering::Relaxed);
        ensure!(
            calls == 2 * args.invocations,
            "the sink was called {calls} times"
        );
    }
    stage.clear().await?;
    rounds.print("sync", reach(args.log.engine), args.json);
    Ok(ExitCode::SUCCESS)
}
