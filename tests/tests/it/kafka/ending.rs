//! The end of every run: everything settles, and is looked at.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use triggerfish_tests::holds;
use triggerfish_tests::kafka::{
    Findings, Installation, Kind, Ledger, Load, Mode, Reader, Seen, Subscribers, Table, check,
    completed, longest_silence,
};

/// How long after the last fault everything may take to be completed.
const SETTLES_WITHIN: Duration = Duration::from_mins(2);
/// How many of what is missing are named.
const SHOWN: usize = 10;

/// A run under load.
pub(super) struct Run {
    pub(super) installation: Installation,
    pub(super) subscribers: Subscribers,
    pub(super) load: Load,
    completions: Reader,
    begun: Instant,
}

impl Run {
    /// Declares what there is to declare and begins the load.
    pub(super) async fn begin(installation: Installation, rate: u64) -> Self {
        let subscribers = Subscribers::start(&installation).await;
        let bootstrap = installation.brokers.bootstrap();
        let completions = Reader::follow(&bootstrap, &installation.topic("completions"));
        let load = Load::begin(&installation, rate);
        holds("the first completions", || completions.count() > 20).await;
        Self {
            installation,
            subscribers,
            load,
            completions,
            begun: Instant::now(),
        }
    }

    /// Completions that were read so far.
    pub(super) fn completions(&self) -> usize {
        self.completions.count()
    }

    /// Waits until everything accepted so far is completed, or for long enough. How long
    /// it took.
    #[expect(clippy::print_stdout, reason = "what the test says when it fails")]
    async fn settled(&mut self) -> Duration {
        let begun = Instant::now();
        let mut expected = expected(&self.load.ledger, &self.subscribers);
        let mut looked = 0;
        while !expected.is_empty() && begun.elapsed() < SETTLES_WITHIN {
            let seen = self.completions.since(looked);
            looked += seen.len();
            for one in completed(&seen) {
                expected.remove(&one);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if !expected.is_empty() {
            let (count, some) = (expected.len(), expected.iter().take(SHOWN));
            let some: Vec<_> = some.collect();
            println!("{count} completions are missing, among them {some:?}");
            println!("{}", self.installation.explain().await);
        }
        begun.elapsed()
    }

    /// Ends the load, lets everything settle, stops all processes, and compares what came
    /// out with what went in.
    pub(super) async fn end(mut self, table: &mut Table) -> Findings {
        self.installation.ready().await;
        let unsent = self.load.end().await;
        let silence = longest_silence(&self.completions.since(0), self.begun, Instant::now());
        let settled = self.settled().await;
        let violations = self.installation.violations().await;
        let workers = self.installation.workers.iter_mut();
        let falls: Vec<String> = workers.flat_map(|one| one.falls().to_vec()).collect();
        self.installation.stop_all().await;
        let installation = &self.installation;
        let mut findings = tokio::task::block_in_place(|| {
            let bootstrap = installation.brokers.bootstrap();
            let all = |topic: &str| Reader::all(&bootstrap, &installation.topic(topic));
            let completions = all("completions");
            let checked = |completions: &[Seen]| {
                let faults = &installation.faults;
                check(&self.load.ledger, &self.subscribers, faults, completions)
            };
            let mut findings = checked(&completions);
            if findings.wrong.is_empty() {
                let missed = unnoticed(&completions, checked);
                findings.add("forgeries that the check does not notice", missed);
            }
            let letters = all("dead-letters").into_iter();
            findings.add("dead letters", letters.map(|one| format!("{one:?}")));
            findings.add("views that are not the log's", installation.verify());
            findings
        });
        findings.add("events that upstream could not send", unsent);
        findings.add("invariants broken", violations);
        findings.add("processes that ended by themselves", falls);
        self.rows(table, &findings, silence, settled);
        findings
    }

    fn rows(&self, table: &mut Table, findings: &Findings, silence: Duration, settled: Duration) {
        let faults = &self.installation.faults;
        table.row("events accepted", self.load.accepted());
        table.row("completions", findings.completions);
        table.row("calls", findings.calls);
        table.row("calls repeated after a fault", findings.repeated);
        for (name, kind) in [
            ("kills", Kind::Kill),
            ("kills with the folder deleted", Kind::Wipe),
            ("frozen past the session timeout", Kind::Pause),
            ("processes that came", Kind::Join),
            ("processes that left", Kind::Stop),
            ("brokers killed", Kind::Broker),
            ("full disks", Kind::FullDisk),
        ] {
            table.row(name, faults.count(kind));
        }
        table.row(
            "longest time without a completion",
            format!("{silence:.1?}"),
        );
        table.row(
            "all settled after the load within",
            format!("{settled:.1?}"),
        );
        table.row("duration", format!("{:.0?}", self.begun.elapsed()));
    }
}

/// Forgeries that pass as good.
fn unnoticed(good: &[Seen], checked: impl Fn(&[Seen]) -> Findings) -> Vec<String> {
    let again = |seen: &Seen| Seen {
        offset: seen.offset + 1,
        ..seen.clone()
    };
    let rewritten = |from: &str, to: &str| {
        let mut forged = good.to_vec();
        for seen in &mut forged {
            seen.value = seen.value.replace(from, to);
        }
        forged
    };
    let forgeries = [
        ("one is lost", good[1..].to_vec()),
        ("one is there twice", [good, &[again(&good[0])]].concat()),
        ("numbers are tidied", rewritten("1.50", "1.5")),
        ("text is tidied", rewritten("\\u00e9", "é")),
        ("an outcome is another", rewritten("COMPLETED", "FAILED")),
    ];
    let passed = forgeries
        .into_iter()
        .filter(|(_, forged)| checked(forged).wrong.is_empty());
    passed.map(|(name, _)| name.to_owned()).collect()
}

/// What has to be completed.
fn expected(ledger: &Ledger, subscribers: &Subscribers) -> BTreeSet<(u64, String)> {
    let accepted = ledger.all_accepted().into_iter();
    let pairs = accepted.flat_map(|n| {
        let subscriptions = subscribers.of(Mode::of(n)).into_iter();
        subscriptions.map(move |id| (n, id.to_owned()))
    });
    pairs.collect()
}

/// Nothing was found that should not be.
pub(super) fn all_is_well(findings: &Findings) {
    assert!(findings.wrong.is_empty(), "{}", findings.describe());
}
