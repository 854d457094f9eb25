//! Becomes one of the processes that answer.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use triggerfish_core::keys::ServerKeys;
use triggerfish_log::{EventLog, LogError, WriterName};
use triggerfish_runtime::{Clock, Handle, Topics};

use crate::{
    announcer::Announcer,
    directory::Follower,
    history::{History, Sampler},
    local::Local,
    lookup::{Inner, Peers},
    news::{Bell, Herald},
    pace::Pace,
    partitions::PartitionCount,
    remote::Remote,
    transport::{Http, Transport},
};

/// Who this process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its name; no other process of the installation has it.
    pub instance: String,
    /// Its roles, as the commands that start them are called; [`crate::OWNER`] among them
    /// if its partitions answer questions about invocations.
    pub roles: Vec<String>,
    /// Where other processes reach it, without a slash at the end.
    pub url: String,
    /// The version of the program.
    pub version: String,
}

/// Why a process could not join.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log could not be read.
    #[error("the topic of workers can't be followed")]
    Log(#[from] LogError),
    /// There is no HTTP client.
    #[error("the client for calls to other processes can't be set up")]
    Client(#[from] reqwest::Error),
}

/// What has to run for [`Peers`] to know the others and to be known.
pub struct Background<L: EventLog> {
    announcer: Announcer<L>,
    follower: Follower<L>,
    herald: Herald,
    sampler: Sampler,
}

/// Reads who is there. `handle` is the loop whose partitions this process has to show: that
/// of the completion-consumer, where it is one.
///
/// # Errors
/// When the log can't be read, or no HTTP client can be made.
pub async fn join<L: EventLog>(
    log: &L,
    topics: &Topics,
    process: Process,
    handle: Option<Handle>,
    keys: ServerKeys,
    clock: Arc<dyn Clock>,
) -> Result<(Peers, Background<L>), Error> {
    let http = Arc::new(Http::new()?);
    Ok(join_over(http, log, topics, process, handle, keys, clock).await?)
}

/// The same over another way to the other processes.
///
/// # Errors
/// When the log can't be read.
pub async fn join_over<L: EventLog>(
    transport: Arc<dyn Transport>,
    log: &L,
    topics: &Topics,
    process: Process,
    handle: Option<Handle>,
    keys: ServerKeys,
    clock: Arc<dyn Clock>,
) -> Result<(Peers, Background<L>), LogError> {
    let appender = log.open_appender(WriterName::from("workers")).await?;
    let opened = Follower::open(
        log,
        appender.clone(),
        topics.workers.clone(),
        process.instance.clone(),
        &*clock,
    );
    let (follower, directory) = opened.await?;
    let is_owner = process.roles.iter().any(|role| role == crate::OWNER);
    let local = handle.clone().filter(|_| is_owner).map(Local::new);
    let history = History::default();
    let sampler = Sampler::new(directory.clone(), history.clone(), Arc::clone(&clock));
    let bell = Bell::default();
    let herald = Herald::new(bell.clone(), &directory, local.as_ref());
    let inner = Inner {
        instance: process.instance.clone(),
        directory,
        history,
        local,
        bell,
        pace: Pace::default(),
        remote: Remote::new(transport, keys.clone(), Arc::clone(&clock)),
        partitions: PartitionCount::open(log.clone(), topics.invocation_log.clone()).await?,
        keys,
        clock: Arc::clone(&clock),
    };
    let announcer = Announcer::new(
        log.clone(),
        appender,
        topics.clone(),
        process,
        handle,
        clock,
    );
    let peers = Peers {
        inner: Arc::new(inner),
    };
    let background = Background {
        announcer,
        follower,
        herald,
        sampler,
    };
    Ok((peers, background))
}

impl<L: EventLog> Background<L> {
    /// Announces this process and follows the others until `stop`, then takes leave.
    ///
    /// # Errors
    /// When the log is closed.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LogError> {
        let announcing = self.announcer.run(stop.clone());
        let following = self.follower.run(stop.clone());
        let others = async {
            tokio::join!(self.herald.run(stop.clone()), self.sampler.run(stop));
            Ok(())
        };
        tokio::try_join!(announcing, following, others).map(drop)
    }
}
