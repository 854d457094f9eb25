//! Just enough HTTP/1.1 to be called, and to break it.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Reply, Shared};

const DRIP_EVERY: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_mins(10);

/// Takes calls until the other side or a reply ends the connection.
pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut buffer = BytesMut::new();
    drop(stream.set_nodelay(true));
    while let Ok(Some(request)) = read(&mut stream, &mut buffer).await {
        let reply = shared
            .reply(request.path, request.headers, request.body)
            .await;
        if write(&mut stream, reply).await.is_err() {
            return;
        }
    }
}

struct Request {
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

async fn read(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<Option<Request>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.advance(end + 4);
    let mut lines = head.split("\r\n");
    let path = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap_or_default()
        .to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Request {
        path,
        headers,
        body: buffer.split_to(length).freeze(),
    }))
}

/// An error also means that the connection is to end.
async fn write(stream: &mut TcpStream, reply: Reply) -> io::Result<()> {
    let over = || Err(io::Error::other("the connection is over"));
    match reply {
        Reply::Answer {
            status,
            headers,
            body,
        } => {
            let mut head = format!("HTTP/1.1 {status} Status\r\n");
            for (name, value) in headers {
                let _ = write!(head, "{name}: {value}\r\n");
            }
            let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).await
        }
        Reply::Raw(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            over()
        }
        Reply::Drip => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                        content-length: 1000\r\n\r\n{";
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(DRIP_EVERY).await;
            }
        }
        Reply::Silence => {
            let _ = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
            over()
        }
        Reply::Reset => {
            stream.set_zero_linger()?;
            over()
        }
    }
}
