//! Asks a broker which nodes are there: one Metadata request, spoken by hand.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);
/// Size, API key 3, version 4, correlation id 0, client id "ready", no topics, none made.
const METADATA: &[u8] = b"\0\0\0\x14\0\x03\0\x04\0\0\0\0\0\x05ready\0\0\0\0\0";
/// An answer without topics is far smaller; anything else is not a broker.
const ANSWER_MAX: usize = 64 * 1024;

/// The nodes that the broker at `port` says are in service. A broker is in this list
/// when the controller lets clients use it.
pub(crate) fn nodes(port: u16) -> io::Result<Vec<i32>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    // While nobody listens, the system may give a connection to a port that it gives to
    // outgoing ones that very port: it then talks to itself and keeps the broker out.
    if stream.local_addr()? == address {
        return Err(strange());
    }
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(METADATA)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = usize::try_from(i32::from_be_bytes(size)).unwrap_or(usize::MAX);
    if size > ANSWER_MAX {
        return Err(strange());
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer)?;
    read(&answer).ok_or_else(strange)
}

fn strange() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not the answer of a broker")
}

/// Correlation id, throttle time, then for each node its id, host, port and rack.
fn read(answer: &[u8]) -> Option<Vec<i32>> {
    let mut rest = answer.get(8..)?;
    let count = i32::from_be_bytes(take(&mut rest)?);
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(i32::from_be_bytes(take(&mut rest)?));
        skip_text(&mut rest)?;
        let _port: [u8; 4] = take(&mut rest)?;
        skip_text(&mut rest)?;
    }
    Some(nodes)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

/// A text begins with its length; no text at all has the length -1.
fn skip_text(rest: &mut &[u8]) -> Option<()> {
    let length = i16::from_be_bytes(take(rest)?);
    *rest = rest.get(usize::try_from(length.max(0)).ok()?..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{METADATA, read};

    /// What Kafka 4.2 sent.
    const ANSWER: &[u8] =
        b"\0\0\0\x07\0\0\0\0\0\0\0\x01\0\0\0\x01\0\x09127.0.0.1\0\0\x52\x09\xff\xff\
        \0\x160123456789abcdef01234A\0\0\0\x01\0\0\0\0";

    #[test]
    fn an_answer_is_read() {
        assert_eq!(read(ANSWER), Some(vec![1]));
        for length in 0..33 {
            assert_eq!(read(&ANSWER[..length]), None, "cut after {length}");
        }
    }

    #[test]
    fn the_request_says_its_size() {
        let size = u32::from_be_bytes(METADATA[..4].try_into().unwrap());
        assert_eq!(usize::try_from(size).unwrap(), METADATA.len() - 4);
    }
}
