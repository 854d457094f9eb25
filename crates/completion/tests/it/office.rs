//! A process of an installation: a name, an address, perhaps a worker.

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use triggerfish_api::ports::{Invocations, ListQuery, Unavailable, Workers as _};
use triggerfish_completion::{CompletionConsumer, Status};
use triggerfish_core::{InvocationId, keys::ServerKeys};
use triggerfish_log::LogError;
use triggerfish_log_embedded::EmbeddedLog;
use triggerfish_peers::{OWNER, Peers, Process, join};
use triggerfish_runtime::Role;

use crate::world::{Asked, PARTITIONS, Running, World, eventually, keys};

pub(crate) struct Office {
    pub(crate) url: String,
    pub(crate) peers: Peers,
    pub(crate) status: Status<EmbeddedLog>,
    worker: Option<Running>,
    serving: JoinHandle<()>,
    background: JoinHandle<Result<(), LogError>>,
    stop: CancellationToken,
}

impl World {
    /// A process that owns nothing.
    pub(crate) async fn producer(&self, name: &str) -> Office {
        self.office(name, "producer", None, keys(1)).await
    }

    /// A process that shares the partitions with others of its kind.
    pub(crate) async fn consumer(&self, name: &str) -> Office {
        let consumer = CompletionConsumer::new(
            self.topics.clone(),
            self.appender.clone(),
            self.clock.clone(),
        );
        self.owner(name, "triggerfish", vec![Box::new(consumer)])
            .await
    }

    /// A process that claims what its group gives it.
    pub(crate) async fn owner(&self, name: &str, group: &str, roles: Vec<Box<dyn Role>>) -> Office {
        let worker = self.member(name, group, roles).await;
        self.office(name, OWNER, Some(worker), keys(1)).await
    }

    pub(crate) async fn office(
        &self,
        name: &str,
        role: &str,
        worker: Option<Running>,
        keys: ServerKeys,
    ) -> Office {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let process = Process {
            instance: name.to_owned(),
            roles: vec![role.to_owned()],
            url: url.clone(),
            version: "1".to_owned(),
        };
        let handle = worker.as_ref().map(|worker| worker.handle.clone());
        let clock = self.clock.clone();
        let joined = join(&self.log, &self.topics, process, handle, keys, clock);
        let (peers, background) = joined.await.unwrap();
        let app = peers.router();
        let stop = CancellationToken::new();
        Office {
            url,
            status: self.status_by(peers.clone()),
            peers,
            worker,
            serving: tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }),
            background: tokio::spawn(background.run(stop.clone())),
            stop,
        }
    }
}

impl Office {
    /// Ends as it should; others are told.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.background.await.unwrap().unwrap();
        if let Some(worker) = self.worker {
            worker.stop().await;
        }
        self.serving.abort();
    }

    /// Ends as `kill -9` would: nobody is told.
    pub(crate) async fn kill(self) {
        self.background.abort();
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
        if let Some(worker) = self.worker {
            worker.kill().await;
        }
    }
}

pub(crate) fn all() -> ListQuery {
    ListQuery {
        limit: 100,
        ..ListQuery::default()
    }
}

/// The ids in a list, in its order, and the total.
pub(crate) async fn listed(
    office: &Office,
    query: ListQuery,
) -> Result<(Vec<InvocationId>, usize), Unavailable> {
    let listing = office.status.list(query).await?;
    let ids = listing.invocations.iter().map(|found| found.id).collect();
    Ok((ids, listing.total))
}

/// Who runs how many partitions, as `office` has heard.
fn shares(office: &Office) -> Vec<(String, usize)> {
    let workers = office.peers.living().into_iter();
    let shares = workers.map(|worker| (worker.instance, worker.partitions.len()));
    shares.collect()
}

pub(crate) async fn until_shared(office: &Office, expected: &[(&str, usize)]) {
    eventually("all know who owns what", async || {
        let shares = shares(office);
        let shares: Vec<_> = shares.iter().map(|(name, n)| (&**name, *n)).collect();
        shares == expected
    })
    .await;
}

pub(crate) async fn requests(world: &World, keys: std::ops::Range<u64>) -> Vec<InvocationId> {
    let mut ids = Vec::new();
    for key in keys {
        let partition = u16::try_from(key % u64::from(PARTITIONS)).unwrap();
        ids.push(world.request(&Asked::new(partition, key)).await);
    }
    ids
}
