//! The reference's official Python client, unchanged from `PyPI`, drives the service.
//!
//! Its releases are installed once, into folders below `target`. Without Python or
//! without a way to `PyPI` the tests say so and pass, except where `CI` is set.

use std::path::{Path, PathBuf};
use std::process::Command;

use triggerfish_tests::tool::{self, run, said};
use triggerfish_tests::{Reply, Service, Subscriber, binary::workspace, service::CLIENT};

/// The release with one module for each version of the API.
#[tokio::test]
async fn versions() {
    drive("versions", &["beta", "v2024", "v2025"]).await;
}

/// The newest release, which has the version behind the resource in its paths.
#[tokio::test]
async fn resources() {
    drive("resources", &["v1"]).await;
}

async fn drive(release: &'static str, modules: &'static [&'static str]) {
    let installed = tokio::task::spawn_blocking(move || installed(release)).await;
    let installed = installed.expect("the installation does not panic");
    let Some(python) = tool::or_skip("the official client", installed) else {
        return;
    };
    let service = Service::start().await;
    let subscriber = Subscriber::always(Reply::json(200, "{}")).await;
    let mut client = Command::new(python);
    client
        .arg(folder().join("test_sdk.py"))
        .args(modules)
        .env("SAIL_BASE_URL", service.setup.url())
        .env("SAIL_CLIENT_ID", CLIENT.0)
        .env("SAIL_CLIENT_SECRET", CLIENT.1)
        .env("SUBSCRIBER_URL", subscriber.url());
    let output = tokio::task::spawn_blocking(move || client.output()).await;
    let output = output.expect("no panic").expect("python can be started");
    assert!(output.status.success(), "{}", said(&output));
    drop(service.stop().await);
}

fn folder() -> PathBuf {
    workspace().join("tests").join("sdk")
}

/// The interpreter of a virtual environment with this release in it.
fn installed(release: &str) -> Result<PathBuf, String> {
    let wanted = folder().join(format!("requirements-{release}.txt"));
    let environment = workspace().join("target").join("sdk").join(release);
    let python = environment.join("bin").join("python");
    let stamp = environment.join("installed.txt");
    let content = std::fs::read(&wanted).map_err(|error| error.to_string())?;
    if std::fs::read(&stamp).is_ok_and(|known| known == content) {
        return Ok(python);
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&environment))?;
    let quiet = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ];
    run(Command::new(&python).args(quiet).arg(&wanted))?;
    write(&stamp, &content)?;
    Ok(python)
}

fn write(file: &Path, content: &[u8]) -> Result<(), String> {
    std::fs::write(file, content).map_err(|error| format!("{}: {error}", file.display()))
}
