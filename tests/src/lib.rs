//! The harness of the end-to-end tests: the real program as a process, subscribers
//! that do as they are told and count, a small client of the HTTP API, and a reader
//! of completions that goes around the service.
//!
//! It never links the service's own code, but the embedded log's, to read what was
//! written. Start reading at [`Service`] and [`Subscriber`].

pub mod api;
pub mod binary;
pub mod completions;
pub mod compose;
pub mod kafka;
pub mod npm;
pub mod random;
pub mod service;
pub mod signature;
pub mod subscriber;
pub mod tool;
pub mod upstream;
pub mod wait;

pub use api::{Answer, Api, Started};
pub use completions::Completion;
pub use random::Random;
pub use service::{Service, Setup};
pub use subscriber::{Call, Reply, Subscriber};
pub use wait::{eventually, holds};
