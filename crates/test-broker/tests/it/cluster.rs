//! One node and three, killed and restarted.

use std::path::Path;

use triggerfish_test_broker::{Cluster, Error, Settings, required_or_skip, tool};

use crate::console::{consume, create, done, produce, producer};

#[test]
fn records_outlive_a_kill() {
    if !required_or_skip("a broker that is killed") {
        return;
    }
    let cluster = Cluster::start(Settings::default()).unwrap();
    create(&cluster);
    produce(&mut producer(&cluster), "one\ntwo\n");
    let (before, bootstrap) = (cluster.pid(1).unwrap(), cluster.bootstrap());
    cluster.kill(1).unwrap();
    assert!(matches!(cluster.pid(1), Err(Error::NotRunning(1))));
    cluster.restart(1).unwrap();
    assert_ne!(cluster.pid(1).unwrap(), before);
    assert_eq!(cluster.bootstrap(), bootstrap);
    assert_eq!(consume(&cluster, "2"), "one\ntwo\n");
    // The stopped one let go of its records in order, the frozen one goes on.
    cluster.stop(1).unwrap();
    cluster.restart(1).unwrap();
    cluster.pause(1).unwrap();
    cluster.resume(1).unwrap();
    produce(&mut producer(&cluster), "three\n");
    assert_eq!(consume(&cluster, "3"), "one\ntwo\nthree\n");
    assert!(matches!(
        cluster.kill(2),
        Err(Error::NoSuchNode { node: 2, nodes: 1 })
    ));
}

#[test]
fn three_nodes_acknowledge_without_one() {
    if !required_or_skip("a cluster that loses a node") {
        return;
    }
    let cluster = Cluster::start(Settings {
        nodes: 3,
        ..Settings::default()
    })
    .unwrap();
    create(&cluster);
    let bootstrap = cluster.bootstrap();
    let describe = ["--bootstrap-server", &bootstrap, "--describe"];
    let topic = done(&mut cluster.tool(tool::TOPICS, &describe));
    assert!(topic.contains("ReplicationFactor: 3"), "{topic}");
    assert!(topic.contains("min.insync.replicas=2"), "{topic}");
    produce(&mut producer(&cluster), "one\n");
    cluster.kill(2).unwrap();
    produce(&mut producer(&cluster), "two\n");
    assert_eq!(consume(&cluster, "2"), "one\ntwo\n");
    cluster.restart(2).unwrap();
    cluster.kill(1).unwrap();
    assert_eq!(consume(&cluster, "2"), "one\ntwo\n");
}

#[test]
fn a_folder_is_kept_and_found_again() {
    if !required_or_skip("a broker on a folder") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        data: Some(folder.path().to_owned()),
        broker_properties: vec![("num.partitions".to_owned(), "3".to_owned())],
        ..Settings::default()
    };
    let cluster = Cluster::start(settings.clone()).unwrap();
    create(&cluster);
    cluster.end();
    let cluster = Cluster::start(settings.clone()).unwrap();
    let bootstrap = cluster.bootstrap();
    let describe = ["--bootstrap-server", &bootstrap, "--describe"];
    let topic = done(&mut cluster.tool(tool::TOPICS, &describe));
    assert!(topic.contains("PartitionCount: 3"), "{topic}");
    drop(cluster);
    let three = Settings {
        nodes: 3,
        ..settings
    };
    let refused = Cluster::start(three);
    let wanted = matches!(
        refused,
        Err(Error::OtherCluster {
            found: 1,
            wanted: 3,
            ..
        })
    );
    assert!(wanted, "{refused:?}");
}

#[test]
fn a_broker_that_cannot_start_says_why() {
    if !required_or_skip("a broker that does not start") {
        return;
    }
    let refused = Cluster::start(Settings {
        broker_properties: vec![("log.segment.bytes".to_owned(), "many".to_owned())],
        ..Settings::default()
    });
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("log.segment.bytes"), "{refused}");
}

#[test]
fn nothing_is_left_of_a_dropped_cluster() {
    if !required_or_skip("the end of a broker") {
        return;
    }
    let cluster = Cluster::start(Settings::default()).unwrap();
    let log = cluster.log_file(1).unwrap();
    let folder = log.parent().and_then(Path::parent).unwrap().to_owned();
    let process = Path::new("/proc").join(cluster.pid(1).unwrap().to_string());
    assert!(folder.exists() && process.exists());
    drop(cluster);
    assert!(!folder.exists() && !process.exists());
}

#[test]
fn two_nodes_are_refused() {
    let refused = Cluster::start(Settings {
        nodes: 2,
        ..Settings::default()
    });
    assert!(matches!(refused, Err(Error::Nodes(2))));
}
