//! Calls of callbacks: what is sent, what the status means, what is kept of the answer.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};
use triggerfish_core::{FailureKind, Mode, Reply};

use crate::{
    kit::{INPUT, LIMIT, SOON, Setup, assert_refused, assert_unavailable, caller},
    server::{answering, read_request, serve},
};

fn status(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn exactly_the_expected_status_allows() {
    let (server, _) = answering(status(204, "")).await;
    let answer = Setup::new(Mode::Before, &server.url())
        .call(&caller())
        .await;
    assert_eq!((answer.reply, answer.status), (Reply::Delivered, Some(204)));
    assert_eq!(answer.body, None);
    let (server, _) = answering(status(200, "{\"why\":\"no rule\"}")).await;
    let answer = Setup::new(Mode::Before, &server.url())
        .call(&caller())
        .await;
    assert_refused(
        &answer,
        FailureKind::Status,
        "status 200 instead of the expected 204",
    );
    let body = answer.body.unwrap();
    assert_eq!(
        (&*body.text, body.truncated),
        ("{\"why\":\"no rule\"}", false)
    );
    let answer = Setup::new(Mode::After, &server.url()).call(&caller()).await;
    assert_eq!(answer.reply, Reply::Delivered);
}

#[tokio::test]
async fn own_headers_go_out_and_ours_win() {
    let (server, mut seen) = answering(status(204, "")).await;
    let mut setup = Setup::new(Mode::Before, &server.url());
    for (name, value) in [
        ("action", "CREATED"),
        ("x-tenant", "blue"),
        ("webhook-id", "forged"),
    ] {
        setup.headers.insert(name.into(), value.into());
    }
    assert_eq!(setup.call(&caller()).await.reply, Reply::Delivered);
    let seen = seen.recv().await.unwrap();
    assert_eq!(seen.text(), INPUT);
    assert_eq!(seen.header("x-tenant"), Some("blue"));
    assert_eq!(seen.header("action"), None);
    assert_eq!(seen.header("triggerfish-timing"), Some("BEFORE"));
    assert_eq!(seen.header("triggerfish-depth"), Some("3"));
    assert_eq!(seen.header("webhook-id"), Some(&*setup.id.to_string()));
    setup.headers.insert("x-tenant".into(), "a\nb".into());
    let answer = setup.call(&caller()).await;
    assert_refused(
        &answer,
        FailureKind::Configuration,
        "\"x-tenant\" can't be sent",
    );
}

#[tokio::test]
async fn a_silent_receiver_has_its_own_limit() {
    let server = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.read(&mut [0]).await;
    })
    .await;
    let answer = Setup::new(Mode::Before, &server.url())
        .call(&caller())
        .await;
    assert_unavailable(&answer, FailureKind::Timeout, "no answer within 300 ms");
    assert!(answer.took >= LIMIT && answer.took < SOON, "{answer:?}");
}

#[tokio::test]
async fn a_body_that_does_not_end_holds_nobody_up() {
    let server = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        let head = "HTTP/1.1 204 x\r\ntransfer-encoding: chunked\r\n\r\n";
        let head = head.replace("204", "403") + "5\r\nwait-\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        sleep(Duration::from_mins(1)).await;
    })
    .await;
    let answer = Setup::new(Mode::Before, &server.url())
        .call(&caller())
        .await;
    assert_refused(&answer, FailureKind::Status, "status 403");
    assert!(answer.took < LIMIT, "{answer:?}");
    let body = answer.body.unwrap();
    assert_eq!((&*body.text, body.truncated), ("wait-", true));
}

#[tokio::test]
async fn what_is_kept_of_an_answer_is_bounded_and_holds_no_credential() {
    let long = format!("you are correct-horse {}", "x".repeat(10_000));
    let (server, _) = answering(status(500, &long)).await;
    let mut setup = Setup::new(Mode::Before, &server.url()).basic("me", Some("correct-horse"));
    setup.headers.insert("x-key".into(), "x-secret-key".into());
    let body = setup.call(&caller()).await.body.unwrap();
    assert!(body.text.starts_with("you are *** xx"), "{}", body.text);
    assert!(body.truncated && body.text.len() <= 4096);
    let (server, _) = answering(status(500, "token=abc.def key=x-secret-key")).await;
    let mut setup = Setup::new(Mode::Before, &server.url()).bearer(Some("abc.def"));
    setup.headers.insert("x-key".into(), "x-secret-key".into());
    let body = setup.call(&caller()).await.body.unwrap();
    assert_eq!(&*body.text, "token=*** key=***");
}
