//! TLS and SASL/SCRAM, by properties that are passed through.

use std::time::{Duration, Instant};

use triggerfish_log::{
    EventLog as _, Limit, LogError, Offset, Partition, Position, Reader as _, Session as _,
};
use triggerfish_log_kafka::{KafkaLog, KafkaSettings};
use triggerfish_test_broker::{Cluster, Secured, Settings, required_or_skip};

use crate::lines;
use crate::stage::{
    append, assigned, batch, position, record, records, session_spec, settings, text, topic,
    unique, values,
};

const WRONG: &str = "guessed-and-wrong";

fn with(secured: &Secured, password: &str) -> KafkaSettings {
    let mut settings = settings(&secured.bootstrap);
    for (name, value) in [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", secured.mechanism),
        ("sasl.username", secured.username),
        ("sasl.password", password),
        ("ssl.ca.location", secured.ca.to_str().unwrap()),
    ] {
        settings.properties.insert(name.into(), value.into());
    }
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_password_does_everything_and_nobody_else_anything() {
    if !required_or_skip("the log over TLS and SASL/SCRAM") {
        return;
    }
    lines::keep();
    let cluster = Cluster::start(Settings {
        secured: true,
        ..Settings::default()
    })
    .unwrap();
    let secured = cluster.secured().unwrap();
    let right = with(secured, secured.password);
    let log = KafkaLog::open(right.clone()).await.unwrap();
    everything(&log).await;
    refused(secured).await;
    let kept = lines::kept();
    assert!(kept.contains("topic made"), "log lines are kept");
    for secret in [WRONG, secured.password] {
        assert!(!kept.contains(secret), "a password is in the log");
        assert!(!format!("{right:?}").contains(secret));
    }
}

async fn everything(log: &KafkaLog) {
    let (input, output) = (topic(log, "in", 1).await, topic(log, "out", 1).await);
    append(log, &input, &["a"]).await;
    let (group, writer) = (unique("group"), unique("writer"));
    let spec = session_spec(&group, &input, Some(&writer));
    let mut session = log.open_session(spec).await.unwrap();
    assigned(&mut session, 1).await;
    let next = records(&mut session, 1).await[0].offset.next();
    let done = position(&input, Partition(0), next);
    let copied = batch(vec![record(&output, 0, "A")], vec![done]);
    session.commit(copied).await.unwrap();
    session.close().await;
    assert_eq!(values(log, &output, 0).await, ["A"]);
    let mut reader = log.open_reader().await.unwrap();
    let mut positions = [Position {
        topic: output,
        partition: Partition(0),
        offset: Offset::ZERO,
    }];
    let wait = Duration::from_secs(20);
    let followed = reader.follow(&mut positions, Limit::default(), wait).await;
    assert_eq!(text(&followed.unwrap()[0]), "A");
}

async fn refused(secured: &Secured) {
    let begun = Instant::now();
    let wrong = with(secured, WRONG);
    let error = KafkaLog::open(wrong).await.err().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{error}");
    assert!(matches!(error, LogError::Refused { .. }), "{error:?}");
    let said = format!("{error} {error:?}");
    assert!(
        said.contains("sasl.") && said.contains("uthentication"),
        "{said}"
    );
    assert!(!said.contains(WRONG), "{said}");
    let begun = Instant::now();
    let plain = settings(&secured.bootstrap);
    let error = KafkaLog::open(plain).await.err().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
    assert!(matches!(error, LogError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains(&secured.bootstrap), "{error}");
}
