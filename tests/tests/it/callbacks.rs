//! Callbacks: a platform asks before its actions and tells after them.

mod decisions;
mod history;
mod loops;
mod platform;
mod survives;
