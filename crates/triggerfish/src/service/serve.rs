//! The API's connections: how long a client may take for what it has to say.

use std::convert::Infallible;
use std::future::Future as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, Request},
    response::Response,
    serve::Listener,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpListener,
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// What clients get time for. Without an end of it a few of them, or a network that loses what
/// they send, could hold connections for as long as the process runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the head of a request, and for the next one on a connection that is kept.
    head: Duration,
    /// For the body of a request.
    body: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(75),
            body: Duration::from_mins(1),
        }
    }
}

/// Answers requests by `app` until `stop`, and those that have begun to their end.
pub(super) async fn serve(
    mut listener: TcpListener,
    app: Router,
    patience: Patience,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.head);
    let open = GracefulShutdown::new();
    // Where a connection can't be taken it waits a moment and tries the next.
    while let Some((stream, client)) = stop
        .run_until_cancelled(Listener::accept(&mut listener))
        .await
    {
        let app = app.clone();
        let answer = service_fn(move |request| answer(app.clone(), request, client, patience.body));
        let connection = http.serve_connection(TokioIo::new(stream), answer);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%client, %error, "a connection has failed");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}

async fn answer(
    app: Router,
    request: Request<Incoming>,
    client: SocketAddr,
    patience: Duration,
) -> Result<Response, Infallible> {
    let mut request = request.map(|body| {
        if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(Timely::new(body, patience))
        }
    });
    request.extensions_mut().insert(ConnectInfo(client));
    app.oneshot(request).await
}

/// A body that fails when it is not there in time.
struct Timely {
    body: Incoming,
    late: Pin<Box<Sleep>>,
}

impl Timely {
    fn new(body: Incoming, patience: Duration) -> Self {
        let late = Box::pin(sleep(patience));
        Self { body, late }
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let late = self.late.as_mut().poll(cx);
        late.map(|()| Some(Err("it was not there in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        task::JoinHandle,
    };

    use super::*;

    const SOON: Patience = Patience {
        head: Duration::from_millis(80),
        body: Duration::from_millis(80),
    };
    const LATER: Duration = Duration::from_hours(1);

    /// A service that repeats what it is told, and its end.
    async fn echo(patience: Patience) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/", post(|body: String| async { body }));
        let stop = CancellationToken::new();
        let serving = serve(listener, app, patience, stop.clone());
        (address, stop, tokio::spawn(serving))
    }

    /// All that is answered to `said`, once the other side has closed the connection.
    async fn answered(to: SocketAddr, said: &str) -> String {
        let mut client = TcpStream::connect(to).await.unwrap();
        client.write_all(said.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_client_that_says_half_of_it_loses_its_connection() {
        let head = Patience {
            head: SOON.head,
            body: LATER,
        };
        let (address, ..) = echo(head).await;
        assert_eq!(answered(address, "POST / HTT").await, "");
        let body = Patience {
            head: LATER,
            body: SOON.body,
        };
        let (address, ..) = echo(body).await;
        let half = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf";
        let answer = answered(address, half).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }

    #[tokio::test]
    async fn a_connection_that_is_kept_does_not_stay_for_ever() {
        let (address, ..) = echo(SOON).await;
        let whole = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nwhole";
        let answer = answered(address, whole).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("whole"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn a_request_that_has_begun_is_answered_after_the_stop() {
        let patience = Patience {
            head: LATER,
            body: LATER,
        };
        let (address, stop, serving) = echo(patience).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let half =
            "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
        client.write_all(half.as_bytes()).await.unwrap();
        // The service asks for the body: it has begun.
        let mut asked = [0; 25];
        client.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        stop.cancel();
        client.write_all(b"whole").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("whole"),
            "{answer}"
        );
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
