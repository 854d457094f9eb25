//! How many files and sockets the process may have open.
//!
//! Every call in flight has a socket. Many systems begin with a limit of 1024, below what may
//! be in flight, for the sake of old programs that could not go beyond it; what the system
//! really allows is the hard limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what the system allows, and gives it; `None` is no limit.
pub fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        // Some systems have a further bound of their own; what there is has to do.
        Err(_) => current,
    }
}
