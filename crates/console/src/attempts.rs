//! How often somebody may try to sign in.
//!
//! Counts in fixed windows, for each address and for all together: one address must
//! not try passwords, and many must not either. Who is signed in notices nothing.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use parking_lot::Mutex;
use triggerfish_core::Timestamp;

const WINDOW: Duration = Duration::from_mins(1);
const PER_ADDRESS: u32 = 10;
const FOR_ALL: u32 = 300;

/// The counters.
#[derive(Default)]
pub(crate) struct Attempts(Mutex<Counters>);

#[derive(Default)]
struct Counters {
    since: Timestamp,
    /// No more entries than attempts of one window.
    of_address: HashMap<Option<IpAddr>, u32>,
    all: u32,
}

impl Attempts {
    /// Counts an attempt; `Err` says how long to wait.
    pub(crate) fn admit(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Duration> {
        let mut counters = self.0.lock();
        if counters.since.until(now) >= WINDOW {
            *counters = Counters {
                since: now,
                ..Counters::default()
            };
        }
        let of_address = counters.of_address.get(&address.map(network)).copied();
        if counters.all >= FOR_ALL || of_address.unwrap_or(0) >= PER_ADDRESS {
            return Err(now.until(counters.since.after(WINDOW)));
        }
        counters.all += 1;
        *counters.of_address.entry(address.map(network)).or_insert(0) += 1;
        Ok(())
    }

    /// An attempt was a good one: it does not count.
    pub(crate) fn succeeded(&self, address: Option<IpAddr>) {
        let mut counters = self.0.lock();
        counters.all = counters.all.saturating_sub(1);
        counters.of_address.remove(&address.map(network));
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn from(address: &str) -> Option<IpAddr> {
        address.parse().ok()
    }

    #[test]
    fn each_address_has_its_own_count_and_a_success_clears_it() {
        let attempts = Attempts::default();
        for _ in 0..PER_ADDRESS {
            assert!(attempts.admit(from("2001:db8::1"), at(100)).is_ok());
        }
        let wait = attempts.admit(from("2001:db8::2"), at(130));
        assert_eq!(wait, Err(Duration::from_secs(30)));
        assert!(attempts.admit(from("2001:db8:0:1::2"), at(130)).is_ok());
        attempts.succeeded(from("2001:db8::3"));
        assert!(attempts.admit(from("2001:db8::2"), at(130)).is_ok());
    }

    #[test]
    fn many_addresses_have_a_limit_too_and_it_ends() {
        let attempts = Attempts::default();
        let address = |number: u32| Some(IpAddr::from(number.to_be_bytes()));
        for number in 0..FOR_ALL {
            assert!(attempts.admit(address(number), at(100)).is_ok());
        }
        assert!(attempts.admit(address(FOR_ALL), at(159)).is_err());
        assert!(attempts.admit(address(FOR_ALL), at(160)).is_ok());
    }
}
