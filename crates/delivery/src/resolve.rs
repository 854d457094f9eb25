//! From a name to addresses that may be called.
//!
//! The client connects to exactly the addresses that were vetted here, so a name
//! that changes its meaning between check and use gains nothing. A lookup blocks a
//! thread and can't be called off; hence there is at most one per name at a time,
//! and a name server that hangs costs one thread, whatever the number of calls.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;

use crate::guard::Guard;

/// Finds the addresses of a name. Runs on a thread where it may block.
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of `name`, best first.
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own resolver (`getaddrinfo`).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok((name, 0).to_socket_addrs()?.map(|to| to.ip()).collect())
    }
}

/// Why a name gives no address. Blocked addresses are not named: who may write a
/// subscription need not learn what names mean inside the operator's network.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("no address was found for {name}")]
    NotFound { name: Arc<str> },
    #[error(
        "{name} is not allowed: it has no address outside private and reserved networks; \
         use a public name or add its network to allow_networks"
    )]
    Blocked { name: Arc<str> },
}

type Found = Result<Arc<[SocketAddr]>, ResolveError>;
type Pending = watch::Receiver<Option<Found>>;

pub(crate) struct VettingResolver {
    lookup: Arc<dyn Lookup>,
    guard: Guard,
    running: Arc<Mutex<HashMap<Arc<str>, Pending>>>,
}

impl VettingResolver {
    pub(crate) fn new(lookup: Arc<dyn Lookup>, guard: Guard) -> Self {
        Self {
            lookup,
            guard,
            running: Arc::default(),
        }
    }

    /// Joins the lookup of `name` that is running, or starts one.
    fn start(&self, name: Arc<str>) -> Pending {
        let mut running = self.running.lock();
        if let Some(pending) = running.get(&name) {
            return pending.clone();
        }
        let (sender, pending) = watch::channel(None);
        running.insert(name.clone(), pending.clone());
        let entry = Entry {
            running: self.running.clone(),
            name: name.clone(),
        };
        let (lookup, guard) = (self.lookup.clone(), self.guard.clone());
        tokio::task::spawn_blocking(move || {
            let found = find(&*lookup, &guard, &name);
            drop(entry);
            sender.send_replace(Some(found));
        });
        pending
    }
}

/// Takes the name off the list when its lookup is over, even by a panic.
struct Entry {
    running: Arc<Mutex<HashMap<Arc<str>, Pending>>>,
    name: Arc<str>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.running.lock().remove(&self.name);
    }
}

fn find(lookup: &dyn Lookup, guard: &Guard, name: &Arc<str>) -> Found {
    let not_found = || ResolveError::NotFound { name: name.clone() };
    let addresses = lookup.lookup(name).map_err(|_| not_found())?;
    if addresses.is_empty() {
        return Err(not_found());
    }
    let allowed: Arc<[SocketAddr]> = addresses
        .into_iter()
        .filter(|address| guard.allows(*address))
        .map(|address| SocketAddr::new(address, 0))
        .collect();
    if allowed.is_empty() {
        return Err(ResolveError::Blocked { name: name.clone() });
    }
    Ok(allowed)
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name: Arc<str> = name.as_str().into();
        let mut pending = self.start(name.clone());
        Box::pin(async move {
            let found = match pending.wait_for(Option::is_some).await {
                Ok(found) => found.clone(),
                Err(_) => None,
            };
            let addresses = found.unwrap_or(Err(ResolveError::NotFound { name }))?;
            Ok(Box::new(Vec::from(&*addresses).into_iter()) as Addrs)
        })
    }
}
