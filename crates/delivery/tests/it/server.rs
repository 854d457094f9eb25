//! Scripted HTTP servers made of bare sockets, so that they can do what no HTTP
//! library would.

use std::{future::Future, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

/// What a client sent.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Which connection it came by, from 1.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?token=in-query", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs `script` for every connection.
pub(crate) async fn serve<F, Fut>(script: F) -> Server
where
    F: Fn(TcpStream, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        for number in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(script(stream, number));
        }
    });
    Server { address, task }
}

/// Gives `answer` to every request and hands the requests out.
pub(crate) async fn answering(
    answer: impl Into<Vec<u8>>,
) -> (Server, mpsc::UnboundedReceiver<Seen>) {
    let (sender, seen) = mpsc::unbounded_channel();
    let answer: Arc<[u8]> = answer.into().into();
    let server = serve(move |mut stream, number| {
        let (answer, sender) = (answer.clone(), sender.clone());
        async move {
            while let Some(mut seen) = read_request(&mut stream).await {
                seen.connection = number;
                let _ = sender.send(seen);
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (server, seen)
}

/// Reads one request; `None` when the connection ends before it does.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut buffer = Vec::new();
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut seen = Seen {
        line,
        headers,
        body: buffer.split_off(head_end),
        connection: 0,
    };
    let length: usize = seen.header("content-length")?.parse().unwrap();
    while seen.body.len() < length {
        if stream.read_buf(&mut seen.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(seen)
}

/// A whole answer with this status, content type and body.
pub(crate) fn answer(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A whole answer of 200 and JSON.
pub(crate) fn json(body: &str) -> String {
    answer("200 OK", "application/json", body)
}
