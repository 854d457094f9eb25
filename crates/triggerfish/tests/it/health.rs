//! `triggerfish health`, as the health check of a container runs it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::{
    program::{Ran, program, run, until},
    service::Service,
};

#[test]
fn a_service_is_asked_where_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let ready = |ran: Ran| assert_eq!(ran.good(), "ready\n");
    let by_url = ["health", "--url", &service.url];
    let ran = until("the service is ready", || {
        Some(run(&by_url)).filter(|ran| ran.code == 0)
    });
    ready(ran);
    let (_, port) = service.url.rsplit_once(':').unwrap();
    let everywhere = format!("0.0.0.0:{port}");
    ready(run(&["health", "--listen", &everywhere]));
    let mut by_environment = program(["health"]);
    by_environment.env("TRIGGERFISH_API__LISTEN", &everywhere);
    ready(by_environment.output().unwrap().into());
    let file = folder.path().join("triggerfish.toml");
    std::fs::write(&file, format!("api.listen = \"127.0.0.1:{port}\"")).unwrap();
    ready(run(&["health", "--config", file.to_str().unwrap()]));
    let url = service.url.clone();
    assert!(service.stop().success());
    let said = run(&["health", "--url", &url]).bad(1);
    assert!(said.contains("Is the service running?"), "{said}");
}

#[test]
fn a_service_that_waits_says_what_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let waiting = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        let length = stream.read(&mut asked).unwrap();
        let body = r#"{"status":"not ready","waitingFor":[{"name":"registry","reason":"reads"}]}"#;
        let length_of_body = body.len();
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: {length_of_body}\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    let said = run(&["health", "--url", &url]).bad(1);
    assert!(said.contains("not ready: registry: reads (503"), "{said}");
    let asked = waiting.join().unwrap();
    assert!(asked.starts_with("GET /health/ready "), "{asked}");
}

#[test]
fn a_port_that_only_the_service_knows_cannot_be_asked() {
    let said = run(&["health", "--listen", "127.0.0.1:0"]).bad(1);
    assert!(said.contains("--url"), "{said}");
    run(&[
        "health",
        "--url",
        "http://127.0.0.1:9",
        "--listen",
        "127.0.0.1:9",
    ])
    .bad(2);
}
