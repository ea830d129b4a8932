//! Certificates: read, checked, chosen by name, and read again when their files change.
mod by_name;
mod certificate;
mod der;
mod outgoing;
mod settings;

use std::fs;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ProducesTickets, ServerConfig, ServerSessionMemoryCache, StoresServerSessions};
use rustls::version::{TLS12, TLS13};

pub(crate) use certificate::{Certificate, CertificateError};
pub(crate) use outgoing::{Mistrust, Offer, Outgoing, shown_until};
pub(crate) use settings::{MinVersion, Pair, Settings, Trust};

use crate::base::Timestamp;
use by_name::ByName;
use certificate::provider;

/// How the next connection is greeted; `None`: in plain text.
pub(crate) type Greeting = Arc<ArcSwapOption<ServerConfig>>;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the cryptography library refuses")]
    Library(#[source] rustls::Error),
}

/// Holds the certificates in force. What clients keep to come back quickly outlasts a change of certificates.
#[derive(Debug)]
pub(crate) struct Keeper {
    greeting: Greeting,
    kept: Mutex<Option<Kept>>,
    /// Made with the first certificate.
    resumption: OnceLock<Resumption>,
}

#[derive(Debug)]
struct Resumption {
    tickets: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
}

/// Settings with what their files held when they were last looked at.
#[derive(Debug, Clone)]
struct Kept {
    settings: Settings,
    stamps: Vec<Stamp>,
    until: Option<Timestamp>,
}

/// Certificates that were read and fit, not yet in force.
#[derive(Debug)]
pub(crate) struct Ready(Option<(Kept, Arc<ServerConfig>)>);

impl Keeper {
    pub(crate) fn new() -> Self {
        Self { greeting: Greeting::default(), kept: Mutex::default(), resumption: OnceLock::new() }
    }

    /// What listeners greet their clients with, now and after every change.
    pub(crate) fn greeting(&self) -> Greeting {
        Arc::clone(&self.greeting)
    }

    /// When the first of the certificates in force ends.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.lock().as_ref().and_then(|kept| kept.until)
    }

    /// Reads everything the settings name; nothing changes yet.
    pub(crate) fn ready(&self, settings: Option<&Settings>) -> Result<Ready, TlsError> {
        let Some(settings) = settings else { return Ok(Ready(None)) };
        // Looked at before they are read: a change in between is seen the next time.
        let stamps = stamps(settings);
        let certificates = settings.pairs.iter().map(Certificate::read).collect::<Result<Vec<_>, _>>()?;
        let until = certificates.iter().map(|certificate| certificate.until).min();
        let config = self.config(settings.min_version, certificates)?;
        Ok(Ready(Some((Kept { settings: settings.clone(), stamps, until }, Arc::new(config)))))
    }

    /// Puts them into force for every connection that is made from now on.
    pub(crate) fn put(&self, ready: Ready) {
        let (kept, config) = ready.0.unzip();
        *self.lock() = kept;
        self.greeting.store(config);
    }

    /// Reads the files again if they changed. `None`: they did not. What cannot be used changes nothing, and is not
    /// tried again before it changes once more.
    pub(crate) fn look(&self) -> Option<Result<(), TlsError>> {
        let settings = {
            let mut kept = self.lock();
            let kept = kept.as_mut()?;
            let now = stamps(&kept.settings);
            if now == kept.stamps {
                return None;
            }
            kept.stamps = now;
            kept.settings.clone()
        };
        Some(self.ready(Some(&settings)).map(|ready| self.put(ready)))
    }

    fn config(&self, least: MinVersion, certificates: Vec<Certificate>) -> Result<ServerConfig, TlsError> {
        let versions: &[_] = match least {
            MinVersion::Tls12 => &[&TLS13, &TLS12],
            MinVersion::Tls13 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(serving()).with_protocol_versions(versions);
        let mut config = builder
            .map_err(TlsError::Library)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ByName::new(certificates)));
        // Ours, whatever a client would rather have. It costs those few that have no AES in hardware and would be quicker with
        // ChaCha20: rustls knows no preference that depends on theirs.
        config.ignore_client_order = true;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let resumption = self.resumption()?;
        config.ticketer = Arc::clone(&resumption.tickets);
        config.session_storage = Arc::clone(&resumption.sessions);
        Ok(config)
    }

    fn resumption(&self) -> Result<&Resumption, TlsError> {
        if let Some(made) = self.resumption.get() {
            return Ok(made);
        }
        let tickets = Ticketer::new().map_err(TlsError::Library)?;
        Ok(self.resumption.get_or_init(|| Resumption { tickets, sessions: ServerSessionMemoryCache::new(SESSIONS) }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The suites in the order of RFC 8446, section 9.1: first the one that all must have. Browsers ask for it first as well, and a
/// handshake with it costs a tenth less, because processors have instructions for SHA-256 and none for SHA-384.
fn serving() -> Arc<CryptoProvider> {
    let mut serving = CryptoProvider::clone(&provider());
    serving.cipher_suites.sort_by_key(|suite| {
        !matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    });
    Arc::new(serving)
}

/// What tells that a file was replaced or written to; links are followed, as key stores swap them.
type Stamp = Option<(SystemTime, u64, u64)>;

fn stamps(settings: &Settings) -> Vec<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let files = settings.pairs.iter().flat_map(|pair| [&pair.cert, &pair.key]);
    let stamp = |meta: fs::Metadata| Some((meta.modified().ok()?, meta.len(), meta.ino()));
    files.map(|file| fs::metadata(file).ok().and_then(stamp)).collect()
}

/// Sessions of TLS 1.2 clients that take no tickets.
const SESSIONS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn shipped(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
    }

    #[test]
    fn changed_files_are_read_again_and_bad_ones_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let pair = Pair { cert: folder.path().join("c.pem"), key: folder.path().join("c.key") };
        let take = |name: &str, to: &Path| assert!(fs::copy(shipped(name), to).is_ok());
        take("site.pem", &pair.cert);
        take("site.key", &pair.key);
        let settings = Settings { pairs: vec![pair.clone()], min_version: MinVersion::Tls12, redirect_http: None };
        let keeper = Keeper::new();
        keeper.put(keeper.ready(Some(&settings)).unwrap());
        let first = keeper.greeting().load_full().unwrap();
        assert!(keeper.look().is_none());
        take("other.pem", &pair.cert);
        assert!(matches!(keeper.look(), Some(Err(TlsError::Certificate(CertificateError::Mismatch { .. })))));
        assert!(Arc::ptr_eq(&first, &keeper.greeting().load_full().unwrap()));
        assert!(keeper.look().is_none(), "not tried again before it changes");
        fs::remove_file(&pair.key).unwrap();
        take("other.key", &pair.key);
        assert!(matches!(keeper.look(), Some(Ok(()))));
        assert!(!Arc::ptr_eq(&first, &keeper.greeting().load_full().unwrap()));
        keeper.put(keeper.ready(None).unwrap());
        assert!(keeper.greeting().load_full().is_none() && keeper.until().is_none());
    }
}
