//! What goes out, and what right answers come to.

use std::time::Duration;

use triggerfish_core::{
    FailureKind, Mode, Reply, Secret, Timestamp, keys::ServerKeys, subscription::Signing,
};
use triggerfish_delivery::{Caller, Error, Options, webhook};

use crate::{
    kit::{
        CALLBACK_SECRET, CALLBACK_URL, INPUT, Setup, assert_refused, call, caller, failed, options,
    },
    server::{Seen, answer, answering, json},
};

/// What a server gets by a call of `setup`, whose URL is replaced.
async fn sent(mut setup: Setup) -> Seen {
    let (server, mut seen) = answering(json("{}")).await;
    setup.http().url = server.url();
    let answer = setup.call(&caller()).await;
    assert_eq!(answer.status, Some(200), "{answer:?}");
    seen.recv().await.unwrap()
}

#[tokio::test]
async fn the_request_line_and_headers() {
    let seen = sent(Setup::new(Mode::Sync, "")).await;
    assert_eq!(seen.line, "POST /hook?token=in-query HTTP/1.1");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("triggerfish-depth"), Some("3"));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("accept-encoding"), None);
    assert!(
        seen.header("user-agent")
            .unwrap()
            .starts_with("triggerfish/")
    );
    let parent = seen.header("traceparent").unwrap();
    assert!(parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert!(parent.len() == 55 && parent.ends_with("-01") && !parent.contains("00f067aa0ba902b7"));
}

#[tokio::test]
async fn sync_and_fire_and_forget_get_the_bare_event() {
    for mode in [Mode::Sync, Mode::FireAndForget] {
        assert_eq!(sent(Setup::new(mode, "")).await.text(), INPUT);
    }
}

#[tokio::test]
async fn async_and_dynamic_get_metadata() {
    let expected = format!(
        r#"{{"amount": 1.50, "name":"J\u00f6rg","_metadata":{{"callbackURL":"{CALLBACK_URL}","secret":"{CALLBACK_SECRET}","responseMode":"async","triggerId":"idn:access-request-pre-approval","triggerType":"requestResponse"}}}}"#
    );
    for mode in [Mode::Async, Mode::Dynamic] {
        assert_eq!(sent(Setup::new(mode, "")).await.text(), expected);
    }
}

#[tokio::test]
async fn credentials() {
    let basic = Setup::new(Mode::Sync, "").basic("Aladdin", Some("open sesame"));
    assert_eq!(
        sent(basic).await.header("authorization"),
        Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    );
    let bearer = Setup::new(Mode::Sync, "").bearer(Some("t0ken"));
    assert_eq!(
        sent(bearer).await.header("authorization"),
        Some("Bearer t0ken")
    );
}

/// Asserts that nothing is sent and that the message tells what to mend, but no secret.
async fn assert_unfit(mode: Mode, fragment: &str, change: fn(Setup) -> Setup) {
    let (server, mut seen) = answering(json("{}")).await;
    let setup = change(Setup::new(mode, &server.url()));
    let answer = setup.call(&caller()).await;
    assert_refused(&answer, FailureKind::Configuration, fragment);
    assert!(!failed(&answer).0.message.contains("hunter2"));
    assert_eq!(answer.status, None);
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn a_missing_credential_is_refused() {
    let unfit = |fragment, change| assert_unfit(Mode::Sync, fragment, change);
    let password = "password of basicAuthConfig is missing";
    unfit(password, |setup| setup.basic("u", None)).await;
    unfit(password, |setup| setup.basic("u", Some(""))).await;
    let user = "userName of basicAuthConfig";
    unfit(user, |setup| setup.basic("", Some("hunter2"))).await;
    unfit(user, |setup| setup.basic("a:b", Some("hunter2"))).await;
    let token = "bearerToken of bearerTokenAuthConfig is missing";
    unfit(token, |setup| setup.bearer(None)).await;
    unfit(token, |setup| setup.bearer(Some(""))).await;
    let characters = "characters that a header can't hold";
    unfit(characters, |setup| setup.bearer(Some("hunter2\r\nx: y"))).await;
    unfit("basicAuthConfig is missing", |setup| {
        let mut setup = setup.basic("u", None);
        setup.http().basic_auth_config = None;
        setup
    })
    .await;
}

#[tokio::test]
async fn unfit_settings_are_refused() {
    assert_unfit(
        Mode::Sync,
        "must not hold a user or password",
        |mut setup| {
            setup.http().url = "http://u:hunter2@127.0.0.1/".into();
            setup
        },
    )
    .await;
    assert_unfit(Mode::Sync, "must begin with https://", |mut setup| {
        setup.http().url = "ftp://127.0.0.1/hunter2".into();
        setup
    })
    .await;
    assert_unfit(Mode::Sync, "signing secret is missing", |mut setup| {
        setup.signing.clear();
        setup
    })
    .await;
    assert_unfit(Mode::Sync, "fewer than 24 bytes", |mut setup| {
        setup.signing = vec![Secret::new("whsec_")];
        setup
    })
    .await;
    assert_unfit(Mode::Async, "callback URL is missing", |mut setup| {
        setup.with_callback = false;
        setup
    })
    .await;
    assert_unfit(Mode::Dynamic, "input is not a JSON object", |mut setup| {
        setup.request.input = "[1]".into();
        setup
    })
    .await;
}

#[tokio::test]
async fn signatures_verify_with_each_secret() {
    let keys = ServerKeys::new(&[vec![1; 32], vec![2; 32]]).unwrap();
    let mut setup = Setup::new(Mode::Async, "");
    setup.subscription.signing.generation = 4;
    setup.subscription.signing.previous_until = Timestamp::parse("2026-05-03T18:21:40Z");
    let now = Timestamp::parse("2026-05-03T18:21:39.9Z").unwrap();
    let (id, invocation) = (setup.subscription.id, setup.id.to_string());
    setup.signing = webhook::signing_secrets(&keys, id, setup.subscription.signing, now);
    assert_eq!(setup.signing[0], webhook::signing_secret(&keys, id, 4));
    assert_eq!(setup.signing[1], webhook::signing_secret(&keys, id, 3));
    assert_eq!(setup.signing.len(), 4);
    let secrets = setup.signing.clone();

    let seen = sent(setup).await;
    assert_eq!(seen.header("webhook-id"), Some(invocation.as_str()));
    assert_eq!(seen.header("webhook-timestamp"), Some("1777832499"));
    let signatures: Vec<_> = seen
        .header("webhook-signature")
        .unwrap()
        .split(' ')
        .collect();
    assert_eq!(signatures.len(), 4);
    for (secret, signature) in secrets.iter().zip(signatures) {
        let one = std::slice::from_ref(secret);
        let own = webhook::sign(one, &invocation, 1_777_832_499, &seen.body).unwrap();
        assert_eq!(own, signature);
    }
}

#[test]
fn secrets_differ_and_the_overlap_ends() {
    let keys = ServerKeys::new(&[vec![1; 32]]).unwrap();
    let id = Setup::new(Mode::Sync, "").subscription.id;
    let until = Timestamp::from_millis(5_000);
    let rotated = Signing {
        generation: 1,
        previous_until: Some(until),
    };
    let count = |at| webhook::signing_secrets(&keys, id, rotated, at).len();
    assert_eq!((count(Timestamp::from_millis(4_999)), count(until)), (2, 1));
    let secrets = webhook::signing_secrets(&keys, id, rotated, Timestamp::EPOCH);
    assert_ne!(secrets[0], secrets[1]);
    assert!(
        secrets
            .iter()
            .all(|secret| secret.expose().starts_with("whsec_"))
    );
    let first = Signing {
        generation: 0,
        ..rotated
    };
    let secrets = webhook::signing_secrets(&keys, id, first, Timestamp::EPOCH);
    assert_eq!(secrets.len(), 1);
}

#[tokio::test]
async fn right_answers() {
    let typed = |status: &str, content_type: &str| answer(status, content_type, "{\"ok\": 1.0}");
    let output = || Reply::Answered("{\"ok\": 1.0}".into());
    let json_type = "application/json; charset=utf-8";
    let cases = [
        (Mode::Sync, typed("200 OK", json_type), output()),
        (Mode::Sync, typed("200 OK", "application/x+json"), output()),
        (Mode::Dynamic, typed("200 OK", json_type), output()),
        (
            Mode::Dynamic,
            typed("202 Accepted", json_type),
            Reply::Acknowledged,
        ),
        (Mode::Async, typed("200 OK", json_type), Reply::Acknowledged),
        (
            Mode::FireAndForget,
            typed("201 Created", "text/plain"),
            Reply::Delivered,
        ),
    ];
    for (mode, answer, expected) in cases {
        let (server, _seen) = answering(answer).await;
        let answer = call(mode, &server.url()).await;
        assert_eq!(answer.reply, expected);
        assert_eq!(answer.into_report(2).attempt, 2);
    }
}

#[tokio::test]
async fn a_busy_subscriber_says_when() {
    let busy = "HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n";
    let (server, _seen) = answering(busy).await;
    let answer = call(Mode::FireAndForget, &server.url()).await;
    let Reply::Unavailable {
        failure,
        retry_after,
    } = answer.reply
    else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (&*failure.message, answer.status),
        ("status 503", Some(503))
    );
    assert_eq!(retry_after, Some(Duration::from_mins(2)));
}

#[test]
fn unfit_options_are_refused() {
    let error = |options: Options| Caller::new(options).unwrap_err();
    for limit in [Duration::ZERO, Duration::MAX] {
        assert!(matches!(
            error(Options { limit, ..options() }),
            Error::Limit
        ));
    }
    let depth_header = "no header".to_owned();
    assert!(matches!(
        error(Options {
            depth_header,
            ..options()
        }),
        Error::DepthHeader(_)
    ));
    let user_agent = "a\nb".to_owned();
    assert!(matches!(
        error(Options {
            user_agent,
            ..options()
        }),
        Error::UserAgent
    ));
    let extra_ca_file = Some("/nowhere/ca.pem".into());
    assert!(matches!(
        error(Options {
            extra_ca_file,
            ..options()
        }),
        Error::ExtraCa { .. }
    ));
    let extra_ca_file = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into());
    assert!(matches!(
        error(Options {
            extra_ca_file,
            ..options()
        }),
        Error::ExtraCaEmpty { .. }
    ));
}
