use std::path::{Path, PathBuf};

use super::*;

/// A configuration file in a folder of its own.
struct Given {
    folder: tempfile::TempDir,
    sources: Sources,
}

fn given(toml: &str, environment: &[(&str, &str)]) -> Given {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tf.toml");
    std::fs::write(&file, toml).unwrap();
    let environment = environment
        .iter()
        .map(|(name, value)| Variable {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        })
        .collect();
    let sources = Sources {
        file: Some(file),
        environment,
        flags: vec![],
    };
    Given { folder, sources }
}

impl Given {
    fn load(&self) -> Config {
        load(&self.sources).unwrap().config
    }

    /// The problems, with the folder cut out of them.
    fn problems(&self) -> Vec<String> {
        let ConfigError::Invalid(problems) = load(&self.sources).unwrap_err() else {
            panic!("the file can be read");
        };
        let folder = format!("{}/", self.folder.path().display());
        problems
            .iter()
            .map(|problem| problem.to_string().replace(&folder, ""))
            .collect()
    }

    fn source_of(&self, key: &str) -> String {
        let loaded = load(&self.sources).unwrap();
        let row = loaded
            .effective
            .rows
            .iter()
            .find(|row| row.key == key)
            .unwrap();
        row.source.to_string()
    }
}

#[test]
fn defaults_are_those_of_the_design() {
    let loaded = load(&Sources::default()).unwrap();
    let config = &loaded.config;
    assert_eq!(*config, Config::default());
    assert_eq!(config.storage.data_dir, Path::new("data"));
    assert_eq!(config.api.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.delivery.call_timeout.get().as_secs(), 10);
    assert_eq!(config.delivery.request_response_retry.max_attempts.get(), 1);
    assert_eq!(config.limits.subscriptions_per_fire_and_forget.get(), 50);
    assert_eq!(config.limits.subscriptions_per_request_response.get(), 1);
    assert_eq!(config.limits.callbacks_per_object_type.get(), 50);
    assert_eq!(config.delivery.allow_networks, []);
    assert!(
        loaded
            .effective
            .rows
            .iter()
            .all(|row| row.source == Source::Default)
    );
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let mut given = given(
        "[storage]\npartitions = 8\ndata_dir = 'f'\nkeep_failed = 'P1D'\n",
        &[
            ("TRIGGERFISH_STORAGE__DATA_DIR", "e"),
            ("TRIGGERFISH_STORAGE__PARTITIONS", "16"),
            ("PATH", "/bin"),
        ],
    );
    given.sources.flags.push(Flag {
        name: "--data",
        key: "storage.data_dir",
        value: "g".to_owned(),
    });
    let storage = given.load().storage;
    assert_eq!(storage.data_dir, PathBuf::from("g"));
    assert_eq!(storage.partitions, 16);
    assert_eq!(given.source_of("storage.data_dir"), "flag:--data");
    assert_eq!(
        given.source_of("storage.partitions"),
        "env:TRIGGERFISH_STORAGE__PARTITIONS"
    );
    assert!(
        given
            .source_of("storage.keep_failed")
            .ends_with("/tf.toml:4")
    );
    assert_eq!(given.source_of("storage.keep_completed"), "default");
}

#[test]
fn variables_take_every_kind_of_value() {
    let given = given(
        "",
        &[
            (
                "TRIGGERFISH_DELIVERY__ALLOW_NETWORKS",
                "127.0.0.0/8, ::1/128",
            ),
            (
                "TRIGGERFISH_DELIVERY__FIRE_AND_FORGET_RETRY__MAX_ATTEMPTS",
                "3",
            ),
            ("TRIGGERFISH_DELIVERY__DISABLE_AFTER", "never"),
            ("TRIGGERFISH_API__RATE_LIMIT", "100"),
            (
                "TRIGGERFISH_API__PUBLIC_URL",
                "https://hooks.example.com/base/",
            ),
            ("TRIGGERFISH_CLIENT_ID", "0123"),
            ("TRIGGERFISH_CLIENT_SECRET", "456"),
            ("TRIGGERFISH_API__BODY_LIMIT_BYTES", ""),
        ],
    );
    let config = given.load();
    assert_eq!(config.delivery.allow_networks.len(), 2);
    assert_eq!(config.delivery.fire_and_forget_retry.max_attempts.get(), 3);
    assert_eq!(config.delivery.disable_after.limit(), None);
    assert_eq!(config.api.rate_limit.unwrap().get(), 100);
    assert_eq!(
        config.security.client_id.as_deref(),
        Some("0123"),
        "stays text"
    );
    assert_eq!(config.security.client_secret.unwrap().expose(), "456");
    assert_eq!(
        config.api.body_limit_bytes.get(),
        1 << 20,
        "empty counts as not set"
    );
    let bound = "0.0.0.0:9".parse().unwrap();
    assert_eq!(config.api.base_url(bound), "https://hooks.example.com/base");
    assert_eq!(Api::default().base_url(bound), "http://127.0.0.1:9");
    let own = Some("10.0.0.7".parse().unwrap());
    let api = Api::default();
    assert_eq!(api.peer_base_url(bound, own), "http://10.0.0.7:9");
    assert_eq!(api.peer_base_url(bound, None), "http://127.0.0.1:9");
    let one = "192.0.2.1:9".parse().unwrap();
    assert_eq!(api.peer_base_url(one, own), "http://192.0.2.1:9");
    let named = super::tests::given("[api]\npeer_url = 'https://one.example/'\n", &[]);
    let api = named.load().api;
    assert_eq!(api.peer_base_url(one, own), "https://one.example");
    let array = super::tests::given(
        "",
        &[("TRIGGERFISH_DELIVERY__ALLOW_NETWORKS", "['10.0.0.0/8']")],
    );
    assert_eq!(array.load().delivery.allow_networks.len(), 1);
}

#[test]
fn every_unknown_key_is_named_with_its_place_and_a_remedy() {
    let given = given(
        "listen = 'x'\n[delivery]\ncall_timout = 'PT1S'\n[aip]\nlisten = 1\n[zzz]\n[api.listen]\nq = 1\n",
        &[("TRIGGERFISH_DELIVERY__CALL_TIMOUT", "PT1S")],
    );
    let problems = given.problems();
    let expected = [
        "file:tf.toml:5: aip.listen: unknown key; did you mean api.listen?",
        "file:tf.toml:8: api.listen.q: unknown key; remove it (docs/configuration.md lists the known ones, and so does `triggerfish config`)",
        "env:TRIGGERFISH_DELIVERY__CALL_TIMOUT: delivery.call_timout: unknown key; did you mean TRIGGERFISH_DELIVERY__CALL_TIMEOUT?",
        "file:tf.toml:1: listen: unknown key; did you mean api.listen?",
        "file:tf.toml:6: zzz: unknown key; remove it (docs/configuration.md lists the known ones, and so does `triggerfish config`)",
    ];
    assert_eq!(problems, expected);
    assert_eq!(
        super::tests::given("[delivery]\ncall_timout = 'PT1S'\n[log]\n", &[]).problems(),
        ["file:tf.toml:2: delivery.call_timout: unknown key; did you mean delivery.call_timeout?"]
    );
}

#[test]
fn near_misses_among_variables_are_found_and_strangers_left_alone() {
    let given = given(
        "",
        &[
            ("TRIGGERFISH_API_LISTEN", "0.0.0.0:1"),
            ("TRIGGERFISH_CLIENTID", "x"),
            ("TRIGGERFISH_PORT", "tcp://10.0.0.1:80"),
            ("TRIGGERFISH_SERVICE_HOST", "10.0.0.1"),
            ("TRIGGERFISH_CONFIG", "tf.toml"),
        ],
    );
    assert_eq!(
        given.problems(),
        [
            "env:TRIGGERFISH_API_LISTEN: unknown variable; did you mean TRIGGERFISH_API__LISTEN?",
            "env:TRIGGERFISH_CLIENTID: unknown variable; did you mean TRIGGERFISH_CLIENT_ID?",
        ]
    );
}

#[test]
fn every_bad_value_is_named_with_what_it_should_be() {
    let given = given(
        "[storage]\npartitions = 5000\n[api]\nlisten = 'localhost'\npublic_url = 'ftp://x'\nbody_limit_bytes = 0\n\
         [delivery]\ncall_timeout = '10s'\nallow_networks = ['10.0.0.0/33']\ndisable_after = 5\n\
         [log]\nformat = 'xml'\nlevel = 'a=b=c'\n[shutdown]\ndrain_timeout = 'P1M'\n",
        &[("TRIGGERFISH_DELIVERY__MAX_DEPTH", "-1")],
    );
    let problems = given.problems();
    for (place, hint) in [
        ("tf.toml:2: storage.partitions: 5000", "from 1 to 4096"),
        ("tf.toml:4: api.listen: \"localhost\"", "ADDRESS:PORT"),
        ("tf.toml:5: api.public_url", "http or https"),
        ("tf.toml:6: api.body_limit_bytes: 0", "at least 1"),
        ("tf.toml:8: delivery.call_timeout: \"10s\"", "PT1H"),
        (
            "tf.toml:9: delivery.allow_networks: \"10.0.0.0/33\"",
            "a network",
        ),
        ("tf.toml:10: delivery.disable_after: 5", "\"never\""),
        (
            "env:TRIGGERFISH_DELIVERY__MAX_DEPTH: delivery.max_depth: \"-1\"",
            "whole number",
        ),
        ("tf.toml:12: log.format: \"xml\"", "\"json\""),
        ("tf.toml:13: log.level", "info,triggerfish_delivery=debug"),
        ("tf.toml:15: shutdown.drain_timeout: \"P1M\"", "P30D"),
    ] {
        assert!(
            problems
                .iter()
                .any(|p| p.contains(place) && p.contains(hint)),
            "{place}: {problems:#?}"
        );
    }
    assert_eq!(problems.len(), 11, "{problems:#?}");
}

#[test]
fn contradictions_are_all_listed_with_both_sides() {
    let given = given(
        "[storage]\nlog_retention = 'P1D'\n[delivery]\nmax_in_flight = 9000\nbreaker_pause = 'PT1H'\n\
         request_response_retry = { initial_delay_ms = 5 }\ncall_timeout = 'P6D'\n",
        &[("TRIGGERFISH_CLIENT_ID", "me")],
    );
    let problems = given.problems();
    for (place, other) in [
        (
            "tf.toml:2: storage.log_retention: \"P1D\"",
            "limits.response_deadline_max = \"P5D\" (default)",
        ),
        (
            "tf.toml:2: storage.log_retention: \"P1D\"",
            "delivery.fire_and_forget_deadline = \"P1D\" (default)",
        ),
        (
            "tf.toml:2: storage.log_retention: \"P1D\"",
            "storage.keep_failed = \"PT48H\" (default)",
        ),
        (
            "tf.toml:2: storage.log_retention: \"P1D\"",
            "callbacks.keep_history = \"P7D\" (default)",
        ),
        (
            "tf.toml:4: delivery.max_in_flight: 9000",
            "delivery.max_in_flight_total = 8192",
        ),
        (
            "tf.toml:5: delivery.breaker_pause: \"PT1H\"",
            "delivery.breaker_pause_max = \"PT8S\"",
        ),
        (
            "tf.toml:6: delivery.request_response_retry.initial_delay_ms: 5",
            "max_delay_ms = 0",
        ),
        (
            "tf.toml:7: delivery.call_timeout: \"P6D\"",
            "limits.response_deadline_max",
        ),
        (
            "env:TRIGGERFISH_CLIENT_ID: security.client_id",
            "TRIGGERFISH_CLIENT_SECRET",
        ),
    ] {
        assert!(
            problems
                .iter()
                .any(|p| p.contains(place) && p.contains(other)),
            "{place}: {problems:#?}"
        );
    }
    assert_eq!(problems.len(), 9, "{problems:#?}");
}

#[test]
fn what_is_wrong_already_is_not_reported_again_as_a_contradiction() {
    let given = given(
        "[storage]\nlog_retention = 'soon'\n[limits]\nresponse_deadline_max = 'P9D'\n",
        &[],
    );
    assert_eq!(given.problems().len(), 1);
}

#[test]
fn deadlines_keep_a_margin_to_the_retention() {
    let at = |deadline: &str| {
        given(
            &format!("[limits]\nresponse_deadline_max = '{deadline}'\n"),
            &[],
        )
    };
    assert!(load(&at("PT167H").sources).is_ok());
    assert_eq!(at("PT167H1S").problems().len(), 1);
}

#[test]
fn secrets_are_in_no_listing_and_no_error() {
    let key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==";
    let given = given(
        "[kafka]\nbootstrap_servers = 'b:9092'\n'sasl.password' = 'hunter2'\nsecurity.protocol = 'SASL_SSL'\nlinger.ms = 5\n",
        &[
            ("TRIGGERFISH_SECURITY__KEYS", key),
            ("TRIGGERFISH_CLIENT_ID", "me"),
            ("TRIGGERFISH_CLIENT_SECRET", "hunter3"),
            ("TRIGGERFISH_KAFKA__SSL__KEY__PASSWORD", "hunter4"),
        ],
    );
    let Loaded { config, effective } = load(&given.sources).unwrap();
    let shown = format!(
        "{config:?}{effective}{}{effective:?}{:?}",
        effective.to_json(),
        given.sources
    );
    assert!(!shown.contains("hunter") && !shown.contains(key), "{shown}");
    assert!(
        shown.contains("kafka.security.protocol = \"SASL_SSL\""),
        "{shown}"
    );
    assert_eq!(config.kafka.properties["sasl.password"].expose(), "hunter2");
    assert_eq!(
        config.kafka.properties["ssl.key.password"].expose(),
        "hunter4"
    );
    assert_eq!(config.kafka.properties["linger.ms"].expose(), "5");

    let bad = super::tests::given(
        "[security]\nkeys = ['hunter5']\nclient_secret = 8675309\n[kafka]\n'transactional.id' = 'hunter6'\n",
        &[],
    );
    let problems = bad.problems().join("\n");
    assert!(problems.contains("openssl rand -base64 32"), "{problems}");
    assert!(
        problems.contains("kafka.transactional.id: Triggerfish sets this"),
        "{problems}"
    );
    assert!(
        !problems.contains("hunter") && !problems.contains("8675309"),
        "{problems}"
    );
}

#[test]
fn topics_of_others_come_from_the_file_or_a_variable() {
    let file = "[upstream.topics]\norders = 'acme:order'\n'eu.shop-2' = 'acme:shop'\n";
    let topics = |given: Given| -> Vec<(String, String)> {
        given.load().upstream.topics.into_iter().collect()
    };
    let pair = |name: &str, id: &str| (name.to_owned(), id.to_owned());
    let both = [pair("eu.shop-2", "acme:shop"), pair("orders", "acme:order")];
    assert_eq!(topics(given(file, &[])), both);
    for text in [
        "orders=acme:order, eu.shop-2=acme:shop",
        "{ orders = 'acme:order', \"eu.shop-2\" = 'acme:shop' }",
    ] {
        let variable = [("TRIGGERFISH_UPSTREAM__TOPICS", text)];
        assert_eq!(topics(given("", &variable)), both, "{text}");
    }
    let variable = [("TRIGGERFISH_UPSTREAM__TOPICS", "a=acme:b")];
    assert_eq!(topics(given(file, &variable)), [pair("a", "acme:b")]);
    assert_eq!(topics(given("[upstream.topics]\n", &[])), []);
    assert_eq!(topics(given("[upstream]\n", &[])), []);
    let source = given(file, &[]).source_of("upstream.topics.orders");
    assert!(source.ends_with("tf.toml:2"), "{source}");
    let bad = "[upstream.topics]\n'a/b' = 'acme:x'\norders = 7\nshop = ''\n";
    let problems = given(bad, &[]).problems().join("\n");
    for said in [
        "upstream.topics.a/b: is not the name of a topic",
        "upstream.topics.orders: is not the id of a trigger",
        "upstream.topics.shop: is not the id of a trigger",
    ] {
        assert!(problems.contains(said), "{problems}");
    }
    let variable = [("TRIGGERFISH_UPSTREAM__TOPICS", "orders")];
    let problems = given("", &variable).problems().join("\n");
    assert!(
        problems.contains("orders=acme:order-cancelled"),
        "{problems}"
    );
}

#[test]
fn broken_toml_is_named_by_line_without_quoting_it() {
    let given = given("[security]\nclient_secret = 'hunter7\n", &[]);
    let problems = given.problems().join("\n");
    assert!(
        problems.starts_with("file:tf.toml:2: not valid TOML"),
        "{problems}"
    );
    assert!(!problems.contains("hunter"), "{problems}");
}

#[test]
fn a_missing_file_is_named() {
    let sources = Sources {
        file: Some("/nonexistent/tf.toml".into()),
        ..Sources::default()
    };
    let error = load(&sources).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/tf.toml"), "{error}");
}

#[test]
fn a_variable_that_is_not_utf8_is_named() {
    let mut given = given("", &[]);
    given.sources.environment.push(Variable {
        name: "TRIGGERFISH_CLIENT_SECRET".to_owned(),
        value: None,
    });
    assert!(given.problems()[0].contains("not UTF-8"));
}

#[test]
fn the_listing_has_every_key_in_both_forms() {
    let loaded = load(&Sources::default()).unwrap();
    let text = loaded.effective.to_string();
    let json = loaded.effective.to_json();
    assert_eq!(text.lines().count(), loaded.effective.rows.len());
    assert_eq!(json.as_array().unwrap().len(), loaded.effective.rows.len());
    assert!(
        text.contains("delivery.fire_and_forget_retry.max_attempts = 20"),
        "{text}"
    );
    assert!(text.contains("api.public_url is not set"), "{text}");
    assert_eq!(
        json[0],
        serde_json::json!({"key": "storage.data_dir", "value": "data", "source": "default"})
    );
}

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = reference();
    for row in &load(&Sources::default()).unwrap().effective.rows {
        let (section, key) = row.key.split_once('.').expect("a key is in a section");
        let section = text
            .split("\n## ")
            .find(|part| part.starts_with(&format!("`[{section}]`")));
        let section = section.unwrap_or_else(|| panic!("{} has no section", row.key));
        assert!(
            section.contains(&format!("| `{key}` |")),
            "{} is missing",
            row.key
        );
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        text,
        "run UPDATE_GOLDEN=1 cargo test -p triggerfish-ops reference"
    );
}
