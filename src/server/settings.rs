use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// How the public listener behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// At least one.
    pub(crate) listen: Vec<ListenAddress>,
    /// Already resolved: never 0.
    pub(crate) workers: usize,
    pub(crate) shutdown_grace: Duration,
    pub(crate) limits: Limits,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// `[limits]` of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Whose connections begin with the PROXY protocol. Empty: nobody's.
    pub(crate) announcing: Vec<IpNet>,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_ip: usize,
    /// Bytes of a request's head.
    pub(crate) max_header: usize,
    pub(crate) header_timeout: Duration,
    /// Between two pieces of a request's body, and for a client to take an answer.
    pub(crate) body_timeout: Duration,
    /// Between two requests.
    pub(crate) idle_timeout: Duration,
}
