//! The process itself: its first client, its folder, and what it still knows after a
//! restart.

use serde_json::json;
use triggerfish_tests::{Api, Reply, Setup, Subscriber};

use crate::scene::Scene;

#[tokio::test]
async fn without_a_client_one_is_made_and_shown_once() {
    let setup = Setup::new()
        .variable("TRIGGERFISH_CLIENT_ID", "")
        .variable("TRIGGERFISH_CLIENT_SECRET", "");
    let mut service = setup.start().await;
    service.signal("TERM");
    assert!(service.ended().await.success());
    let printed = service.printed();
    let value = |name: &str| {
        let line = printed.iter().find(|line| line.trim().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {printed:?}"));
        line.split_whitespace().last().expect("a value").to_owned()
    };
    let (id, secret) = (value("client_id"), value("client_secret"));
    assert!(
        printed.contains(&format!("listening on {}", setup.url())),
        "{printed:?}"
    );

    let mut again = setup.start().await;
    let api = Api::new(&setup.url(), (&id, &secret));
    drop(api.get("/triggers/v1").await.expect(200));
    let token = api.token().await;
    again.signal("TERM");
    assert!(again.ended().await.success());
    let printed = again.printed().join("\n");
    assert!(
        !printed.contains("client_secret") && !printed.contains(&secret),
        "{printed}"
    );

    // A token is good for its time, whichever process looks at it.
    let third = setup.start().await;
    let request = triggerfish_tests::api::http().get(setup.url() + "/triggers/v1");
    let answer = triggerfish_tests::api::answer(request.bearer_auth(token)).await;
    assert_eq!(answer.expect("an answer").status, 200);
    drop(third.stop().await);
}

#[tokio::test]
async fn a_folder_belongs_to_one_process() {
    let scene = Scene::new("SYNC", Subscriber::always(Reply::json(200, "{}")).await).await;
    let data = scene.service.setup.data();
    let arguments = [
        "all",
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().expect("text"),
    ];
    let output = scene
        .service
        .setup
        .command(&arguments)
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("in use"), "{said}");
    assert_eq!(
        scene.run().await["outcome"],
        "COMPLETED",
        "the first one does not notice"
    );
}

#[tokio::test]
async fn a_restart_keeps_subscriptions_credentials_and_results() {
    let bearer = json!({"httpConfig": {"httpAuthenticationType": "BEARER_TOKEN",
        "bearerTokenAuthConfig": {"bearerToken": "t0ken"}}});
    let subscriber = Subscriber::always(Reply::json(200, r#"{"ok":1}"#)).await;
    let mut scene = Scene::with(Setup::new(), "SYNC", subscriber, bearer).await;
    let first = scene.run().await;
    scene.service = scene.service.stop().await.start().await;
    let id = first["id"].as_str().expect("an id");
    assert_eq!(scene.service.api.invocation(id).await, first);
    let second = scene.run().await;
    assert_eq!(second["outcome"], "COMPLETED");
    let calls = scene.subscriber.calls();
    assert!(
        calls
            .iter()
            .all(|call| call.header("authorization") == "Bearer t0ken")
    );
    assert_eq!(
        (calls.len(), scene.service.completions().await.len()),
        (2, 2)
    );
}
