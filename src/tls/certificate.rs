//! One certificate and its key: read, held against each other, and asked how long they last.
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::InconsistentKeys;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::der;
use super::settings::Pair;
use crate::base::Timestamp;

/// A pair that fits.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// When it ends.
    pub(crate) until: Timestamp,
}

/// Why a pair cannot be shown to anybody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("cannot read {}", .path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{} holds no certificate in PEM form", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} holds no private key in PEM form that is not encrypted", .0.display())]
    NoKey(PathBuf),
    #[error("the certificate in {} is malformed", .0.display())]
    Malformed(PathBuf),
    #[error("the key in {} cannot be used", .path.display())]
    Key {
        path: PathBuf,
        #[source]
        cause: rustls::Error,
    },
    #[error("the key in {} does not belong to the certificate in {}", .key.display(), .cert.display())]
    Mismatch { cert: PathBuf, key: PathBuf },
}

impl CertificateError {
    /// Whether it is the key's file that is to blame.
    pub(crate) fn is_about_key(&self, pair: &Pair) -> bool {
        match self {
            Self::Unreadable { path, .. } => *path == pair.key,
            Self::NoKey(_) | Self::Key { .. } | Self::Mismatch { .. } => true,
            Self::NoCertificate(_) | Self::Malformed(_) => false,
        }
    }
}

impl Certificate {
    pub(crate) fn read(pair: &Pair) -> Result<Self, CertificateError> {
        let chain = chain(&pair.cert)?;
        let until = chain.first().and_then(|leaf| der::not_after(leaf));
        let until = until.ok_or_else(|| CertificateError::Malformed(pair.cert.clone()))?;
        let key = private_key(&pair.key)?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|cause| {
            if matches!(cause, rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) {
                CertificateError::Mismatch { cert: pair.cert.clone(), key: pair.key.clone() }
            } else if matches!(cause, rustls::Error::InvalidCertificate(_)) {
                CertificateError::Malformed(pair.cert.clone())
            } else {
                CertificateError::Key { path: pair.key.clone(), cause }
            }
        })?;
        Ok(Self { key: Arc::new(key), until })
    }
}

/// The certificates of a PEM file, in its order: at least one.
pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let pem = contents(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| CertificateError::NoCertificate(path.to_owned()))
}

/// The first private key of a PEM file.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let pem = contents(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| CertificateError::NoKey(path.to_owned()))
}

pub(super) fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let unreadable = |cause| CertificateError::Unreadable { path: path.to_owned(), cause };
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// The one cryptography library of this program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A chain has a few KiB; a list of all public authorities a quarter of a MiB.
const MAX_FILE: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(cert: &str, key: &str) -> Pair {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates");
        Pair { cert: folder.join(cert), key: folder.join(key) }
    }

    #[test]
    fn a_pair_that_fits_says_until_when() {
        let good = Certificate::read(&pair("site.pem", "site.key")).unwrap();
        assert!(good.until > Timestamp::from_seconds(4_000_000_000));
        let expired = Certificate::read(&pair("expired.pem", "site.key")).unwrap();
        assert_eq!(expired.until, Timestamp::from_seconds(1_609_459_200));
    }

    #[test]
    fn each_way_to_be_wrong_is_told_apart() {
        for (cert, key, said) in [
            ("site.pem", "other.key", "does not belong to the certificate"),
            ("none.pem", "site.key", "cannot read"),
            ("site.pem", "none.key", "cannot read"),
            ("README.md", "site.key", "holds no certificate"),
            ("site.pem", "site.pem", "holds no private key"),
        ] {
            let error = Certificate::read(&pair(cert, key)).unwrap_err();
            assert!(error.to_string().contains(said), "{cert} {key}: {error}");
        }
    }
}
