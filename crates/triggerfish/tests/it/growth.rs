//! The invocation log gets more partitions.

use serde_json::Value;

use crate::{folder, service::Service};

fn start(service: &Service, key: &str) -> String {
    let args = [
        "start",
        "test:fire-and-forget",
        "--json",
        "--idempotency-key",
        key,
    ];
    let started = service.run(&args).json();
    started[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_service_that_starts_with_more_partitions_finds_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let partitions = |count: &'static str| [("TRIGGERFISH_STORAGE__PARTITIONS", count)];
    let service = Service::start_with(&data, &partitions("1"));
    let file = folder.path().join("registry.toml");
    let registry = "[[subscriptions]]\ntriggerId = \"test:fire-and-forget\"\nname = \"s\"\n\
                    type = \"HTTP\"\nhttpConfig = { url = \"http://127.0.0.1:9/\" }\n";
    std::fs::write(&file, registry).unwrap();
    service.run(&["apply", file.to_str().unwrap()]).good();
    let ids = ["a", "b", "c"].map(|key| start(&service, key));
    assert!(service.stop().success());

    let service = Service::start_with(&data, &partitions("3"));
    for (key, id) in ["a", "b", "c"].iter().zip(&ids) {
        assert_eq!(start(&service, key), *id);
        service.run(&["status", id, "--json"]).good();
    }
    start(&service, "d");
    assert!(service.stop().success());
    let registry = folder::read(&data, "registry");
    let growths = registry
        .iter()
        .rfind(|record| record.key.as_deref() == Some(b"growths"));
    let growths: Value = serde_json::from_slice(growths.unwrap().value.as_ref().unwrap()).unwrap();
    let counts: Vec<&Value> = growths
        .as_array()
        .unwrap()
        .iter()
        .map(|g| &g["partitions"])
        .collect();
    assert_eq!(counts, [1, 3]);
    assert_eq!(growths[0]["since"], 0);
}
