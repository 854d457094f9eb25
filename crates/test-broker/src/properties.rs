//! The configuration of a broker and of its log lines.

use std::path::Path;

use crate::secured::{MECHANISM, key_file};
use crate::{Error, Settings, ports};

/// Which ports a node listens on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) secured: u16,
    controller: u16,
}

impl Ports {
    /// Ports for all nodes: free ones, but for the open ones if the settings name the first.
    pub(crate) fn choose(settings: &Settings) -> Result<Vec<Self>, Error> {
        let nodes = settings.nodes;
        let free = ports::free(usize::from(nodes) * 3)?;
        let first = settings.port;
        if first.is_some_and(|port| port == 0 || port.checked_add(nodes - 1).is_none()) {
            let port = first.unwrap_or_default();
            return Err(Error::Port { port, nodes });
        }
        let chosen = (0..nodes).zip(free.chunks_exact(3));
        let chosen = chosen.map(|(index, free)| Self {
            plain: first.map_or(free[0], |first| first + index),
            secured: free[1],
            controller: free[2],
        });
        Ok(chosen.collect())
    }
}

/// The same for every broker. Short waits, since tests wait for them: a group starts at
/// once, may have short session timeouts, and a transaction that nobody ends is ended soon
/// after its timeout. A dead broker is missed after 2 s, not 9; a killed one can't come back
/// sooner either.
const COMMON: &str = "\
process.roles=broker,controller
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
auto.create.topics.enable=false
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=8
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=100
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250
";

/// The properties of node `id`, whose records are in `records`; certificates are in `shared`.
pub(crate) fn broker(
    settings: &Settings,
    id: u16,
    all: &[Ports],
    records: &Path,
    shared: &Path,
) -> String {
    let ports = all[usize::from(id) - 1];
    let voters = (1..).zip(all);
    let voters = voters.map(|(id, ports): (u16, _)| format!("{id}@127.0.0.1:{}", ports.controller));
    let voters = voters.collect::<Vec<_>>().join(",");
    let plain = format!("PLAINTEXT://127.0.0.1:{}", ports.plain);
    let secured = format!(",SASL_SSL://127.0.0.1:{}", ports.secured);
    let clients = plain + if settings.secured { &secured } else { "" };
    let copies = settings.nodes;
    let enough = copies.min(2);
    let own = format!(
        "node.id={id}\n\
        controller.quorum.voters={voters}\n\
        listeners={clients},CONTROLLER://127.0.0.1:{}\n\
        advertised.listeners={clients}\n\
        log.dirs={}\n\
        default.replication.factor={copies}\n\
        min.insync.replicas={enough}\n\
        offsets.topic.replication.factor={copies}\n\
        transaction.state.log.replication.factor={copies}\n\
        transaction.state.log.min.isr={enough}\n\
        share.coordinator.state.topic.replication.factor={copies}\n\
        share.coordinator.state.topic.min.isr={enough}\n",
        ports.controller,
        records.display(),
    );
    // A Java property that is there twice counts as it is last.
    let asked = settings.broker_properties.iter();
    let asked = asked.map(|(name, value)| format!("{name}={value}\n"));
    let secured = settings.secured.then(|| secured_listener(shared));
    let always = [COMMON.to_owned(), own].into_iter();
    always.chain(secured).chain(asked).collect()
}

fn secured_listener(shared: &Path) -> String {
    format!(
        "sasl.enabled.mechanisms={MECHANISM}\n\
        listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
        org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
        ssl.keystore.type=PEM\n\
        ssl.keystore.location={}\n",
        key_file(shared).display()
    )
}
