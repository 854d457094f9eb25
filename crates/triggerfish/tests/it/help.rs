//! The help of every command, as it was last looked at.

use crate::program::run;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/help.txt");

/// The help of a command and of all below it.
fn help(path: &[&str], text: &mut String) {
    let shown = run(&[path, &["--help"]].concat()).good();
    let line = [path, &["--help"]].concat().join(" ");
    text.extend(["$ triggerfish ", &line, "\n\n", &shown, "\n"]);
    let commands = shown.split("\nCommands:\n").nth(1).unwrap_or_default();
    let names = commands.lines().take_while(|line| !line.is_empty());
    let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for name in names.filter_map(|line| line.split_whitespace().next()) {
        if name != "help" {
            help(&[path, &[name]].concat(), text);
        }
    }
}

#[test]
fn the_help_is_as_it_was_last_looked_at() {
    let mut text = String::new();
    help(&[], &mut text);
    for command in [
        "demo",
        "all",
        "producer",
        "dispatcher",
        "completion-consumer",
        "apply",
        "callbacks",
        "start",
        "test",
        "complete",
        "status",
        "workers",
        "health",
        "tail",
        "dead-letters",
    ] {
        assert!(
            text.contains(&format!("$ triggerfish {command} --help")),
            "{command}"
        );
    }
    assert!(text.contains("$ triggerfish bench sync --help"), "{text}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &text).unwrap();
    }
    let kept = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        kept == text,
        "tests/golden/help.txt is not what the program says; look at it and run the test with \
         UPDATE_GOLDEN=1:\n{text}"
    );
}
