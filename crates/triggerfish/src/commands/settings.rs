//! Settings of the process from its command line.

use triggerfish_ops::config::{self, Flag, Loaded, Sources};

use crate::args::ServiceArgs;

/// Reads file, environment and flags.
pub(super) fn load(args: &ServiceArgs) -> anyhow::Result<Loaded> {
    let flag = |name, key, value: Option<String>| value.map(|value| Flag { name, key, value });
    let data = args.data.as_ref().map(|path| path.display().to_string());
    let listen = args.listen.map(|address| address.to_string());
    let flags = [
        flag("--data", "storage.data_dir", data),
        flag("--listen", "api.listen", listen),
    ];
    let sources = Sources::of_process(args.config.clone(), flags.into_iter().flatten().collect());
    Ok(config::load(&sources)?)
}
