//! `triggerfish config`

use std::process::ExitCode;

use super::{print, settings};
use crate::args::ConfigArgs;

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let loaded = settings::load(&args.service)?;
    if args.json {
        print(format_args!("{:#}", loaded.effective.to_json()));
    } else {
        print(&loaded.effective);
    }
    Ok(ExitCode::SUCCESS)
}
