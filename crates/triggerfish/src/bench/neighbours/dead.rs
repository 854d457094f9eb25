//! Subscribers that are of no use, each at an address of its own. One connection is one call:
//! none of them ever lets a connection serve a second one.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet, yield_now};
use tokio::time::timeout;

use crate::bench::pace;

/// What is wrong with a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Takes the call and says nothing
    Silent,
    /// Answers, a byte now and then
    Dripping,
    /// Answers with a body that never ends
    Flooding,
    /// Does not listen
    Refusing,
}

impl Kind {
    /// Whether a call stays in flight until its deadline.
    pub(super) const fn holds(self) -> bool {
        matches!(self, Self::Silent | Self::Dripping)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Dripping => "dripping",
            Self::Flooding => "flooding",
            Self::Refusing => "refusing",
        }
    }
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    transfer-encoding: chunked\r\n\r\n";
const DRIP: &[u8] = b"1\r\n \r\n";
const DRIP_EVERY: Duration = Duration::from_millis(2_500);
/// A connection is in flight when it has been open for this long: the end of a call is seen
/// here a moment after the caller has begun the next one.
const OVERLAP: Duration = Duration::from_millis(100);
const FLOOD_BYTES: usize = 64 * 1024;

/// Where the useless ones run: with a thread of their own, so that the healthy do not wait in
/// line with them before the service has done anything.
static ELSEWHERE: LazyLock<Runtime> = LazyLock::new(|| {
    let made = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    made.expect("the system has room for one more thread")
});

/// A subscriber that is of no use.
pub(super) struct Dead {
    address: SocketAddr,
    seen: Arc<Seen>,
    /// Nobody listens at the address as long as this is held.
    _refusing: Option<TcpSocket>,
    server: Option<JoinHandle<()>>,
}

/// What it has seen.
struct Seen {
    in_flight: AtomicU64,
    most: AtomicU64,
    calls: AtomicU64,
    /// How long calls lasted, in microseconds.
    lasted: Mutex<Histogram<u64>>,
}

/// What several have seen together.
pub(super) struct Sum {
    pub(super) calls: u64,
    /// Calls in flight of any one of them.
    pub(super) most: u64,
    pub(super) in_flight: u64,
    pub(super) lasted: Histogram<u64>,
}

impl Dead {
    pub(super) fn start(kind: Kind) -> anyhow::Result<Self> {
        let seen = Arc::new(Seen {
            in_flight: AtomicU64::new(0),
            most: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            lasted: Mutex::new(pace::histogram()),
        });
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        if kind == Kind::Refusing {
            let socket = TcpSocket::new_v4()?;
            socket.bind(anywhere)?;
            return Ok(Self {
                address: socket.local_addr()?,
                seen,
                _refusing: Some(socket),
                server: None,
            });
        }
        let listener = std::net::TcpListener::bind(anywhere)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            address: listener.local_addr()?,
            server: Some(ELSEWHERE.spawn(serve(kind, listener, Arc::clone(&seen)))),
            seen,
            _refusing: None,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What all of these have seen until now.
    pub(super) fn sum(all: &[Self]) -> anyhow::Result<Sum> {
        let mut sum = Sum {
            calls: 0,
            most: 0,
            in_flight: 0,
            lasted: pace::histogram(),
        };
        for dead in all {
            let seen = &dead.seen;
            sum.calls += seen.calls.load(Ordering::Relaxed);
            sum.in_flight += seen.in_flight.load(Ordering::Relaxed);
            sum.most = sum.most.max(seen.most.load(Ordering::Relaxed));
            let lasted = seen.lasted.lock().unwrap_or_else(PoisonError::into_inner);
            sum.lasted.add(&*lasted)?;
        }
        Ok(sum)
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn serve(kind: Kind, listener: std::net::TcpListener, seen: Arc<Seen>) {
    let listener = TcpListener::from_std(listener).expect("it has just been made for this");
    let flood: Arc<[u8]> = flood().into();
    let mut calls = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (seen, flood) = (Arc::clone(&seen), Arc::clone(&flood));
        calls.spawn(async move {
            let began = Instant::now();
            seen.calls.fetch_add(1, Ordering::Relaxed);
            let mut answering = pin!(answer(kind, stream, &flood));
            if timeout(OVERLAP, &mut answering).await.is_err() {
                let in_flight = seen.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
                seen.most.fetch_max(in_flight, Ordering::Relaxed);
                answering.await;
                seen.in_flight.fetch_sub(1, Ordering::Relaxed);
            }
            let mut lasted = seen.lasted.lock().unwrap_or_else(PoisonError::into_inner);
            // Nothing lasts for longer than a histogram can hold.
            let _ = pace::record(&mut lasted, began);
        });
        // Those that are over are not kept.
        while calls.try_join_next().is_some() {}
    }
}

/// Until the caller gives up.
async fn answer(kind: Kind, mut stream: TcpStream, flood: &[u8]) {
    let mut request = [0; 4096];
    // The caller talks first; what it says does not matter.
    if !matches!(stream.read(&mut request).await, Ok(1..)) {
        return;
    }
    let (mut read, mut write) = stream.split();
    let given_up = async { while matches!(read.read(&mut request).await, Ok(1..)) {} };
    let talking = async {
        match kind {
            Kind::Silent | Kind::Refusing => std::future::pending().await,
            Kind::Dripping => {
                write.write_all(HEAD).await?;
                loop {
                    tokio::time::sleep(DRIP_EVERY).await;
                    write.write_all(DRIP).await?;
                }
            }
            Kind::Flooding => {
                write.write_all(HEAD).await?;
                loop {
                    write.write_all(flood).await?;
                    yield_now().await;
                }
            }
        }
    };
    let talking: Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>> = Box::pin(talking);
    tokio::select! {
        () = given_up => {}
        _ended = talking => {}
    }
}

/// A chunk of a body.
fn flood() -> Vec<u8> {
    let mut chunk = format!("{FLOOD_BYTES:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + FLOOD_BYTES, b' ');
    chunk.extend_from_slice(b"\r\n");
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn call(kind: Kind) -> (usize, Sum) {
        let dead = Dead::start(kind).unwrap();
        let mut read = 0;
        if let Ok(mut stream) = TcpStream::connect(dead.address).await {
            stream.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut buffer = vec![0; 1 << 20];
            let reading = stream.read_exact(&mut buffer);
            let reading = tokio::time::timeout(Duration::from_secs(3), reading).await;
            read = reading.map_or(0, |read| read.unwrap());
            drop(stream);
        }
        let all = [dead];
        while Dead::sum(&all).unwrap().lasted.len() < u64::from(kind != Kind::Refusing) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (read, Dead::sum(&all).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_is_of_no_use_in_its_own_way() {
        let (read, sum) = call(Kind::Flooding).await;
        assert_eq!((read, sum.calls, sum.lasted.len()), (1 << 20, 1, 1));
        let (read, sum) = call(Kind::Refusing).await;
        assert_eq!((read, sum.calls, sum.lasted.len()), (0, 0, 0));
        let (read, sum) = call(Kind::Silent).await;
        assert_eq!((read, sum.calls, sum.most), (0, 1, 1));
        assert!(sum.lasted.max() >= 2_900_000, "{}", sum.lasted.max());
    }
}
