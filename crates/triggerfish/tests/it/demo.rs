use crate::program::{program, run};

#[test]
fn the_demo_shows_a_completion_and_ends_well() {
    let out = run(&["demo"]).good();
    for part in [
        "delivery.allow_networks",
        "webhook-signature: v1,",
        "callbackURL: http://127.0.0.1:",
        "secret: ***",
        "answers 200 {}",
        "COMPLETED, contentJson {\"ticket\":\"CHG-4711\"}",
        "starts nothing",
        "answers 503",
        "attempts 2",
        "3 invocations, 3 completions",
    ] {
        assert!(out.contains(part), "{part:?} is not in:\n{out}");
    }
    assert!(
        !out.contains('\u{1b}'),
        "colours without a terminal:\n{out}"
    );
}

#[test]
fn the_demo_takes_the_first_client_from_the_environment_and_shows_no_secret() {
    let mut command = program(["demo"]);
    command
        .env("TRIGGERFISH_CLIENT_ID", "me")
        .env("TRIGGERFISH_CLIENT_SECRET", "s3cret-of-mine");
    let out = crate::program::Ran::from(command.output().unwrap()).good();
    assert!(
        !out.contains("s3cret-of-mine") && !out.contains("API client"),
        "{out}"
    );
}
