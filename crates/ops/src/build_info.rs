//! Which build this is.

/// The version of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, if the build was told by the environment variable
/// `TRIGGERFISH_REVISION`.
pub const REVISION: Option<&str> = option_env!("TRIGGERFISH_REVISION");

/// `0.1.0`, or `0.1.0 (4f2a91c)` when the commit is known.
#[must_use]
pub fn version() -> String {
    REVISION.map_or_else(
        || VERSION.to_owned(),
        |revision| format!("{VERSION} ({revision})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_version_and_what_it_was_built_from() {
        assert!(version().starts_with(VERSION));
        assert_eq!(version().contains('('), REVISION.is_some());
    }
}
