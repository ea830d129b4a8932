//! TLS going out: a server's certificate is held against the authorities that count, and ours is shown where one is asked for.
use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::SingleCertAndKey;
use rustls::{
    AlertDescription, CertificateError as Rejected, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::{Certificate, CertificateError, chain, contents, provider};
use super::settings::Trust;
use super::{TlsError, der};
use crate::base::Timestamp;

/// One set of files at work; unchangeable.
#[derive(Clone)]
pub(crate) struct Outgoing {
    any: TlsConnector,
    http1: TlsConnector,
    /// Tells whether the files hold what they held before.
    mark: Vec<u8>,
}

/// Which protocols the server may choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// HTTP/2, or HTTP/1.1.
    Any,
    Http1,
}

impl Outgoing {
    /// Reads everything that is named.
    pub(crate) fn read(trust: &Trust) -> Result<Self, TlsError> {
        let config = config(trust)?;
        let with = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        Ok(Self { any: with(&[b"h2", b"http/1.1"]), http1: with(&[b"http/1.1"]), mark: mark(trust)? })
    }

    /// Whether another reading of the same settings found the same in the files.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.mark == other.mark
    }

    /// Shakes hands with `host`: a name, which is asked for (SNI), or an address.
    pub(crate) async fn shake(
        &self,
        socket: TcpStream,
        host: &str,
        offer: Offer,
    ) -> Result<TlsStream<TcpStream>, Mistrust> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| Mistrust::of(io::Error::other(error)))?;
        let connector = match offer {
            Offer::Any => &self.any,
            Offer::Http1 => &self.http1,
        };
        connector.connect(name, socket).await.map_err(Mistrust::of)
    }
}

/// When the certificate ends that the other side showed.
pub(crate) fn shown_until(stream: &TlsStream<TcpStream>) -> Option<Timestamp> {
    der::not_after(stream.get_ref().1.peer_certificates()?.first()?)
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outgoing(..)")
    }
}

/// Why the two sides do not believe each other, told by what the operator can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{cure}")]
pub(crate) struct Mistrust {
    cure: &'static str,
    #[source]
    cause: io::Error,
}

impl Mistrust {
    fn of(cause: io::Error) -> Self {
        let known = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        Self { cure: known.map_or(NO_TLS, cure), cause }
    }

    /// A server may say only after the handshake that it does not believe us.
    pub(crate) fn in_chain(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut chain = std::iter::successors(Some(error), |&error| error.source());
        let found = chain.find_map(|error| {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            error.downcast_ref().or_else(|| inner?.downcast_ref::<rustls::Error>())
        })?;
        Some(Self { cure: cure(found), cause: io::Error::other(found.clone()) })
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "both lists are open, and nothing is known about the rest")]
fn cure(error: &rustls::Error) -> &'static str {
    if let rustls::Error::InvalidCertificate(why) = error {
        return match why {
            Rejected::Expired | Rejected::ExpiredContext { .. } => "its certificate has expired: renew it there",
            Rejected::NotValidYet | Rejected::NotValidYetContext { .. } => {
                "its certificate is not valid yet: set the clocks right"
            }
            // Another authority of the same name.
            Rejected::UnknownIssuer | Rejected::BadSignature => UNKNOWN,
            // One that signed itself is an authority's as most programs make it. The library tells this by its text alone.
            Rejected::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => UNKNOWN,
            Rejected::NotValidForName | Rejected::NotValidForNameContext { .. } => {
                "its certificate is for other names: write one of them in `urls`, or get it a certificate for this one"
            }
            Rejected::Revoked => "its certificate was revoked: get it a new one",
            _ => "its certificate is not good",
        };
    }
    match error {
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure) => {
            "it refuses us, perhaps for want of a certificate: see `client_cert` and `client_key`"
        }
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied,
        ) => "it does not take the certificate in `client_cert`",
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => "it does not know the name in `urls`",
        rustls::Error::InvalidMessage(_) => NO_TLS,
        _ => "the handshake failed",
    }
}

const UNKNOWN: &str = "nobody who is trusted here issued its certificate: name the PEM file of its authority with `ca`, \
    or its own where it signed itself";
const NO_TLS: &str = "it does not go on with the handshake: is this the port where it speaks TLS?";

fn config(trust: &Trust) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(TlsError::Library)?;
    let builder = match &trust.ca {
        _ if !trust.verify => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider()))),
        Some(file) => builder.dangerous().with_custom_certificate_verifier(Arc::new(Named::read(file)?)),
        None => builder.with_root_certificates(roots()),
    };
    let Some(pair) = &trust.client else { return Ok(builder.with_no_client_auth()) };
    let ours = SingleCertAndKey::from(Arc::unwrap_or_clone(Certificate::read(pair)?.key));
    Ok(builder.with_client_cert_resolver(Arc::new(ours)))
}

/// The authorities of the system, and where it has none those that browsers know.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn mark(trust: &Trust) -> Result<Vec<u8>, TlsError> {
    let pair = trust.client.as_ref().map(|pair| [&pair.cert, &pair.key]);
    let mut context = Context::new(&SHA256);
    for file in trust.ca.iter().chain(pair.into_iter().flatten()) {
        let bytes = contents(file)?;
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(&bytes);
    }
    Ok(context.finish().as_ref().to_vec())
}

/// `ca`: whoever its authorities vouch for, and who shows a certificate of that file itself. One that signed itself usually says
/// that it is an authority's, and such a one is otherwise nobody's to show.
#[derive(Debug)]
struct Named {
    authorities: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Named {
    fn read(file: &Path) -> Result<Self, CertificateError> {
        let malformed = || CertificateError::Malformed(file.to_owned());
        let (certificates, mut roots) = (chain(file)?, RootCertStore::empty());
        for authority in &certificates {
            roots.add(authority.clone()).map_err(|_| malformed())?;
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        Ok(Self { authorities: authorities.map_err(|_| malformed())?, certificates })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.certificates.contains(shown) {
            return self.authorities.verify_server_cert(shown, between, name, ocsp, now);
        }
        let (lifetime, now) =
            (der::lifetime(shown).ok_or(Rejected::BadEncoding)?, Timestamp::from_seconds(now.as_secs()));
        if now < *lifetime.start() {
            return Err(Rejected::NotValidYet.into());
        }
        if now > *lifetime.end() {
            return Err(Rejected::Expired.into());
        }
        verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// `verify_tls = false`: any certificate will do, as long as the server has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Pair;

    fn file(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_file() {
        let pair = |cert: &str, key: &str| Some(Pair { cert: file(cert), key: file(key) });
        for (ca, client, said) in [
            ("none.pem", None, "cannot read"),
            ("README.md", None, "holds no certificate"),
            ("site.pem", pair("site.pem", "other.key"), "does not belong to the certificate"),
        ] {
            let trust = Trust { ca: Some(file(ca)), client, verify: true };
            let error = Outgoing::read(&trust).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn somebody_is_always_trusted_and_another_file_is_another_reading() {
        assert!(!roots().is_empty());
        let read = |ca: &str| Outgoing::read(&Trust { ca: Some(file(ca)), client: None, verify: true }).unwrap();
        assert!(read("site.pem").is_same_as(&read("site.pem")));
        assert!(!read("site.pem").is_same_as(&read("other.pem")));
    }

    #[test]
    fn the_cure_is_told_for_what_happens() {
        for (error, said) in [
            (rustls::Error::InvalidCertificate(Rejected::Expired), "renew"),
            (rustls::Error::InvalidCertificate(Rejected::UnknownIssuer), "`ca`"),
            (rustls::Error::InvalidCertificate(Rejected::NotValidForName), "`urls`"),
            (rustls::Error::AlertReceived(AlertDescription::CertificateRequired), "`client_cert`"),
        ] {
            let told = Mistrust::in_chain(&io::Error::new(io::ErrorKind::InvalidData, error)).unwrap();
            assert!(told.to_string().contains(said), "{told}");
        }
        assert!(Mistrust::in_chain(&io::Error::from(io::ErrorKind::ConnectionReset)).is_none());
        assert!(Mistrust::of(io::Error::from(io::ErrorKind::UnexpectedEof)).to_string().contains("port"));
    }
}
