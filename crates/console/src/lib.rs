//! The console: pages for people, embedded in the program, and how people sign in.
//!
//! The pages are files in `ui/`, written by hand and served as they are. They call the
//! ordinary HTTP API. Who is signed in has a cookie that any process accepts, since it
//! is authenticated with the server keys; [`mount`] lays a layer around the API that
//! takes the cookie and vouches for its owner.
//!
//! It decides nothing about what may be done: the scopes of the API do. It must never
//! touch the log, and a session's cookie is never readable by a script.
//!
//! Start with [`mount`].

mod attempts;
mod cookie;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod mount;
mod origin;
mod pages;
mod session;
mod sign_in;
mod state;
mod who;

pub use mount::mount;
pub use state::{Console, Settings};
