//! Whom we trust.
//!
//! The system's certificate authorities, so that what the operator installed or
//! removed counts; where there are none, as in an image of nothing but the binary,
//! Mozilla's list that is compiled in. `SSL_CERT_FILE` and `SSL_CERT_DIR` are
//! honoured as the place of the system's.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::options::Error;

/// TLS settings with HTTP/2 and HTTP/1.1 offered, in this order.
pub(crate) fn client_config(extra_ca_file: Option<&Path>) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = extra_ca_file {
        add_file(&mut roots, path)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), Error> {
    let unreadable = |source| Error::ExtraCa {
        path: path.to_owned(),
        source,
    };
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let added = roots.add(certificate.map_err(unreadable)?);
        added.map_err(|source| Error::ExtraCaCertificate {
            path: path.to_owned(),
            source,
        })?;
    }
    if roots.len() == before {
        return Err(Error::ExtraCaEmpty {
            path: path.to_owned(),
        });
    }
    Ok(())
}
