//! Main classes of Kafka's own tools, for [`Cluster::tool`](crate::Cluster::tool) and
//! [`command`].

use std::process::Command;

use crate::Error;
use crate::installation::{self, Installation};

/// Creates, lists, describes and deletes topics.
pub const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
/// Writes lines of standard input as records.
pub const CONSOLE_PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
/// Writes records to standard output.
pub const CONSOLE_CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
/// Shows and resets the positions of consumer groups.
pub const CONSUMER_GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
/// Shows and changes settings of topics, brokers and users.
pub const CONFIGS: &str = "kafka.admin.ConfigCommand";

/// A command that runs a tool of this class against any broker; its arguments follow.
pub fn command(class: &str) -> Result<Command, Error> {
    let installation = installation::find().map_err(Error::Unavailable)?;
    Ok(of(installation, class))
}

pub(crate) fn of(installation: &Installation, class: &str) -> Command {
    let mut java = installation.java();
    java.args(["-Xmx256m", class]);
    java
}
