use std::net::SocketAddr;
use std::path::PathBuf;

/// `[tls]`: what the public listener shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// At least one; the first is shown to clients that ask for a name none of them has.
    pub(crate) pairs: Vec<Pair>,
    pub(crate) min_version: MinVersion,
    /// Where plain HTTP is answered with a redirect.
    pub(crate) redirect_http: Option<SocketAddr>,
}

/// A certificate with its chain, and the key that belongs to it: PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MinVersion {
    Tls12,
    Tls13,
}

/// TLS going out: whom we believe, and what we show of ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trust {
    /// The authorities that count, instead of the system's.
    pub(crate) ca: Option<PathBuf>,
    /// What we show to a server that asks who we are.
    pub(crate) client: Option<Pair>,
    /// `false`: whoever answers is believed.
    pub(crate) verify: bool,
}
