//! Servers that do what they should not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use triggerfish_core::{FailureKind, Mode, Reply};

use crate::{
    kit::{
        ANSWER_BYTES_MAX, SOON, Setup, assert_refused, assert_unavailable, call, call_hastily,
        caller,
    },
    server::{Server, answer, answering, json, read_request, serve},
};

/// Reads a request, writes `bytes`, then closes or waits for the client to.
async fn after_request(bytes: impl Into<Vec<u8>>, closes: bool) -> Server {
    let bytes: Arc<[u8]> = bytes.into().into();
    serve(move |mut stream, _| {
        let bytes = bytes.clone();
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
            if !closes {
                let _ = stream.read(&mut [0]).await;
            }
        }
    })
    .await
}

/// Reads a request, writes `head`, then `piece` every 10 ms as long as it can.
async fn dripping(head: &'static str, piece: &'static str) -> Server {
    serve(move |mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(piece.as_bytes()).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

/// What ends before or in the middle of the head.
#[tokio::test]
async fn broken_heads() {
    let closed = "closed the connection without a whole answer";
    let cases = [
        ("", closed),
        ("HTTP/1.1 200", closed),
        ("HTTP/1.1 200 OK\r\ncontent-", closed),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n", "is not HTTP"),
        ("HTTP/1.1 2x0 OK\r\n\r\n", "is not HTTP"),
        ("<html>hello</html>\r\n\r\n", "is not HTTP"),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "is not HTTP"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\n{}",
            "is not HTTP",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
            "is not HTTP",
        ),
    ];
    for (bytes, fragment) in cases {
        let server = after_request(bytes, true).await;
        for mode in [Mode::Sync, Mode::FireAndForget] {
            let answer = call(mode, &server.url()).await;
            assert_eq!(answer.status, None, "{bytes}");
            assert_unavailable(&answer, FailureKind::Protocol, fragment);
        }
    }
}

#[tokio::test]
async fn silence_and_dripping_end_at_the_limit() {
    let silent = after_request("", false).await;
    let half = after_request("HTTP/1.1 200 OK\r\ncontent-", false).await;
    let drip = dripping("HTTP/1.1 200 OK\r\n", "a: b\r\n").await;
    let endless = dripping("", "HTTP/1.1 100 Continue\r\n\r\n").await;
    let servers = [silent, half, drip, endless];
    let calls = servers
        .each_ref()
        .map(|server| tokio::spawn(call_hastily(Mode::Sync, server.url())));
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!(answer.status, None);
        assert_unavailable(&answer, FailureKind::Timeout, "no answer within 300 ms");
    }
}

/// The process is stopped in the middle of a call, and goes on long after its limit: the
/// answer is there.
#[tokio::test]
async fn an_answer_that_came_while_the_process_stood_still_counts() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (came, comes) = tokio::sync::oneshot::channel();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert_ne!(stream.peek(&mut request).unwrap(), 0);
        came.send(()).unwrap();
        stream
    });
    let call = tokio::spawn(async move { call(Mode::Sync, &url).await });
    comes.await.unwrap();
    let mut stream = server.join().unwrap();
    for piece in [CHUNKED, "2\r\n{}\r\n", "0\r\n\r\n"] {
        std::io::Write::write_all(&mut stream, piece.as_bytes()).unwrap();
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    tokio::time::resume();
    let answer = call.await.unwrap();
    assert_eq!(answer.reply, Reply::Answered("{}".into()), "{answer:?}");
    assert!(answer.took >= Duration::from_mins(1));
}

#[tokio::test]
async fn a_dripping_body_does_not_extend_the_limit() {
    let server = dripping(CHUNKED, "1\r\n \r\n").await;
    let calls = [Mode::Sync, Mode::Async, Mode::Dynamic]
        .map(|mode| tokio::spawn(call_hastily(mode, server.url())));
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!(answer.status, Some(200));
        let fragment = "answer was not complete within 300 ms";
        assert_unavailable(&answer, FailureKind::Timeout, fragment);
    }
}

#[tokio::test]
async fn fire_and_forget_needs_the_status_line_only() {
    let drip = dripping(CHUNKED, "1\r\n \r\n").await;
    let head_only = "HTTP/1.1 204 No Content\r\n\r\n";
    let promised = "HTTP/1.1 200 OK\r\ncontent-length: 2000000000\r\n\r\n";
    let (empty, stuck) = (
        after_request(head_only, true).await,
        after_request(promised, false).await,
    );
    for server in [drip, empty, stuck] {
        let begun = Instant::now();
        let answer = call(Mode::FireAndForget, &server.url()).await;
        assert_eq!(answer.reply, Reply::Delivered);
        assert!(begun.elapsed() < SOON, "{answer:?}");
    }
}

#[tokio::test]
async fn a_reset_is_named() {
    let server = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let answer = call(Mode::Sync, &server.url()).await;
    let fragment = format!("connection to {} broke: connection reset", server.address);
    assert_unavailable(&answer, FailureKind::Protocol, &fragment);
}

#[tokio::test]
async fn a_huge_body_is_not_read() {
    let written = Arc::new(AtomicU64::new(0));
    let counter = written.clone();
    let server = serve(move |mut stream, _| {
        let counter = counter.clone();
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(CHUNKED.as_bytes()).await;
            let piece = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
            for _ in 0..(2_u64 << 30) / 0x1_0000 {
                if stream.write_all(piece.as_bytes()).await.is_err() {
                    return;
                }
                counter.fetch_add(0x1_0000, Ordering::Relaxed);
            }
        }
    })
    .await;
    for mode in [Mode::Sync, Mode::Async] {
        let answer = call(mode, &server.url()).await;
        let fragment = format!("answer is larger than {ANSWER_BYTES_MAX} bytes");
        assert_refused(&answer, FailureKind::TooLarge, &fragment);
    }
    let delivered = call(Mode::FireAndForget, &server.url()).await;
    assert_eq!(delivered.reply, Reply::Delivered);
    // What the sockets of three connections hold, not two gigabytes.
    assert!(written.load(Ordering::Relaxed) < 50 << 20, "{written:?}");
}

#[tokio::test]
async fn a_promised_huge_body_is_refused_at_once() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100001\r\n\r\n";
    let server = after_request(head, false).await;
    let answer = call(Mode::Sync, &server.url()).await;
    assert_refused(&answer, FailureKind::TooLarge, "larger than 100000 bytes");
    assert!(answer.took < SOON);
}

#[tokio::test]
async fn the_largest_allowed_body_is_read() {
    let body = format!("{{}}{}", " ".repeat(ANSWER_BYTES_MAX - 2));
    let (server, _seen) = answering(json(&body)).await;
    let answer = call(Mode::Sync, &server.url()).await;
    assert_eq!(answer.reply, Reply::Answered(body.into()));
}

#[tokio::test]
async fn a_body_that_breaks_off() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    for rest in [
        "content-length: 10\r\n\r\n{}",
        "transfer-encoding: chunked\r\n\r\n5\r\n{}",
    ] {
        let server = after_request(format!("{head}{rest}"), true).await;
        let answer = call(Mode::Sync, &server.url()).await;
        assert_eq!(answer.status, Some(200));
        assert_unavailable(&answer, FailureKind::Protocol, "broke off");
    }
    let server = after_request(
        format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n"),
        true,
    )
    .await;
    let answer = call(Mode::Sync, &server.url()).await;
    assert_unavailable(&answer, FailureKind::Protocol, "broke off");
}

#[tokio::test]
async fn huge_heads_are_not_read() {
    let one = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(4 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    for head in [one, many] {
        let server = after_request(head, false).await;
        let answer = call(Mode::Sync, &server.url()).await;
        assert_unavailable(
            &answer,
            FailureKind::Protocol,
            "head of the answer of 127.0.0.1:",
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (target, mut seen) = answering(json("{}")).await;
    let head = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        target.url()
    );
    let (server, _seen) = answering(head).await;
    for mode in [Mode::Sync, Mode::FireAndForget] {
        let answer = call(mode, &server.url()).await;
        assert_refused(&answer, FailureKind::Status, "status 307");
    }
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let (server, _seen) = answering(format!("{interim}{}", json("{\"a\":1}"))).await;
    let answer = call(Mode::Sync, &server.url()).await;
    assert_eq!(answer.reply, Reply::Answered("{\"a\":1}".into()));
}

/// Bodies that are not what they should be, for each mode that reads them.
#[tokio::test]
async fn unfit_bodies() {
    use FailureKind::{ContentType, InvalidJson, Schema};
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let gzip = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}";
    let untyped = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let cases = [
        (
            answer("200 OK", "text/html", "<p>"),
            ContentType,
            "not application/json but text/html",
        ),
        (untyped.to_owned(), ContentType, "no content type"),
        (gzip.to_owned(), ContentType, "compressed"),
        (json(""), InvalidJson, "answer is empty"),
        (json("{\"a\":"), InvalidJson, "answer is not JSON"),
        (json("{} {}"), InvalidJson, "answer is not JSON"),
    ];
    for (answer, kind, fragment) in cases {
        let (server, _seen) = answering(answer).await;
        for mode in [Mode::Sync, Mode::Async, Mode::Dynamic] {
            assert_refused(&call(mode, &server.url()).await, kind, fragment);
        }
        let delivered = call(Mode::FireAndForget, &server.url()).await;
        assert_eq!(delivered.reply, Reply::Delivered);
    }
    for (body, kind, fragment) in [
        (deep.as_str(), InvalidJson, "recursion limit"),
        (
            "{\"bad\":1}",
            Schema,
            "does not fit the output schema: /bad is not expected",
        ),
    ] {
        let (server, _seen) = answering(json(body)).await;
        for mode in [Mode::Sync, Mode::Dynamic] {
            assert_refused(&call(mode, &server.url()).await, kind, fragment);
        }
    }
}

#[tokio::test]
async fn nobody_listens() {
    let server = after_request("", true).await;
    let url = server.url();
    let address = server.address;
    drop(server);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let answer = call(Mode::Sync, &url).await;
    let fragment = format!("connection refused by {address}");
    assert_unavailable(&answer, FailureKind::Connect, &fragment);
}

/// A listener whose queue is full neither accepts nor refuses.
#[tokio::test]
async fn connecting_counts_into_the_limit() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(50), TcpStream::connect(address)).await {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue never fills");
    }
    let answer = call_hastily(Mode::Sync, format!("http://{address}/")).await;
    assert_unavailable(&answer, FailureKind::Timeout, "no answer within 300 ms");
}

/// What does not matter of a body is drained, so that connections are used again.
#[tokio::test]
async fn connections_are_used_again() {
    let caller = caller();
    for (status, mode) in [
        ("200 OK", Mode::Sync),
        ("200 OK", Mode::FireAndForget),
        ("503 Busy", Mode::Sync),
    ] {
        let (server, mut seen) = answering(answer(status, "application/json", "{}")).await;
        let setup = Setup::new(mode, &server.url());
        for _ in 0..3 {
            assert!(setup.call(&caller).await.status.is_some());
            assert_eq!(seen.recv().await.unwrap().connection, 1, "{status}");
        }
    }
}
