//! The code as a whole: which crate may know which, who may name which foreign crate, and
//! how long a file may grow. A new arrow is a decision: make it here, knowingly.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use triggerfish_tests::binary::workspace;

/// Who may depend on whom, in what is shipped. The program may depend on everything.
const ARROWS: [(&str, &[&str]); 20] = [
    ("core", &[]),
    ("test-broker", &[]),
    ("log", &[]),
    ("filter", &[]),
    ("wire", &["core"]),
    ("ops", &["core"]),
    ("delivery", &["core"]),
    ("model", &["core"]),
    ("log-embedded", &["log"]),
    ("log-kafka", &["log"]),
    ("view", &["core", "wire"]),
    ("registry", &["core", "filter", "log"]),
    ("api", &["core", "registry", "filter", "wire"]),
    ("console", &["core", "registry", "api"]),
    ("runtime", &["core", "wire", "log", "view", "ops"]),
    (
        "peers",
        &["core", "wire", "log", "view", "ops", "api", "runtime"],
    ),
    (
        "producer",
        &[
            "core", "wire", "log", "registry", "filter", "api", "runtime", "ops", "peers",
        ],
    ),
    (
        "dispatcher",
        &[
            "core", "log", "runtime", "view", "delivery", "registry", "ops",
        ],
    ),
    (
        "completion",
        &[
            "core", "wire", "log", "runtime", "view", "registry", "api", "ops", "peers",
        ],
    ),
    (
        "simulator",
        &[
            "core",
            "wire",
            "log",
            "runtime",
            "view",
            "registry",
            "api",
            "ops",
            "peers",
            "delivery",
            "producer",
            "dispatcher",
            "completion",
        ],
    ),
];

/// What only tests may depend on, and features that only they may ask for.
const OF_TESTS: [&str; 2] = ["simulator", "test-broker"];
const FEATURES_OF_TESTS: [&str; 4] = ["faults", "testing", "conformance", "test-util"];

/// Who alone may name a foreign crate that decides how the system is built.
const OWNERS: [(&str, &[&str]); 9] = [
    ("rdkafka", &["log-kafka"]),
    ("sled", &["view"]),
    ("fjall", &["log-embedded"]),
    ("reqwest", &["delivery", "peers", "triggerfish", "tests"]),
    (
        "axum",
        &["api", "console", "ops", "peers", "simulator", "triggerfish"],
    ),
    ("prost", &["wire"]),
    ("utoipa", &["api"]),
    ("stateright", &["model"]),
    ("libfuzzer-sys", &["fuzz"]),
];

const PROGRAM: &str = "triggerfish";
/// They may know everybody, and nobody may know them.
const UNSHIPPED: [&str; 2] = ["fuzz", "tests"];
const LINES_MAX: usize = 500;

struct Package {
    name: String,
    folder: PathBuf,
    /// What is shipped depends on these.
    shipped: BTreeSet<String>,
    /// And with these features.
    features: BTreeSet<String>,
}

/// The crate's name without the project's.
fn short(name: &str) -> &str {
    name.strip_prefix("triggerfish-").unwrap_or(name)
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let packages = metadata["packages"].as_array().expect("a list").iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a list").iter();
            let shipped = dependencies.filter(|one| one["kind"] != "dev");
            let features = shipped.clone().filter_map(|one| one["features"].as_array());
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            Package {
                name: short(&text(&package["name"])).to_owned(),
                folder: manifest.parent().expect("a folder").to_owned(),
                shipped: shipped
                    .map(|one| short(&text(&one["name"])).to_owned())
                    .collect(),
                features: features.flatten().map(&text).collect(),
            }
        })
        .collect()
}

#[test]
fn arrows_point_one_way() {
    let packages = packages();
    let own: BTreeSet<&str> = packages.iter().map(|package| &*package.name).collect();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|package| package.name != PROGRAM) {
        if UNSHIPPED.contains(&&*package.name) {
            continue;
        }
        let Some(allowed) = allowed.get(&*package.name) else {
            wrong.push(format!(
                "{} is new: say in ARROWS what it may depend on",
                package.name
            ));
            continue;
        };
        for to in package.shipped.iter().filter(|to| own.contains(&***to)) {
            if !allowed.contains(&&**to) {
                wrong.push(format!("{} -> {to} is not allowed", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (from, allowed) in ARROWS {
        assert!(own.contains(from), "{from} is gone: take it out of ARROWS");
        let below = |to: &str| ARROWS.iter().position(|(name, _)| *name == to);
        assert!(
            allowed.iter().all(|to| below(to) < below(from)),
            "{from} stands above what it depends on: ARROWS is in order, so it has no circle"
        );
    }
}

/// Whatever is built without tests has nothing that is there for tests.
#[test]
fn what_is_for_tests_is_not_shipped() {
    let mut wrong = Vec::new();
    let of_tests_alone = ["fuzz", "tests"];
    let packages = packages();
    let shipped = |package: &&Package| !of_tests_alone.contains(&&*package.name);
    for package in packages.iter().filter(shipped) {
        for of_tests in OF_TESTS {
            if package.shipped.contains(of_tests) {
                wrong.push(format!("{} depends on {of_tests}", package.name));
            }
        }
        for feature in FEATURES_OF_TESTS {
            if package.features.contains(feature) {
                wrong.push(format!("{} asks for the feature {feature}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn foreign_crates_have_their_owners() {
    let mut wrong = Vec::new();
    for package in packages() {
        for (foreign, owners) in OWNERS {
            if package.shipped.contains(foreign) && !owners.contains(&&*package.name) {
                wrong.push(format!("{} depends on {foreign}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_are_short_and_nothing_is_left_open() {
    // Put together, so that this file does not hold them.
    let left_open = [
        ["to", "do!("],
        ["unimple", "mented!("],
        ["TO", "DO"],
        ["FIX", "ME"],
        ["db", "g!("],
    ];
    let left_open = left_open.map(|parts| parts.concat());
    let mut wrong = Vec::new();
    for package in packages() {
        for file in rust_files(&package.folder) {
            let text = fs::read_to_string(&file).expect("source is text");
            let shown = file.strip_prefix(workspace()).unwrap_or(&file).display();
            let lines = shipped_lines(&file, &text);
            if lines > LINES_MAX {
                wrong.push(format!("{shown} has {lines} lines; split it by concern"));
            }
            for mark in &left_open {
                if text.contains(mark.as_str()) {
                    wrong.push(format!("{shown} has {mark}"));
                }
            }
            let name = file
                .file_stem()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if ["utils", "util", "helpers", "manager", "common", "misc"].contains(&name) {
                wrong.push(format!("{shown}: the name says nothing"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_introduces_itself_and_keeps_the_lints() {
    let mut wrong = Vec::new();
    for package in packages() {
        let manifest = fs::read_to_string(package.folder.join("Cargo.toml")).expect("a manifest");
        if !manifest.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{} has not the workspace's lints", package.name));
        }
        let roots = ["src/lib.rs", "src/main.rs"].map(|root| package.folder.join(root));
        for root in roots.iter().filter(|root| root.exists()) {
            let text = fs::read_to_string(root).expect("source is text");
            let introduction = text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .count();
            if introduction < 3 {
                wrong.push(format!("{} says too little about itself", root.display()));
            }
            if text.contains("#![allow") {
                wrong.push(format!("{} allows something everywhere", root.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Lines that are shipped: none of a file of tests, else those before the module of
/// tests.
fn shipped_lines(file: &Path, text: &str) -> usize {
    let is_of_tests = file.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        let part = part.strip_suffix(".rs").unwrap_or(&part);
        part == "tests" || part.ends_with("_tests")
    });
    if is_of_tests && !file.starts_with(workspace().join("tests").join("src")) {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines
        .windows(2)
        .position(|two| two == ["#[cfg(test)]", "mod tests {"]);
    tests.unwrap_or(lines.len())
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .expect("a folder")
            .filter_map(Result::ok)
        {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
