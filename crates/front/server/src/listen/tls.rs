//! The user's certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use webpki::{EndEntityCert, KeyUsage};

use crate::options::TlsFiles;

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
    config: ArcSwap<Loaded>,
}

/// The certificate and key as read from the files.
#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// The certificate, and then those that prove it.
    chain: Vec<CertificateDer<'static>>,
}

/// A certificate that expires within this time is reported.
const SOON: Duration = Duration::from_hours(14 * 24);

impl Tls {
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let config = ArcSwap::from_pointee(config(&files)?);
        Ok(Self { files, config })
    }

    /// Reads the files again; where that fails the earlier certificate stays.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        self.config.store(Arc::new(config(&self.files)?));
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.load().config))
    }

    /// Logs each certificate of the chain that has expired, or expires soon.
    pub(crate) fn report_expiry(&self, now: Timestamp) {
        let (path, hint) = (self.files.certificate.display(), "replace the files, then send the broker SIGHUP");
        for (place, certificate) in self.config.load().chain.iter().enumerate() {
            let Some(end) = expiry_before(certificate, now + SOON) else { continue };
            let (place, has_expired, end) = (place + 1, end < now, format!("{end:.0}"));
            // A client may know another way to its authority than an issuer that has expired.
            match (place, has_expired) {
                (1, true) => {
                    tracing::error!(%path, expired = end, hint, "the TLS certificate has expired: clients refuse the connection");
                }
                (1, false) => tracing::warn!(%path, expires = end, hint, "the TLS certificate expires within 14 days"),
                (_, true) => tracing::error!(
                    %path, place, expired = end, hint,
                    "an issuer in the file of the TLS certificate has expired: clients may refuse the connection"
                ),
                (_, false) => tracing::warn!(
                    %path, place, expires = end, hint,
                    "an issuer in the file of the TLS certificate expires within 14 days"
                ),
            }
        }
    }
}

/// When a certificate expires, if that is before `moment`.
fn expiry_before(certificate: &CertificateDer<'_>, moment: Timestamp) -> Option<Timestamp> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let seconds = u64::try_from(moment.as_second()).ok()?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    // Nothing is trusted here: the validity is checked before the chain.
    let checked = certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None);
    let Err(webpki::Error::CertExpired { not_after, .. }) = checked else { return None };
    i64::try_from(not_after.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
}

fn config(files: &TlsFiles) -> Result<Loaded, TlsError> {
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
        .with_single_cert(chain.clone(), key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch,
            error => TlsError::Unusable(error),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { config: Arc::new(config), chain })
}

fn is_exposed(key: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(key).is_ok_and(|found| found.permissions().mode() & 0o007 != 0)
}
