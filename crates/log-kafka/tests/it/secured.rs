//! TLS and SASL/SCRAM, by properties that are passed through.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
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

/// A broker's key and certificate in `folder`, and the certificate of who signed it. OpenSSL
/// tells the two apart by their names.
fn certificates(folder: &Path) -> (PathBuf, PathBuf) {
    let named = |names: &[&str], name: &str| {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let mut authority = named(&[], "authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let broker = named(&["localhost", "127.0.0.1"], "broker");
    let broker = broker.signed_by(&key, &authority).unwrap();
    let (own, ca) = (folder.join("broker.pem"), folder.join("ca.pem"));
    fs::write(&own, key.serialize_pem() + &broker.pem() + &authority.pem()).unwrap();
    fs::write(&ca, authority.pem()).unwrap();
    (own, ca)
}

fn with(secured: &Secured, ca: &Path, password: &str) -> KafkaSettings {
    let mut settings = settings(&secured.bootstrap);
    for (name, value) in [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", secured.mechanism),
        ("sasl.username", secured.username),
        ("sasl.password", password),
        ("ssl.ca.location", ca.to_str().unwrap()),
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
    let folder = tempfile::tempdir().unwrap();
    let (own, ca) = certificates(folder.path());
    let own = own.to_str().unwrap().to_owned();
    let cluster = Cluster::start(Settings {
        secured: true,
        broker_properties: vec![("ssl.keystore.location".to_owned(), own)],
        ..Settings::default()
    })
    .unwrap();
    let secured = cluster.secured().unwrap();
    let right = with(secured, &ca, secured.password);
    let log = KafkaLog::open(right.clone()).await.unwrap();
    everything(&log).await;
    refused(secured, &ca).await;
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

async fn refused(secured: &Secured, ca: &Path) {
    let begun = Instant::now();
    let wrong = with(secured, ca, WRONG);
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
