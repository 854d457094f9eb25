//! Which addresses are called and which never.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use triggerfish_core::{FailureKind, Mode, Reply};
use triggerfish_delivery::{Caller, Guard, Lookup, Options, UrlError, check_url};

use crate::{
    kit::{SOON, Setup, assert_refused, assert_unavailable, caller, options},
    server::{answering, json},
};

const BLOCKED: [&str; 38] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "ff02::1",
];

const ALLOWED: [&str; 14] = [
    "1.1.1.1",
    "8.8.8.8",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
];

#[test]
fn addresses() {
    let guard = Guard::default();
    for text in BLOCKED {
        assert!(!guard.allows(text.parse().unwrap()), "{text}");
    }
    for text in ALLOWED {
        assert!(guard.allows(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn allowed_networks_open_what_they_name() {
    let guard = Guard::new(&["10.1.0.0/16".parse().unwrap(), "::1/128".parse().unwrap()]);
    for (text, allowed) in [
        ("10.1.2.3", true),
        ("10.2.0.1", false),
        ("::ffff:10.1.2.3", true),
        ("::ffff:10.2.0.1", false),
        ("::1", true),
        ("127.0.0.1", false),
        ("64:ff9b::a01:203", false),
        ("8.8.8.8", true),
    ] {
        assert_eq!(
            guard.allows(text.parse::<IpAddr>().unwrap()),
            allowed,
            "{text}"
        );
    }
}

/// All the ways to write 127.0.0.1 and its like in a URL.
#[test]
fn literal_addresses_in_urls() {
    let guard = Guard::default();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
    ] {
        for url in [
            format!("http://{host}/"),
            format!("https://{host}:8443/a?b"),
        ] {
            let refused = check_url(&url, &guard);
            assert!(
                matches!(refused, Err(UrlError::Blocked { .. })),
                "{url}: {refused:?}"
            );
        }
    }
    let error = check_url("http://0x7f.1/", &guard).unwrap_err().to_string();
    assert!(
        error.contains("127.0.0.1 is not allowed (loopback)"),
        "{error}"
    );
    for url in [
        "https://hooks.example.com/x",
        "http://8.8.8.8:8080/",
        "https://[2606:4700::1]/",
    ] {
        assert!(check_url(url, &guard).is_ok(), "{url}");
    }
    let local = Guard::new(&["127.0.0.0/8".parse().unwrap()]);
    assert!(check_url("http://localhost:1/", &local).is_ok());
    assert!(check_url("http://0x7f.1:1/", &local).is_ok());
}

#[test]
fn unfit_urls() {
    let check = |text: &str| check_url(text, &Guard::default()).unwrap_err();
    for text in [
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:1",
        "example.com/x",
        "",
    ] {
        assert_eq!(check(text), UrlError::Scheme, "{text}");
    }
    for text in [
        "https://u:p@example.com/",
        "https://u@example.com/",
        "https://:p@example.com/",
    ] {
        assert_eq!(check(text), UrlError::Credentials, "{text}");
    }
    assert_eq!(check("https://"), UrlError::NoHost);
    assert_eq!(
        check(&format!("https://e.com/{}", "a".repeat(2100))),
        UrlError::TooLong
    );
    for text in [
        "https://a b/",
        "https://e.com:99999/",
        "https://[::1/",
        "https://1.2.3.4.5/",
    ] {
        assert!(matches!(check(text), UrlError::Malformed(_)), "{text}");
    }
}

#[tokio::test]
async fn a_literal_address_is_vetted_at_the_call() {
    let (server, mut seen) = answering(json("{}")).await;
    let strict = Caller::new(Options::default()).unwrap();
    let answer = Setup::new(Mode::Sync, &server.url()).call(&strict).await;
    assert_refused(
        &answer,
        FailureKind::Blocked,
        "127.0.0.1 is not allowed (loopback)",
    );
    assert!(seen.try_recv().is_err());
}

struct Fixed(Vec<IpAddr>);

impl Lookup for Fixed {
    fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.0.clone())
    }
}

fn resolving_to(addresses: &[&str]) -> Caller {
    let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Caller::with_lookup(options(), Arc::new(Fixed(addresses))).unwrap()
}

#[tokio::test]
async fn names_are_vetted_after_resolution() {
    let (server, mut seen) = answering(json("{}")).await;
    let url = format!("http://hook.example:{}/", server.address.port());
    let setup = Setup::new(Mode::Sync, &url);

    let answer = setup
        .call(&resolving_to(&["10.0.0.9", "::1", "169.254.169.254"]))
        .await;
    assert_refused(&answer, FailureKind::Blocked, "hook.example is not allowed");
    let message = format!("{:?}", answer.reply);
    assert!(
        !message.contains("10.0.0.9"),
        "tells what is inside: {message}"
    );

    let answer = setup.call(&resolving_to(&[])).await;
    assert_unavailable(
        &answer,
        FailureKind::Dns,
        "no address was found for hook.example",
    );
    assert!(seen.try_recv().is_err());

    // Blocked ones are left out, and the call goes to the one that was vetted.
    let answer = setup
        .call(&resolving_to(&["10.0.0.9", "::1", "127.0.0.1"]))
        .await;
    assert_eq!(answer.reply, Reply::Answered("{}".into()));
    let host = format!("hook.example:{}", server.address.port());
    assert_eq!(
        seen.recv().await.unwrap().header("host"),
        Some(host.as_str())
    );
}

#[tokio::test]
async fn the_system_resolves_localhost() {
    let (server, _seen) = answering(json("{}")).await;
    let url = format!("http://localhost:{}/", server.address.port());
    let answer = Setup::new(Mode::Sync, &url).call(&caller()).await;
    assert_eq!(answer.reply, Reply::Answered("{}".into()));
}

/// Hangs until it is let go.
#[derive(Default)]
struct Stuck {
    asked: AtomicUsize,
    open: Mutex<bool>,
    changed: Condvar,
}

impl Lookup for Stuck {
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        assert_ne!(name, "panics.example", "a resolver that breaks");
        self.asked.fetch_add(1, Ordering::SeqCst);
        let closed = self.open.lock().unwrap();
        drop(self.changed.wait_while(closed, |open| !*open).unwrap());
        Err(io::Error::other("gave up"))
    }
}

#[tokio::test]
async fn a_name_server_that_hangs_costs_one_thread_and_the_limit() {
    let stuck = Arc::new(Stuck::default());
    let limit = Duration::from_millis(100);
    let caller = Caller::with_lookup(Options { limit, ..options() }, stuck.clone()).unwrap();
    let setup = Setup::new(Mode::Sync, "http://slow.example/");
    for _ in 0..3 {
        let answer = setup.call(&caller).await;
        assert_unavailable(&answer, FailureKind::Timeout, "no answer within 100 ms");
    }
    assert_eq!(stuck.asked.load(Ordering::SeqCst), 1);
    *stuck.open.lock().unwrap() = true;
    stuck.changed.notify_all();
    // The name is asked for again once the first lookup is over.
    let begun = Instant::now();
    while stuck.asked.load(Ordering::SeqCst) == 1 {
        setup.call(&caller).await;
        assert!(begun.elapsed() < SOON);
    }
}

#[tokio::test]
async fn a_lookup_that_fails_or_panics_is_a_failure() {
    let stuck = Stuck {
        open: Mutex::new(true),
        ..Stuck::default()
    };
    let caller = Caller::with_lookup(options(), Arc::new(stuck)).unwrap();
    for name in ["fails.example", "panics.example"] {
        let setup = Setup::new(Mode::Sync, &format!("http://{name}/"));
        let answer = setup.call(&caller).await;
        let fragment = format!("no address was found for {name}");
        assert_unavailable(&answer, FailureKind::Dns, &fragment);
    }
}
