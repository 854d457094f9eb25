//! Ports that nobody uses, and nobody takes while a broker is down.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use crate::Error;

/// Below the ports that systems give to outgoing connections. A client that tries again
/// and again to reach a killed broker would otherwise be given that very port one day,
/// talk to itself, and keep the broker from coming back.
const USABLE: Range<u16> = 15_000..32_000;

/// That many different free ports.
pub(crate) fn free(count: usize) -> Result<Vec<u16>, Error> {
    let span = USABLE.end - USABLE.start;
    // Everybody begins elsewhere, so that two processes do not choose the same ones.
    let first = u16::try_from(RandomState::new().hash_one("port") % u64::from(span))
        .expect("a rest is smaller than the divisor, which is a u16");
    // Held until all are found, so that no port is found twice.
    let mut held = Vec::with_capacity(count);
    for offset in 0..span {
        if held.len() == count {
            break;
        }
        let port = USABLE.start + (first + offset) % span;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    if held.len() < count {
        return Err(Error::NoPort {
            from: USABLE.start,
            to: USABLE.end,
        });
    }
    Ok(held.into_iter().map(|(port, _)| port).collect())
}
