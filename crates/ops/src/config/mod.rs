//! Settings: one TOML file, the environment above it, a few flags on top.
//!
//! Every key is a field of a struct in [`sections`], with its default; the field's
//! doc comment is its reference text in `docs/configuration.md`. A key that is
//! unknown, a value that does not fit and settings that contradict each other stop
//! the start, all of them named at once with where they come from and what to do.
//!
//! Values never appear in errors or listings when their type says they are secret.
//! Start with [`load`]; how a field is found in the layers is in `reader`.

mod check;
mod effective;
mod kafka;
mod layers;
mod problem;
mod reader;
mod reference;
pub mod sections;
mod server_keys;
mod upstream;
mod value;

pub use effective::{Effective, Row};
pub use kafka::Kafka;
pub use layers::{Flag, Source, Sources, Variable};
pub use problem::{ConfigError, Problem};
pub use reference::reference;
pub use sections::{
    Api, Callbacks, Console, Delivery, Limits, Log, Retry, Security, Shutdown, Storage, Worker,
};
pub use server_keys::{MissingKey, ServerKeysError, server_keys};
pub use upstream::Upstream;
pub use value::{IsoDuration, LogFormat, Patience};

use layers::Layers;
use reader::{Reader, Section as _};

/// All settings of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `[storage]`
    pub storage: Storage,
    /// `[api]`
    pub api: Api,
    /// `[console]`
    pub console: Console,
    /// `[delivery]`
    pub delivery: Delivery,
    /// `[callbacks]`
    pub callbacks: Callbacks,
    /// `[worker]`
    pub worker: Worker,
    /// `[limits]`
    pub limits: Limits,
    /// `[security]`
    pub security: Security,
    /// `[log]`
    pub log: Log,
    /// `[shutdown]`
    pub shutdown: Shutdown,
    /// `[upstream]`
    pub upstream: Upstream,
    /// `[kafka]`
    pub kafka: Kafka,
}

/// Settings, and where each of them came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Every key with its value and source, secrets masked.
    pub effective: Effective,
}

/// Reads and checks the settings.
///
/// # Errors
/// [`ConfigError::ReadFile`] when the file can't be read,
/// [`ConfigError::Invalid`] with every problem found otherwise.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut layers = Layers::gather(sources)?;
    let mut reader = Reader::new(&mut layers);
    let config = Config::read(&mut reader);
    reader.report_unknown();
    check::check(&config, &mut reader);
    let (rows, problems) = reader.finish();
    if problems.is_empty() {
        let effective = Effective { rows };
        Ok(Loaded { config, effective })
    } else {
        Err(ConfigError::Invalid(problems))
    }
}

impl Config {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            storage: Storage::read(reader),
            api: Api::read(reader),
            console: Console::read(reader),
            delivery: Delivery::read(reader),
            callbacks: Callbacks::read(reader),
            worker: Worker::read(reader),
            limits: Limits::read(reader),
            security: Security::read(reader),
            log: Log::read(reader),
            shutdown: Shutdown::read(reader),
            upstream: Upstream::read(reader),
            kafka: Kafka::read(reader),
        }
    }
}

#[cfg(test)]
mod tests;
