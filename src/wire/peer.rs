//! Who is at the other end of the socket.
use std::net::IpAddr;

/// What the socket says; nothing in it comes from a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// `None` on a unix socket.
    pub(crate) ip: Option<IpAddr>,
    /// TLS ended at this listener.
    pub(crate) tls: bool,
}
