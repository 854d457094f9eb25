//! `triggerfish verify`

use std::process::ExitCode;

use serde_json::json;
use triggerfish_runtime::verify;
use triggerfish_view::WipeReason;

use super::{print, settings};
use crate::{
    args::VerifyArgs,
    service::{Duty, Process, VIEW_FOLDERS, topics_of, view_settings},
};

/// A view differs from its log.
const DIFFERS: u8 = 3;

pub(super) async fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let loaded = settings::load(&args.service)?;
    let config = &loaded.config;
    let process = Process::open(config, Duty::ALL).await?;
    let mut compared = Vec::new();
    for folder in VIEW_FOLDERS {
        let place = verify::Place {
            views: config.storage.data_dir.join(folder),
            cluster: process.cluster.clone(),
            topics: topics_of(config),
            settings: view_settings(config),
        };
        let found = verify::verify(&process.log, &place).await;
        compared.extend(found?.into_iter().map(|found| (folder, found)));
    }
    process.log.close().await;
    let equal = compared.iter().all(|(_, row)| row.is_equal());
    if args.json {
        let rows = compared.iter().map(|(folder, row)| {
            json!({
                "views": folder,
                "partition": row.partition.0,
                "position": row.position,
                "wiped": row.wiped.map(WipeReason::as_str),
                "view": hex(&row.view),
                "rebuilt": hex(&row.rebuilt),
                "equal": row.is_equal(),
            })
        });
        print(format_args!("{:#}", rows.collect::<serde_json::Value>()));
    } else {
        for (folder, row) in &compared {
            let verdict = if row.is_equal() { "equal" } else { "DIFFERS" };
            let (partition, position) = (row.partition, row.position);
            print(format_args!(
                "{folder}: partition {partition} at {position}: {verdict}"
            ));
            print(format_args!("  view     {}", hex(&row.view)));
            print(format_args!("  rebuilt  {}", hex(&row.rebuilt)));
        }
    }
    Ok(if equal {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DIFFERS)
    })
}

fn hex(digest: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    digest
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
