//! The suite that every engine runs from its own tests.
