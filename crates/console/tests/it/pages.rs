use axum::http::Method;

use crate::harness::Setup;

#[tokio::test]
async fn pages_are_served_with_a_strict_policy() {
    let setup = Setup::new().await;
    let process = setup.process();
    for (path, kind) in [
        ("/console/", "text/html; charset=utf-8"),
        ("/console/app.js", "text/javascript; charset=utf-8"),
        (
            "/console/pages/overview.js",
            "text/javascript; charset=utf-8",
        ),
        ("/console/style.css", "text/css; charset=utf-8"),
        ("/console/icon.svg", "image/svg+xml"),
    ] {
        let reply = process.get(path, &[]).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.headers["content-type"], kind, "{path}");
        assert_eq!(reply.headers["cache-control"], "no-cache", "{path}");
    }
    for path in ["/console/", "/console/nothing.js", "/console/session"] {
        let headers = process.get(path, &[]).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["x-frame-options"], "DENY");
    }
    let missing = process.get("/console/nothing.js", &[]).await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn what_the_browser_has_is_not_sent_again() {
    let setup = Setup::new().await;
    let process = setup.process();
    let first = process.get("/console/app.js", &[]).await;
    let etag = first.headers["etag"].to_str().unwrap();
    let several = format!("\"x\", W/{etag}");
    for known in [etag, &several, "*"] {
        let again = process
            .get("/console/app.js", &[("if-none-match", known)])
            .await;
        assert_eq!((again.status.as_u16(), &*again.text), (304, ""), "{known}");
        assert_eq!(again.headers["etag"], etag);
    }
    let other = process
        .get("/console/dom.js", &[("if-none-match", etag)])
        .await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn browsers_find_the_console_and_programs_the_api() {
    let setup = Setup::new().await;
    let process = setup.process();
    let browser = [("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")];
    let home = process.get("/", &browser).await;
    assert_eq!(home.status, 307);
    assert_eq!(home.headers["location"], "console/");
    let bare = process.get("/console", &browser).await;
    assert_eq!(bare.headers["location"], "console/");
    for headers in [
        &[][..],
        &[("accept", "application/json")],
        &[("accept", "*/*")],
    ] {
        let reply = process.get("/", headers).await;
        assert_eq!(
            (reply.status.as_u16(), &*reply.text),
            (404, "the API knows no such path")
        );
    }
    let post = process.send(Method::POST, "/", &browser, None).await;
    assert_eq!(post.status, 404);
}
