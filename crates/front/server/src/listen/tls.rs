//! The user's certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate and its chain, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds nothing of the kind.
    #[error("{} holds no {what}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The item that is missing.
        what: &'static str,
        /// Why it was not found.
        why: String,
    },
    /// Others can read the key.
    #[error("others can read {}", .0.display())]
    Exposed(PathBuf),
    /// The key is another certificate's.
    #[error("the key is not that of the certificate")]
    Mismatch,
    /// They are of a kind that is not known.
    #[error("the certificate cannot be used: {0}")]
    Unusable(rustls::Error),
}

/// The certificate in use; replaced while connections go on.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
}

impl Tls {
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let config = ArcSwap::from(config(&files)?);
        Ok(Self { files, config })
    }

    /// Reads the files again; where that fails the earlier certificate stays.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        self.config.store(config(&self.files)?);
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }
}

fn config(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    for path in [&files.certificate, &files.key] {
        if let Err(source) = std::fs::File::open(path) {
            return Err(TlsError::Unreadable { path: path.clone(), source });
        }
    }
    let nothing = |path: &Path, what, why: &dyn std::fmt::Display| TlsError::File {
        path: path.to_owned(),
        what,
        why: why.to_string(),
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| nothing(&files.certificate, "certificate", &error))?;
    if chain.is_empty() {
        return Err(nothing(&files.certificate, "certificate", &io::Error::from(io::ErrorKind::UnexpectedEof)));
    }
    if is_exposed(&files.key) {
        return Err(TlsError::Exposed(files.key.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| nothing(&files.key, "private key", &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch,
            error => TlsError::Unusable(error),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn is_exposed(key: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(key).is_ok_and(|found| found.permissions().mode() & 0o007 != 0)
}
