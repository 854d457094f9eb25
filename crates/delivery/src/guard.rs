//! Which addresses may be called.
//!
//! A subscriber's URL comes from outside. Without a guard it could name the
//! metadata service of a cloud, a database next door or Triggerfish itself.
//! Literal addresses are vetted here, when a subscription is saved and before a
//! process calls one (`targets`), since no resolver is asked for them; names are
//! vetted after resolution, at every connection (`resolve`). Tables: the
//! special-purpose registries of IANA (RFC 6890).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// The longest URL of a subscriber, in bytes.
pub const URL_BYTES_MAX: usize = 2048;

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

const BLOCKED_V4: [(Ipv4Net, &str); 15] = [
    (v4(0, 0, 0, 8), "unspecified"),
    (v4(10, 0, 0, 8), "private"),
    (v4(100, 64, 0, 10), "carrier-grade NAT"),
    (v4(127, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 16), "link-local"),
    (v4(172, 16, 0, 12), "private"),
    (v4(192, 0, 0, 24), "protocol assignments"),
    (v4(192, 0, 2, 24), "documentation"),
    (v4(192, 88, 99, 24), "6to4 relays"),
    (v4(192, 168, 0, 16), "private"),
    (v4(198, 18, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 24), "documentation"),
    (v4(203, 0, 113, 24), "documentation"),
    (v4(224, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 4), "reserved"),
];

/// Blocked inside and outside the global range; what is in neither is reserved.
const BLOCKED_V6: [(Ipv6Net, &str); 9] = [
    (v6(0, 0, 128), "unspecified"),
    (v6(0xfc00, 0, 7), "unique local"),
    (v6(0xfe80, 0, 10), "link-local"),
    (v6(0xfec0, 0, 10), "site-local"),
    (v6(0xff00, 0, 8), "multicast"),
    (v6(0x64, 0xff9b, 32), "local NAT64"),
    (v6(0x2001, 0, 23), "protocol assignments"),
    (v6(0x2001, 0xdb8, 32), "documentation"),
    (v6(0x3fff, 0, 20), "documentation"),
];
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 16);

/// Why `ip` is not a place on the public internet, if it is not.
fn blocked_as(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => blocked_v4(ip),
        IpAddr::V6(ip) => blocked_v6(ip),
    }
}

fn blocked_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let found = BLOCKED_V4.iter().find(|(network, _)| network.contains(&ip));
    found.map(|(_, name)| *name)
}

fn blocked_v6(ip: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = carried_v4(ip) {
        return blocked_v4(inner);
    }
    if ip.is_loopback() {
        return Some("loopback");
    }
    let found = BLOCKED_V6.iter().find(|(network, _)| network.contains(&ip));
    match found {
        Some((_, name)) => Some(name),
        None if GLOBAL_V6.contains(&ip) => None,
        None => Some("reserved"),
    }
}

/// The IPv4 address that traffic to `ip` ends at: mapped, NAT64 (RFC 6052) or 6to4
/// (RFC 3056).
fn carried_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = ip.octets();
    let at = |from: usize| {
        Ipv4Addr::new(
            octets[from],
            octets[from + 1],
            octets[from + 2],
            octets[from + 3],
        )
    };
    if NAT64.contains(&ip) {
        Some(at(12))
    } else if SIX_TO_FOUR.contains(&ip) {
        Some(at(2))
    } else {
        ip.to_ipv4_mapped()
    }
}

/// Tells allowed addresses from blocked ones. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allow: Arc<[IpNet]>,
}

impl Guard {
    /// Blocks everything but the public internet and the networks in `allow`.
    #[must_use]
    pub fn new(allow: &[IpNet]) -> Self {
        Self {
            allow: allow.into(),
        }
    }

    /// Whether `ip` may be called.
    #[must_use]
    pub fn allows(&self, ip: IpAddr) -> bool {
        self.vet(ip).is_ok()
    }

    /// The name of the blocked range when `ip` may not be called.
    fn vet(&self, ip: IpAddr) -> Result<(), &'static str> {
        let Some(name) = blocked_as(ip) else {
            return Ok(());
        };
        let plain = ip.to_canonical();
        let allowed = |network: &IpNet| network.contains(&ip) || network.contains(&plain);
        if self.allow.iter().any(allowed) {
            return Ok(());
        }
        Err(name)
    }

    fn vet_literal(&self, ip: IpAddr) -> Result<(), UrlError> {
        self.vet(ip).map_err(|range| UrlError::Blocked {
            address: ip.to_string(),
            range,
        })
    }

    /// `localhost` is loopback by RFC 6761, so it can be judged before any lookup.
    fn vet_name(&self, name: &str) -> Result<(), UrlError> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let allowed = || {
            self.allows(IpAddr::V4(Ipv4Addr::LOCALHOST))
                || self.allows(IpAddr::V6(Ipv6Addr::LOCALHOST))
        };
        if is_local && !allowed() {
            return Err(UrlError::Blocked {
                address: name.to_owned(),
                range: "loopback",
            });
        }
        Ok(())
    }
}

/// The text is not the URL of a subscriber. Messages never repeat the text, which
/// may hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Longer than [`URL_BYTES_MAX`].
    #[error("url is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// Not a URL.
    #[error("url is not a URL: {0}")]
    Malformed(url::ParseError),
    /// Neither `http` nor `https`.
    #[error("url must begin with https:// or http://")]
    Scheme,
    /// User or password in the URL.
    #[error("url must not hold a user or password: use the subscription's authentication instead")]
    Credentials,
    /// No host.
    #[error("url has no host")]
    NoHost,
    /// An address that may not be called.
    #[error("{address} is not allowed ({range}): use a public address or add it to allow_networks")]
    Blocked {
        /// The address as it was understood.
        address: String,
        /// What kind of address it is.
        range: &'static str,
    },
}

/// The URL of a subscriber, if it may be called. Names are not resolved here: what
/// they mean can change until the call, and is vetted then.
pub fn check_url(text: &str, guard: &Guard) -> Result<Url, UrlError> {
    if text.len() > URL_BYTES_MAX {
        return Err(UrlError::TooLong);
    }
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::EmptyHost => UrlError::NoHost,
        url::ParseError::RelativeUrlWithoutBase => UrlError::Scheme,
        other => UrlError::Malformed(other),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    match url.host().ok_or(UrlError::NoHost)? {
        Host::Ipv4(ip) => guard.vet_literal(IpAddr::V4(ip))?,
        Host::Ipv6(ip) => guard.vet_literal(IpAddr::V6(ip))?,
        Host::Domain(name) => guard.vet_name(name)?,
    }
    Ok(url)
}
