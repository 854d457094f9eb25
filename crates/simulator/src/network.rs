//! The network between the processes and their subscribers, and the subscribers.
//!
//! It stands where the HTTP client stands in a process that is no simulation: what comes
//! here is the request as it would go out, what goes back is an answer as it would come in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use triggerfish_core::{
    CompletionReport, Failure, FailureKind, InvocationId, Reply, keys::ServerKeys,
};
use triggerfish_delivery::{Carried, Request, Response, Transport, Url};

use crate::{
    cast,
    chance::Chance,
    check::{Asked, Checks, Meaning},
    clients::Clients,
    history::History,
    life::{Life, Seam},
    signature,
};

/// How many bytes of an answer are too many.
pub(crate) const ANSWER_BYTES_MAX: usize = 2_000;

/// The network as one process has it.
pub(crate) struct Network {
    pub(crate) life: Life,
    pub(crate) seed: u64,
    pub(crate) checks: Arc<Checks>,
    pub(crate) history: Arc<History>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) keys: ServerKeys,
}

/// A request as the subscriber sees it.
struct Received {
    id: InvocationId,
    /// Which subscriber it is.
    number: u32,
    /// What it is told.
    said: Asked,
    /// What it was given to report its result with.
    secret: Option<String>,
    /// What else it was trusted with.
    trusted: Vec<String>,
}

/// What a subscriber does.
struct Conduct {
    /// How long it takes to answer; for ever if `None`.
    takes: Option<Duration>,
    answer: Answer,
    /// When it reports which result, counted from the call.
    reports: Vec<(Duration, CompletionReport)>,
}

enum Answer {
    Http(u16, &'static str, Bytes),
    Later(u16, u64),
    None(FailureKind),
}

fn received(request: &Request, keys: &ServerKeys) -> Option<Received> {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let host = request.url().host_str()?;
    let number = host.strip_prefix("subscriber-")?.strip_suffix(".example")?;
    let number: u32 = number.parse().ok()?;
    let (id, signature) = (header("webhook-id")?, header("webhook-signature")?);
    let timestamp = header("webhook-timestamp")?;
    let body = request.body().and_then(|body| body.as_bytes())?;
    let is_signed = signature::is_right(keys, number, signature, id, timestamp, body);
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let metadata = body.as_object_mut()?.remove("_metadata");
    let metadata = metadata.unwrap_or_default();
    let secret = metadata["secret"].as_str();
    let trusted = ["authorization", cast::KEY_HEADER]
        .into_iter()
        .filter_map(header);
    Some(Received {
        id: id.parse().ok()?,
        number,
        said: Asked {
            subscriber: u128::from(number),
            depth: header("triggerfish-depth")?.parse().ok()?,
            input: body,
            is_signed,
            is_to_call_back: metadata["callbackURL"].is_string(),
        },
        secret: secret.map(str::to_owned),
        trusted: trusted.map(str::to_owned).collect(),
    })
}

impl Network {
    /// What the subscriber does at its so many-th call for an invocation.
    fn conduct(&self, received: &Received, nth: u32) -> Conduct {
        let thing = [&received.id.as_bytes()[..], &nth.to_be_bytes()].concat();
        let mut chance = Chance::of(self.seed, &thing);
        if let Some(refuses) = self.clients.is_away(received.number) {
            return Conduct {
                takes: Some(chance.millis(1..20)),
                answer: if refuses {
                    Answer::Http(410, JSON, Bytes::new())
                } else {
                    Answer::None(FailureKind::Connect)
                },
                reports: Vec::new(),
            };
        }
        let takes = match chance.within(0..20) {
            0 => None,
            1 | 2 => Some(chance.millis(1_500..12_000)),
            3..=5 => Some(chance.millis(500..3_500)),
            _ => Some(chance.millis(1..400)),
        };
        let is_right = !chance.once_in(4);
        let is_by_callback = match received.number {
            2 => true,
            3 => chance.once_in(2),
            _ => false,
        };
        let answer = if is_right {
            right(received.number, is_by_callback, &mut chance)
        } else {
            wrong(received, &mut chance)
        };
        let reports = if is_by_callback {
            reports(&mut chance)
        } else {
            Vec::new()
        };
        Conduct {
            takes,
            answer,
            reports,
        }
    }

    async fn send(&self, request: Request) -> Result<Response, Reply> {
        self.life.well().await;
        let Some(received) = received(&request, &self.keys) else {
            return Err(no_answer(FailureKind::Protocol));
        };
        let mut under_way = self.checks.calling(&self.life, received.id, &received.said);
        self.life.pass(Seam::BeforeCall).await;
        let nth = self.clients.count_call(received.id);
        let (id, number) = (received.id, received.number);
        self.history.tell(&format!(
            "{} calls subscriber {number} for {id}, call {nth}",
            self.life.name()
        ));
        let conduct = self.conduct(&received, nth);
        self.report_later(&received, conduct.reports);
        self.life.pass(Seam::MidCall).await;
        match conduct.takes {
            Some(takes) => {
                under_way.answers_after(takes);
                tokio::time::sleep(takes).await;
            }
            None => std::future::pending().await,
        }
        self.life.pass(Seam::AfterCall).await;
        under_way.answered(meaning(number, &conduct.answer));
        self.history
            .tell(&format!("subscriber {number} answers for {id}"));
        answer(conduct.answer)
    }

    /// The subscriber is no part of the process: it reports whatever becomes of that.
    fn report_later(&self, received: &Received, reports: Vec<(Duration, CompletionReport)>) {
        let Some(secret) = received.secret.clone() else {
            return;
        };
        for (after, report) in reports {
            let (clients, id) = (Arc::clone(&self.clients), received.id);
            let (secret, keys) = (secret.clone(), self.keys.clone());
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                if keys.is_secret_of(id, &secret) {
                    clients.complete(id, report).await;
                }
                let other: String = secret.chars().rev().collect();
                if keys.is_secret_of(id, &other) {
                    clients.let_anybody_in(id);
                }
            });
        }
    }
}

impl Transport for Network {
    fn carry<'t>(&'t self, request: Request, _: &'t Url) -> Carried<'t> {
        Box::pin(self.send(request))
    }
}

/// What an answer means by the rules of the design, the reference and decision 9.
fn meaning(number: u32, answer: &Answer) -> Meaning {
    let (status, body) = match answer {
        Answer::None(_) => return Meaning::MayPass(None),
        Answer::Later(_, seconds) if !matches!(number, 7..=10) => {
            return Meaning::MayPass(Some(*seconds));
        }
        Answer::Later(..) => return Meaning::Bad,
        Answer::Http(status, _, body) => (*status, body),
    };
    let is_json = || {
        let value = serde_json::from_slice::<Value>(body);
        value.ok().filter(|_| body.len() <= ANSWER_BYTES_MAX)
    };
    let fits = || is_json().is_some_and(|value| value.get("ok").is_some());
    let is_good = match (number, status) {
        (1 | 3, 200) => fits(),
        (2, 200) | (3, 202) => is_json().is_some(),
        (4..=6 | 11 | 12 | 10, 200..=299) | (7..=9, 200) => true,
        _ => false,
    };
    let may_pass = match number {
        1..=3 => matches!(status, 408 | 425 | 429 | 500..=599),
        4..=6 | 11 | 12 => !matches!(status, 300..=399 | 410),
        _ => false,
    };
    match (is_good, may_pass) {
        (true, _) => Meaning::Good,
        (false, true) => Meaning::MayPass(None),
        (false, false) => Meaning::Bad,
    }
}

const JSON: &str = "application/json";

fn output(number: u64) -> Bytes {
    Bytes::from(json!({ "ok": true, "number": number }).to_string())
}

fn right(number: u32, is_by_callback: bool, chance: &mut Chance) -> Answer {
    match number {
        3 if is_by_callback => Answer::Http(202, JSON, Bytes::from_static(b"{}")),
        1..=3 => Answer::Http(200, JSON, output(chance.next())),
        4..=6 | 11 | 12 => Answer::Http(chance.pick(&[200, 204]), JSON, Bytes::new()),
        _ => Answer::Http(200, "text/plain", Bytes::from_static(b"fine")),
    }
}

fn wrong(received: &Received, chance: &mut Chance) -> Answer {
    let said = |text: String| Bytes::from(text);
    match chance.within(0..10) {
        0 | 1 => Answer::Http(chance.pick(&[201, 302, 404, 410, 500]), JSON, output(0)),
        2 | 3 => Answer::Later(chance.pick(&[429, 503]), chance.within(0..8)),
        4 => Answer::Http(200, JSON, said("{ not json".to_owned())),
        5 => Answer::Http(200, JSON, said(json!({ "no": 1 }).to_string())),
        6 => Answer::Http(200, JSON, said("[".repeat(ANSWER_BYTES_MAX + 1))),
        // Whoever is rude gives away what it was trusted with.
        7 => {
            let trusted = received.trusted.iter().chain(&received.secret);
            let trusted: Vec<&str> = trusted.map(String::as_str).collect();
            Answer::Http(
                500,
                "text/plain",
                said(format!("you sent {}", trusted.join(" and "))),
            )
        }
        8 => Answer::None(FailureKind::Connect),
        _ => Answer::None(FailureKind::Protocol),
    }
}

/// The results a subscriber reports: none, one or several; early, late or too late.
fn reports(chance: &mut Chance) -> Vec<(Duration, CompletionReport)> {
    let good = |chance: &mut Chance| CompletionReport {
        output: Some(output(chance.next())),
        error: None,
    };
    let bad = |chance: &mut Chance| CompletionReport {
        output: None,
        error: Some(format!("failed by {}", chance.next()).into()),
    };
    let first = if chance.once_in(5) {
        bad(chance)
    } else {
        good(chance)
    };
    match chance.within(0..10) {
        0 => Vec::new(),
        // Before the answer to the call.
        1 | 2 => vec![(Duration::ZERO, first)],
        3 => vec![(chance.millis(14_000..40_000), first)],
        4 => vec![
            (chance.millis(0..2_000), first.clone()),
            (chance.millis(0..9_000), first),
        ],
        5 | 6 => {
            let second = good(chance);
            vec![
                (chance.millis(0..2_000), first),
                (chance.millis(0..9_000), second),
            ]
        }
        _ => vec![(chance.millis(100..6_000), first)],
    }
}

fn no_answer(kind: FailureKind) -> Reply {
    Reply::Unavailable {
        failure: Failure {
            kind,
            message: "the network gave no answer".into(),
        },
        retry_after: None,
    }
}

fn answer(answer: Answer) -> Result<Response, Reply> {
    let response = match answer {
        Answer::None(kind) => return Err(no_answer(kind)),
        Answer::Http(status, content_type, body) => http::Response::builder()
            .status(status)
            .header("content-type", content_type)
            .body(body),
        Answer::Later(status, seconds) => http::Response::builder()
            .status(status)
            .header("retry-after", seconds)
            .body(Bytes::new()),
    };
    let response = response.map_err(|_| no_answer(FailureKind::Protocol))?;
    Ok(Response::from(response))
}
