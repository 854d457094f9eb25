//! Certificates that are trusted and those that are not.

use std::sync::Arc;

use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc};
use tokio_rustls::{
    LazyConfigAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::Acceptor,
    },
    server::TlsStream,
};
use triggerfish_core::{FailureKind, Mode, Reply};
use triggerfish_delivery::{Caller, Options};

use crate::{
    kit::{Setup, assert_unavailable, caller, options},
    server::{Server, json, read_request, serve},
};

struct Secured {
    server: Server,
    certificate_pem: String,
    /// The protocols that clients offered.
    offered: mpsc::UnboundedReceiver<Vec<String>>,
}

impl Secured {
    fn url(&self) -> String {
        format!("https://{}/", self.server.address)
    }
}

/// An HTTPS server with a certificate of its own for `name`, that speaks `protocol`.
async fn secured(name: &str, protocol: &str) -> Secured {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![protocol.into()];
    let config = Arc::new(config);
    let (sender, offered) = mpsc::unbounded_channel();
    let server = serve(move |stream, _| {
        let (config, sender) = (config.clone(), sender.clone());
        async move {
            let Ok(hello) = LazyConfigAcceptor::new(Acceptor::default(), stream).await else {
                return;
            };
            let protocols = hello.client_hello().alpn().into_iter().flatten();
            let protocols = protocols.map(|name| String::from_utf8_lossy(name).into_owned());
            let _ = sender.send(protocols.collect());
            let Ok(mut stream) = hello.into_stream(config).await else {
                return;
            };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                return speak_h2(stream).await;
            }
            while read_request(&mut stream).await.is_some() {
                let _ = stream.write_all(json("{}").as_bytes()).await;
            }
        }
    })
    .await;
    Secured {
        server,
        certificate_pem: made.cert.pem(),
        offered,
    }
}

/// Answers every request on an HTTP/2 connection.
async fn speak_h2(stream: TlsStream<TcpStream>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        assert_eq!(request.version(), http::Version::HTTP_2);
        let response = http::Response::builder()
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let mut body = respond.send_response(response, false).unwrap();
        body.send_data("{}".into(), true).unwrap();
    }
}

fn trusting(certificate_pem: &str) -> Caller {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certificate_pem).unwrap();
    let extra_ca_file = Some(file.path().to_owned());
    Caller::new(Options {
        extra_ca_file,
        ..options()
    })
    .unwrap()
}

#[tokio::test]
async fn an_unknown_certificate_is_not_accepted_until_its_ca_is() {
    let mut secured = secured("127.0.0.1", "http/1.1").await;
    let setup = Setup::new(Mode::Sync, &secured.url());
    let answer = setup.call(&caller()).await;
    let fragment = format!("certificate of {} is not accepted", secured.server.address);
    assert_unavailable(&answer, FailureKind::Connect, &fragment);

    let answer = setup.call(&trusting(&secured.certificate_pem)).await;
    assert_eq!(answer.reply, Reply::Answered("{}".into()));
    assert_eq!(secured.offered.recv().await.unwrap(), ["h2", "http/1.1"]);
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_chooses_it() {
    let secured = secured("127.0.0.1", "h2").await;
    let caller = trusting(&secured.certificate_pem);
    for mode in [Mode::Sync, Mode::FireAndForget, Mode::Async] {
        let answer = Setup::new(mode, &secured.url()).call(&caller).await;
        assert_eq!(answer.status, Some(200), "{answer:?}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let secured = secured("elsewhere.example", "http/1.1").await;
    let setup = Setup::new(Mode::Sync, &secured.url());
    let answer = setup.call(&trusting(&secured.certificate_pem)).await;
    assert_unavailable(&answer, FailureKind::Connect, "is not accepted");
    assert_unavailable(&answer, FailureKind::Connect, "not valid for name");
}

#[tokio::test]
async fn plain_http_is_no_tls() {
    let plain = serve(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let url = format!("https://{}/", plain.address);
    let answer = Setup::new(Mode::Sync, &url).call(&caller()).await;
    assert_unavailable(
        &answer,
        FailureKind::Connect,
        "no TLS connection to 127.0.0.1:",
    );
}
