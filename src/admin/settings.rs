use std::net::SocketAddr;

use ipnet::IpNet;

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    /// Who may connect at all.
    pub(crate) allow: Vec<IpNet>,
}
