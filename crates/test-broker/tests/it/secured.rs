//! The listener with TLS and SASL/SCRAM.

use triggerfish_test_broker::{Cluster, Settings, required_or_skip, tool};

use crate::console::{TOPIC, consume, create, produce};

#[test]
fn who_knows_the_password_comes_in() {
    if !required_or_skip("TLS and SASL/SCRAM") {
        return;
    }
    let cluster = Cluster::start(Settings {
        secured: true,
        ..Settings::default()
    })
    .unwrap();
    create(&cluster);
    let secured = cluster.secured().unwrap();
    let producer = |properties: &str| {
        let arguments = [
            "--bootstrap-server",
            &secured.bootstrap,
            "--topic",
            TOPIC,
            "--command-config",
            properties,
        ];
        cluster.tool(tool::CONSOLE_PRODUCER, &arguments)
    };
    let properties = secured.client_properties.to_str().unwrap();
    produce(&mut producer(properties), "one\n");
    assert_eq!(consume(&cluster, "1"), "one\n");
    // The same with another password is refused.
    let text = std::fs::read_to_string(properties).unwrap();
    let wrong = secured.ca.with_file_name("wrong.properties");
    std::fs::write(&wrong, text.replace(secured.password, "guessed")).unwrap();
    let list = [
        "--bootstrap-server",
        &secured.bootstrap,
        "--command-config",
        wrong.to_str().unwrap(),
        "--list",
    ];
    let refused = cluster.tool(tool::TOPICS, &list).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(!refused.status.success());
    assert!(said.contains("Authentication failed"), "{said}");
}
