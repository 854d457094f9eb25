//! Measures the view: `view_speed [INVOCATIONS] [PER_SAVE] [KIND]...`, where a kind is
//! `closed` (opened and closed between two saves), `waiting`, `queued` or `late`
//! (closed after it was saved open). Payloads are 600 bytes.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use triggerfish_core::{
    AttemptReport, CompletionReport, InvocationId, InvocationKey, Mode, Observation, Origin, Reply,
    Request, RetryPolicy, Seen, SubscriptionId, Timestamp, TriggerType, apply,
};
use triggerfish_view::{Filter, LogIdentity, Settings, View};

type Failure = Box<dyn std::error::Error>;

const SUBSCRIPTIONS: u64 = 20;
const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let invocations: u64 = arguments.next().map_or(Ok(200_000), |n| n.parse())?;
    let per_save: u64 = arguments.next().map_or(Ok(1000), |n| n.parse())?;
    let mut kinds: Vec<String> = arguments.collect();
    if kinds.is_empty() {
        kinds = ["closed", "waiting", "queued", "late"]
            .map(Into::into)
            .into();
    }
    for kind in &kinds {
        measure(kind, invocations, per_save)?;
    }
    Ok(())
}

fn measure(kind: &str, invocations: u64, per_save: u64) -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(std::env::var("VIEW_SPEED_DIR").unwrap_or("/tmp".into()))?;
    let mut run = Run::new(folder.path())?;
    let begun = Instant::now();
    for n in 0..invocations {
        run.request(n)?;
        match kind {
            "closed" => run.report(n, 1, Reply::Answered(Bytes::from_static(b"{\"ok\":true}")))?,
            "waiting" | "late" => run.report(n, 1, Reply::Acknowledged)?,
            _ => {}
        }
        if n % per_save == per_save - 1 {
            run.save()?;
        }
    }
    run.save()?;
    run.line(&format!("{kind}, one thread"), begun, invocations);
    if kind == "late" {
        let begun = Instant::now();
        run.reset();
        for n in 0..invocations {
            run.complete(n)?;
            if n % per_save == per_save - 1 {
                run.save()?;
            }
        }
        run.save()?;
        run.line("  closing them", begun, invocations);
    }
    run.queries(invocations)?;
    let begun = Instant::now();
    drop(run);
    say(&format!("  closing the view: {:?}", begun.elapsed()));
    let begun = Instant::now();
    let (mut view, opened) = open(folder.path())?;
    let next = view.next_deadline()?;
    let took = begun.elapsed();
    say(&format!(
        "  opened again in {took:?} at {} with {next:?}, wiped {:?}; resident {} MiB",
        opened.position,
        opened.wiped,
        resident()
    ));
    Ok(())
}

struct Run {
    view: View,
    offset: u64,
    folding: Duration,
    saving: Duration,
    longest: Duration,
    processor: Duration,
    payload: Bytes,
}

impl Run {
    fn new(folder: &std::path::Path) -> Result<Self, Failure> {
        Ok(Self {
            view: open(folder)?.0,
            offset: 0,
            folding: Duration::ZERO,
            saving: Duration::ZERO,
            longest: Duration::ZERO,
            processor: processor(),
            payload: vec![b'x'; 600].into(),
        })
    }

    fn reset(&mut self) {
        (self.folding, self.saving, self.longest) = Default::default();
        self.processor = processor();
    }

    fn request(&mut self, n: u64) -> Result<(), Failure> {
        let created = START.after(Duration::from_micros(n * 100));
        let request = Request {
            trigger_id: "idn:access-request-pre-approval".into(),
            trigger_type: TriggerType::RequestResponse,
            subscription_id: subscription(n),
            subscription_name: "speed".into(),
            origin: Origin::RealTime,
            mode: Mode::Dynamic,
            created,
            deadline: created.after(Duration::from_hours(1)),
            retry: RetryPolicy::ONCE,
            ordering_key: None,
            input: self.payload.clone(),
            content_json: Bytes::from_static(b"{}"),
            depth: 0,
            traceparent: None,
            event_id: None,
            member: None,
        };
        self.fold(n, &Observation::Requested(Arc::new(request)))
    }

    fn report(&mut self, n: u64, attempt: u32, reply: Reply) -> Result<(), Failure> {
        let report = AttemptReport {
            attempt,
            started: START,
            took: Duration::from_millis(5),
            status: Some(200),
            reply,
            body: None,
        };
        self.fold(n, &Observation::AttemptReported(report))
    }

    fn complete(&mut self, n: u64) -> Result<(), Failure> {
        let report = CompletionReport {
            output: Some(Bytes::from_static(b"{\"ok\":true}")),
            error: None,
        };
        self.fold(n, &Observation::CompletionReported(report))
    }

    fn fold(&mut self, n: u64, observation: &Observation) -> Result<(), Failure> {
        let at = START.after(Duration::from_micros(n * 100));
        let value = triggerfish_wire::envelope::encode(id(n), at, observation);
        let (id, at, observation) = triggerfish_wire::envelope::decode(value.clone())?;
        let begun = Instant::now();
        self.view.set_log_time(at);
        let known = self.view.get(id.key())?;
        let envelope = known.is_none().then_some(value);
        let offset = self.offset;
        let step = apply(known, Seen { id, offset, at }, observation);
        if let (None, Some(state)) = (step.ignored, step.state) {
            self.view.put(state, envelope)?;
        }
        self.offset += 1;
        self.view.advance(self.offset);
        let _ = self.view.next_deadline()?;
        self.folding += begun.elapsed();
        Ok(())
    }

    fn save(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        self.view.save()?;
        let took = begun.elapsed();
        self.saving += took;
        self.longest = self.longest.max(took);
        Ok(())
    }

    fn line(&self, what: &str, begun: Instant, invocations: u64) {
        let invocations = u32::try_from(invocations).unwrap_or(u32::MAX);
        let each = |total: Duration| total.as_secs_f64() * 1e6 / f64::from(invocations);
        say(&format!(
            "{what}: {:?} in all; each {:.2} us of processor with making the records, by the \
             clock {:.2} us folding and {:.2} us saving; longest save {:?}; {} MiB on disk, \
             {} MiB resident",
            begun.elapsed(),
            each(processor().saturating_sub(self.processor)),
            each(self.folding),
            each(self.saving),
            self.longest,
            self.view.disk_bytes().unwrap_or(0) >> 20,
            resident()
        ));
    }

    fn queries(&mut self, invocations: u64) -> Result<(), Failure> {
        let view = &mut self.view;
        let mut random = 7_u64;
        timed(view, "get of a random one", 10_000, |view| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            Ok(view.get(id((random >> 11) % invocations).key()).map(drop)?)
        })?;
        let mut unknown = invocations;
        timed(view, "get of an unknown one", 10_000, |view| {
            unknown += 1;
            Ok(view.get(id(unknown).key()).map(drop)?)
        })?;
        timed(view, "deadlines_until, none passed", 100, |view| {
            Ok(view.deadlines_until(START, 1000).map(drop)?)
        })?;
        timed(view, "deadlines_until, 1000 of all", 10, |view| {
            Ok(view.deadlines_until(Timestamp::MAX, 1000).map(drop)?)
        })?;
        timed(view, "due_calls, 100 of one subscription", 10, |view| {
            Ok(view.due_calls(subscription(0), None, 100).map(drop)?)
        })?;
        for open_only in [false, true] {
            let subscriptions = Some([subscription(3)].into());
            let all = Filter {
                open_only,
                ..Filter::default()
            };
            let one = Filter {
                open_only,
                subscriptions,
                ..Filter::default()
            };
            let open = if open_only { " open" } else { "" };
            timed(view, &format!("latest 250{open}"), 5, |view| {
                Ok(view.snapshot().latest(&all, 250).map(drop)?)
            })?;
            timed(
                view,
                &format!("latest 250{open} of one subscription"),
                5,
                |view| Ok(view.snapshot().latest(&one, 250).map(drop)?),
            )?;
            timed(
                view,
                &format!("count{open} of one subscription"),
                1,
                |view| Ok(view.snapshot().count(&one).map(drop)?),
            )?;
        }
        timed(view, "digest", 1, |view| Ok(view.digest().map(drop)?))
    }
}

/// Prints how long one of `times` queries takes.
fn timed(
    view: &mut View,
    what: &str,
    times: u32,
    mut query: impl FnMut(&mut View) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    for _ in 0..times {
        query(view)?;
    }
    say(&format!("  {what}: {:?}", begun.elapsed() / times));
    Ok(())
}

fn open(folder: &std::path::Path) -> Result<(View, triggerfish_view::Opened), Failure> {
    let identity = LogIdentity {
        cluster: "speed".into(),
        topic: "invocation-log".into(),
        partition: 0,
    };
    let settings = Settings {
        keep_completed: Duration::from_secs(
            std::env::var("KEEP_SECONDS").map_or(Ok(86_400), |s| s.parse())?,
        ),
        keep_failed: Duration::from_hours(24),
        keep_callbacks: Duration::from_hours(24),
        cache_bytes: 64 << 20,
    };
    Ok(View::open(folder, &identity, settings)?)
}

fn id(n: u64) -> InvocationId {
    let mut key = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    InvocationId::new(START, 0, InvocationKey(key ^ (key >> 31)))
}

fn subscription(n: u64) -> SubscriptionId {
    SubscriptionId(uuid::Uuid::from_u128(u128::from(n % SUBSCRIPTIONS)))
}

/// Processor time of the whole process so far; tells more than the clock on a busy
/// machine. Linux counts it in hundredths of a second.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Resident memory of the process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
