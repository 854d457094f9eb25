//! The listener with TLS and SASL/SCRAM: its certificates, its user, and what a client
//! must know.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::{Error, error};

const USER: &str = "triggerfish";
/// No secret: the listener is on the loopback and its records are those of a test.
const PASSWORD: &str = "only-for-tests";
/// How brokers and clients know each other there.
pub(crate) const MECHANISM: &str = "SCRAM-SHA-512";

/// What a client needs to come in by TLS and SASL/SCRAM.
#[derive(Clone, Debug)]
pub struct Secured {
    /// Addresses of all nodes.
    pub bootstrap: String,
    /// The certificate that signed those of the brokers, as PEM.
    pub ca: PathBuf,
    /// The mechanism, by Kafka's name.
    pub mechanism: &'static str,
    /// The user.
    pub username: &'static str,
    /// The user's password.
    pub password: &'static str,
    /// All of this as properties for `--command-config` of Kafka's tools.
    pub client_properties: PathBuf,
}

impl Secured {
    /// Makes certificates and the client's properties in `folder`.
    pub(crate) fn make(folder: &Path, bootstrap: String) -> Result<Self, Error> {
        let mut authority = named(Vec::new(), "test authority")?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = named(names.into(), "test broker")?.signed_by(&key, &authority)?;
        let own = key.serialize_pem() + &certificate.pem() + &authority.pem();
        write(&key_file(folder), &own)?;
        let ca = folder.join("ca.pem");
        write(&ca, &authority.pem())?;
        let client_properties = folder.join("client.properties");
        let properties = format!(
            "security.protocol=SASL_SSL\n\
            sasl.mechanism={MECHANISM}\n\
            sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
            username=\"{USER}\" password=\"{PASSWORD}\";\n\
            ssl.truststore.type=PEM\n\
            ssl.truststore.location={}\n",
            ca.display()
        );
        write(&client_properties, &properties)?;
        Ok(Self {
            bootstrap,
            ca,
            mechanism: MECHANISM,
            username: USER,
            password: PASSWORD,
            client_properties,
        })
    }
}

/// OpenSSL takes two certificates of one name for the same.
fn named(hosts: Vec<String>, name: &str) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// What formats a node's storage with the user in it.
pub(crate) fn user() -> String {
    format!("{MECHANISM}=[name={USER},password={PASSWORD}]")
}

/// Key and certificates of all brokers.
pub(crate) fn key_file(folder: &Path) -> PathBuf {
    folder.join("broker.pem")
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(error::file(path))
}
