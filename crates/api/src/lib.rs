//! The HTTP face of Triggerfish: the reference's operations with their exact
//! shapes, paths and codes, and what we add to them.
//!
//! It translates. It decides nothing about invocations, never touches the log, and
//! never shows a secret except the one that was just made for the caller.
//!
//! Start with [`ports`]: what it needs from the services behind it.

pub mod ports;
