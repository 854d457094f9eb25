//! Bad input at every route: never a 5xx, never the end of the process, always an error
//! of the right shape, and nothing secret in it.

mod mutation;
mod valid;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use triggerfish_tests::{Answer, Random, Reply, Service, Setup, Subscriber, eventually};

use self::valid::{Known, callback_body, valid};
use crate::scene::TRIGGER;

/// What every secret in a request begins with.
const SECRET: &str = "hush-hush";
const ROUNDS: usize = 120;

/// A request that the service understands, to begin from.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: Method,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

async fn send(service: &Service, request: &Request) -> Option<Answer> {
    let question = if request.query.is_empty() { "" } else { "?" };
    let address = format!("{}{question}{}", request.path, request.query);
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    service
        .api
        .try_call(
            request.method.clone(),
            &address,
            &headers,
            request.body.clone(),
        )
        .await
}

/// What is wrong with an answer, if anything is.
fn fault(answer: &Answer) -> Option<String> {
    let text = answer.text();
    if text.contains(SECRET) {
        return Some("it shows a secret".into());
    }
    if answer.status < 400 {
        return None;
    }
    if answer.status >= 500 {
        return Some("it is a 5xx".into());
    }
    let json = answer.json();
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let is_dto = is_text(&json["detailCode"])
        && json["trackingId"].as_str().is_some_and(|id| id.len() == 32)
        && is_text(&json["messages"][0]["text"])
        && json["causes"].is_array();
    let is_plain =
        is_text(&json["error"]) && (answer.status == 401 || is_text(&json["error_description"]));
    (!is_dto && !is_plain).then(|| "it has not the shape of an error".into())
}

#[tokio::test]
async fn garbage_at_every_route() {
    let setup = Setup::new().set("api.body_limit_bytes", "100000");
    let mut service = setup.start().await;
    let api = &service.api;
    let subscriber = Subscriber::always(Reply::json(200, "{}")).await;
    api.put_trigger(TRIGGER, "FIRE_AND_FORGET").await;
    let subscription = api
        .subscribe(TRIGGER, &subscriber.url(), "SYNC", json!({}))
        .await;
    api.put_trigger("acme:asks", "REQUEST_RESPONSE").await;
    api.subscribe("acme:asks", &subscriber.url(), "ASYNC", json!({}))
        .await;
    let open = api.start_one("acme:asks", "{}", "{}").await;
    let callback = api.post("/callbacks/v1", callback_body().to_string()).await;
    let callback = callback.expect(201).json();
    let known = Known {
        subscription,
        open,
        callback: callback["id"].as_str().expect("an id").to_owned(),
        client: triggerfish_tests::service::CLIENT.0.into(),
    };

    let description = api.get("/openapi.json").await.expect(200).json();
    let paths = description["paths"].as_object().expect("paths");
    let operations = paths
        .values()
        .flat_map(|path| path.as_object().expect("methods").values());
    let operations: Vec<_> = operations
        .map(|one| one["operationId"].as_str().expect("a name").to_owned())
        .collect();
    assert!(operations.len() >= 37, "{operations:?}");
    let mut random = Random::new(7);
    let (mut answered, mut refused) = (0, 0);
    for operation in &operations {
        let request = valid(operation, &known);
        // A connection that an earlier request spoiled may end just now.
        let answer = eventually(operation, async || send(&service, &request).await).await;
        assert!(
            fault(&answer).is_none(),
            "{operation}: {request:?} {}",
            answer.text()
        );
        for _ in 0..ROUNDS {
            let bad = mutation::of(&request, &mut random);
            // None: not even a request that a client would send.
            let Some(answer) = send(&service, &bad).await else {
                continue;
            };
            answered += 1;
            refused += usize::from(answer.status >= 400);
            let fault = fault(&answer);
            assert!(
                fault.is_none(),
                "{operation}: {fault:?}: {bad:?}\n{}",
                answer.text()
            );
        }
    }
    let sent = operations.len() * ROUNDS;
    assert!(
        answered > sent * 9 / 10 && refused > sent / 2,
        "{refused} of {answered} of {sent}"
    );
    assert!(service.is_alive());
    service.ready().await;
    let lines = std::fs::read_to_string(service.setup.log_file()).expect("log lines");
    assert!(!lines.contains("panicked"), "{lines}");
    assert!(!lines.contains(SECRET), "a secret in the log lines");
    drop(service.stop().await);
}

#[tokio::test]
async fn bytes_that_are_no_http() {
    let service = Service::start().await;
    let address = service.setup.url().replace("http://", "");
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1_000_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(10_000));
    let cases: [&[u8]; 8] = [
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /triggers/v1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \xff\xfe\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ];
    for case in cases {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        // The service may close before it has read everything.
        drop(stream.write_all(case).await);
        drop(stream.shutdown().await);
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let text = String::from_utf8_lossy(&answer);
        let is_refused = text.is_empty() || text.starts_with("HTTP/1.1 4");
        assert!(
            is_refused,
            "{:?}: {text}",
            String::from_utf8_lossy(&case[..case.len().min(60)])
        );
    }
    service.ready().await;
    drop(service.stop().await);
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let service = Service::start().await;
    let good = service.api.token().await;
    let swapped = format!("{}x", &good[..good.len() - 1]);
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZXN0cyJ9.";
    for token in ["", "x", "a.b.c", unsigned, &swapped] {
        let http = triggerfish_tests::api::http();
        for path in [
            "/triggers/v1",
            "/beta/trigger-subscriptions",
            "/api-clients/v1",
            "/topics/completions/records",
        ] {
            let request = http.get(service.api.url(path)).bearer_auth(token);
            let answer = triggerfish_tests::api::answer(request)
                .await
                .expect("an answer");
            assert_eq!(answer.status, 401, "{path} {token}: {}", answer.text());
            assert!(answer.json()["error"].is_string());
        }
    }
}
