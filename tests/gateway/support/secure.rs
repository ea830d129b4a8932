//! A TLS client that trusts the shipped certificates and no others.
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// One connection.
#[derive(Debug)]
pub(crate) struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    /// Connects for `name`; `None` when the handshake fails.
    pub(crate) fn open(port: u16, name: &str) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        for file in ["site.pem", "other.pem"] {
            roots.add(CertificateDer::from_pem_file(shipped(file)).unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).ok()?;
        }
        Some(Self(StreamOwned::new(connection, socket)))
    }

    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.0.conn.alpn_protocol()
    }

    /// Asks, and reads nothing.
    pub(crate) fn ask(&mut self, host: &str, path: &str) {
        write!(self.0, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    }

    /// Asks on this connection and keeps it: status and everything else as text. Only answers with a length are read.
    #[track_caller]
    pub(crate) fn get(&mut self, host: &str, path: &str) -> (u16, String) {
        self.ask(host, path);
        let mut bytes = Vec::new();
        let mut piece = [0_u8; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_ascii_lowercase();
                let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return (text.split(' ').nth(1).unwrap().parse().unwrap(), text);
                }
            }
            let read = self.0.read(&mut piece).unwrap();
            assert!(read > 0, "the connection ended: {text}");
            bytes.extend_from_slice(&piece[..read]);
        }
    }
}

/// A file of tests/certificates.
pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}
