//! The address of this host among the other processes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};

/// The address from which this host reaches the first of `bootstrap_servers`. The system is
/// asked for the way only; nothing is sent.
pub(super) fn towards(bootstrap_servers: &str) -> Option<IpAddr> {
    let first = bootstrap_servers.split(',').next()?.trim();
    // A protocol may stand in front, as in a list of listeners.
    let first = first.rsplit("://").next()?;
    let servers = first.to_socket_addrs().ok()?;
    servers.into_iter().find_map(from)
}

fn from(server: SocketAddr) -> Option<IpAddr> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_one_on_the_way_to_the_first_server() {
        let loopback = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(towards("127.0.0.1:9092,10.255.255.1:9092"), loopback);
        assert_eq!(towards("PLAINTEXT://127.0.0.1:9092"), loopback);
        assert_eq!(towards("no port"), None);
        assert_eq!(towards(""), None);
    }
}
