//! The console in a real Chromium: each test starts a service and hands it to the tests of
//! one file in `tests/console`, which Playwright's runner runs.

use std::path::PathBuf;
use std::process::Command;

use triggerfish_tests::binary::workspace;
use triggerfish_tests::service::CLIENT;
use triggerfish_tests::tool::{or_skip, run, said};
use triggerfish_tests::{Setup, npm, upstream};

/// Names another browser than the first Chromium in the path.
const CHROMIUM: &str = "CHROMIUM";
const NAMES: [&str; 2] = ["chromium", "chromium-browser"];

/// What the tests in the browser are run with.
struct Browser {
    folder: PathBuf,
    chromium: PathBuf,
}

impl Browser {
    fn find() -> Result<Self, String> {
        let named = std::env::var_os(CHROMIUM).filter(|name| !name.is_empty());
        let chromium = named.map(PathBuf::from).or_else(|| {
            let path = std::env::var_os("PATH")?;
            let mut folders = std::env::split_paths(&path);
            folders.find_map(|folder| {
                let mut found = NAMES.iter().map(|name| folder.join(name));
                found.find(|file| file.is_file())
            })
        });
        let chromium =
            chromium.ok_or("there is no Chromium: install it, or name it in CHROMIUM")?;
        run(Command::new(&chromium).arg("--version"))?;
        let folder = npm::installed("console")?;
        Ok(Self { folder, chromium })
    }

    /// Runs the tests of one file against a service.
    fn run(&self, file: &str, setup: &Setup) -> Result<(), String> {
        let output = Command::new("node")
            .current_dir(&self.folder)
            .args(["node_modules/@playwright/test/cli.js", "test", file])
            .env("CHROMIUM", &self.chromium)
            .env("CONSOLE_TEST_OUTPUT", output_folder(file))
            .env("SERVICE_URL", setup.url())
            .env("CLIENT_ID", CLIENT.0)
            .env("CLIENT_SECRET", CLIENT.1)
            .env("ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("VIEWER_PASSWORD", VIEWER_PASSWORD)
            .envs(pictures_folder().map(|folder| ("PICTURES", folder)))
            .output()
            .map_err(|error| format!("node: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(said(&output))
    }
}

/// Where pictures of failed tests are kept.
fn output_folder(file: &str) -> PathBuf {
    workspace().join("target").join("console").join(file)
}

/// Where the pictures of the documentation are, if they are to be taken anew.
fn pictures_folder() -> Option<PathBuf> {
    let is_wanted = std::env::var_os("UPDATE_GOLDEN").is_some();
    is_wanted.then(|| workspace().join("docs").join("images"))
}

/// Passwords of the console, beside the API client.
const ADMIN_PASSWORD: &str = "a-password-of-admins-0815";
const VIEWER_PASSWORD: &str = "a-password-of-viewers-0815";

fn setup() -> Setup {
    Setup::new()
        .set("console.admin_password", ADMIN_PASSWORD)
        .set("console.viewer_password", VIEWER_PASSWORD)
}

/// The browser, or nothing, said aloud, where there is none.
async fn browser() -> Option<Browser> {
    let found = tokio::task::spawn_blocking(Browser::find).await;
    or_skip("the console", found.expect("no panic"))
}

/// Runs the tests of a file against a service of their own.
async fn drive(file: &'static str, setup: Setup) {
    let Some(browser) = browser().await else {
        return;
    };
    let service = setup.start().await;
    let ran = tokio::task::spawn_blocking(move || browser.run(file, &setup)).await;
    if let Err(said) = ran.expect("no panic") {
        panic!("{file}\n{said}");
    }
    drop(service.stop().await);
}

macro_rules! files {
    ($($name:ident: $file:literal;)+) => {
        $(#[tokio::test]
        async fn $name() {
            drive($file, setup()).await;
        })+
    };
}

files! {
    accessibility: "access.spec.mjs";
    activity_log: "activity.spec.mjs";
    callbacks: "callbacks.spec.mjs";
    keyboard: "keyboard.spec.mjs";
    many_rows: "many-rows.spec.mjs";
    object_types: "object-types.spec.mjs";
    overview: "overview.spec.mjs";
    pictures: "pictures.spec.mjs";
    signing_in: "sign-in.spec.mjs";
    triggers: "triggers.spec.mjs";
    workers: "workers.spec.mjs";
}

/// Whoever fails for a second is disabled.
#[tokio::test]
async fn subscriptions() {
    let setup = setup().set("delivery.disable_after", "PT1S");
    drive("subscriptions.spec.mjs", setup).await;
}

/// Dead letters come from upstream: one that nobody can read, and one of a trigger that
/// is declared only later.
#[tokio::test]
async fn dead_letters() {
    let setup = setup();
    drop(setup.start().await.stop().await);
    let early = r#"{"triggerId":"acme:later","id":"early-1","input":{"order":7}}"#;
    upstream::put(&setup.data(), "nonsense", &b"no \xff event"[..], vec![]).await;
    upstream::put(&setup.data(), "early", early, vec![]).await;
    drive("dead-letters.spec.mjs", setup).await;
}
