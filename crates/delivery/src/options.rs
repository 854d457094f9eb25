//! Settings of a [`crate::Caller`], and why one can't be made of them.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use ipnet::IpNet;

/// The shortest and the longest limit of a call.
pub(crate) const LIMITS: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_hours(1);

/// How subscribers are called.
#[derive(Clone, Debug)]
pub struct Options {
    /// For one call in all: finding the address, connecting, sending, head and
    /// body of the answer. The reference's limit is 10 s (reference 6.3).
    pub limit: Duration,
    /// The largest body of an answer, in bytes; reading stops there.
    pub answer_bytes_max: usize,
    /// Networks that may be called although they are private or reserved.
    pub allow_networks: Vec<IpNet>,
    /// Value of `user-agent`.
    pub user_agent: String,
    /// Connections kept open per host and port while no call needs them.
    pub idle_connections_max: usize,
    /// How long they are kept. Below the 5 s after which many servers close idle
    /// connections, so that a call seldom meets one that is being closed.
    pub idle_connection_timeout: Duration,
    /// Name of the header with the number of triggers in the chain of causes.
    pub depth_header: String,
    /// A PEM file of certificate authorities that are trusted beside those of the
    /// system.
    pub extra_ca_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(10),
            answer_bytes_max: 1024 * 1024,
            allow_networks: Vec::new(),
            user_agent: concat!("triggerfish/", env!("CARGO_PKG_VERSION")).to_owned(),
            idle_connections_max: 1024,
            idle_connection_timeout: Duration::from_secs(4),
            depth_header: "triggerfish-depth".to_owned(),
            extra_ca_file: None,
        }
    }
}

/// The options do not make a caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A limit that would fail every call, or none.
    #[error("limit of a call must lie between 1 ms and 1 h")]
    Limit,
    /// Not a header value.
    #[error("user_agent is not a header value: use visible ASCII characters")]
    UserAgent,
    /// Not a header name.
    #[error("depth_header {0:?} is not a header name")]
    DepthHeader(String),
    /// The file of certificate authorities can't be read.
    #[error("extra_ca_file {path} can't be read as PEM certificates")]
    ExtraCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The file of certificate authorities has a certificate that is none.
    #[error("extra_ca_file {path} has a certificate that can't be used")]
    ExtraCaCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The file of certificate authorities has no certificate.
    #[error("extra_ca_file {path} has no certificate: expected PEM with BEGIN CERTIFICATE")]
    ExtraCaEmpty {
        /// The file.
        path: PathBuf,
    },
    /// No protocol versions that the cryptography supports.
    #[error("TLS can't be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client refused its settings.
    #[error("the HTTP client can't be set up")]
    Client(#[source] reqwest::Error),
}
