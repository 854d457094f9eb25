//! `docker-compose.yml` as `docker compose` reads it, without an engine.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::binary::workspace;
use crate::tool::{run, said};

/// The project that the file describes, with all defaults filled in.
#[derive(Clone, Debug, Deserialize)]
pub struct Project {
    /// By name.
    pub services: BTreeMap<String, Service>,
    /// By name.
    pub networks: BTreeMap<String, Value>,
}

/// One service of the project.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    /// Its image.
    pub image: String,
    /// What its containers run, after the entry point.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// Variables of its containers; one without a value comes from outside.
    #[serde(default)]
    pub environment: BTreeMap<String, Option<String>>,
    /// How many containers it has, among other things.
    #[serde(default)]
    pub deploy: Value,
    /// Networks that it is in.
    #[serde(default)]
    pub networks: BTreeMap<String, Value>,
    /// What is mounted into it.
    #[serde(default)]
    pub volumes: Vec<Value>,
    /// Ports of the machine.
    #[serde(default)]
    pub ports: Vec<Value>,
    /// How long a container may take to end.
    #[serde(default)]
    pub stop_grace_period: Option<String>,
}

impl Service {
    /// The variables that have a value.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = |(name, value)| Option::<&String>::map(value, |value| (name, value.as_str()));
        let all = self.environment.iter();
        all.map(|(name, value)| (name.as_str(), value.as_ref()))
            .filter_map(set)
    }
}

/// Reads the file with the loader of `docker compose`, which checks it against the
/// schema, and checks the `Dockerfile` that it names. An error says that the loader can't
/// be built here; without one the file is looked at.
///
/// # Errors
/// If there is no Go or no way to its modules.
///
/// # Panics
/// If the file or the `Dockerfile` is wrong.
pub fn project() -> Result<&'static Project, String> {
    static PROJECT: OnceLock<Result<Project, String>> = OnceLock::new();
    PROJECT.get_or_init(load).as_ref().map_err(Clone::clone)
}

fn load() -> Result<Project, String> {
    let loader = workspace().join("target").join("compose").join("load");
    run(Command::new("go")
        .current_dir(workspace().join("tests").join("compose"))
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&loader)
        .arg("."))?;
    let output = Command::new(&loader)
        .arg(workspace().join("docker-compose.yml"))
        // Only defaults: what is set on this machine does not belong to the file.
        .env_clear()
        .output()
        .map_err(|error| format!("{}: {error}", loader.display()))?;
    assert!(output.status.success(), "{}", said(&output));
    let project = serde_json::from_slice(&output.stdout);
    Ok(project.unwrap_or_else(|error| panic!("{error}: {}", said(&output))))
}
