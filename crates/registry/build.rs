//! Writes the list of catalogue files, so that they are compiled into the binary.

use std::{
    env, fs,
    io::{self, Write as _},
    path::Path,
};

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let folder = Path::new(&root).join("catalogue");
    writeln!(io::stdout(), "cargo::rerun-if-changed={}", folder.display())?;
    let mut names: Vec<String> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.retain(|name| {
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "json")
    });
    names.sort();
    let mut list = b"&[\n".to_vec();
    for name in &names {
        let path = folder.join(name).display().to_string();
        writeln!(list, "    ({name:?}, include_str!({path:?})),")?;
    }
    list.extend_from_slice(b"]\n");
    let target = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&target).join("catalogue.rs"), list)
}
