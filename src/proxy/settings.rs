use std::path::PathBuf;
use std::time::Duration;

use http::uri::PathAndQuery;

use crate::tls::Trust;
use crate::wire::IdentityFields;

/// One upstream: where it is and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The name in `[upstreams]`, or the URL itself where a route names one.
    pub(crate) name: String,
    /// At least one.
    pub(crate) addresses: Vec<Address>,
    /// `h2c://`: HTTP/2 in the clear, without asking first.
    pub(crate) http2: bool,
    /// `https://`: it says in the handshake which version of HTTP it speaks.
    pub(crate) tls: Option<Trust>,
    pub(crate) balance: Balance,
    pub(crate) connect_timeout: Duration,
    /// Until the head of the answer.
    pub(crate) response_timeout: Duration,
    /// Between two pieces of a body.
    pub(crate) idle_timeout: Duration,
    /// How long an unused connection is kept.
    pub(crate) keep_alive: Duration,
    pub(crate) max_connections: usize,
    pub(crate) host_header: HostHeader,
    /// An address that fails so often in a row ...
    pub(crate) eject_after: usize,
    /// ... is left out for so long.
    pub(crate) eject_for: Duration,
    /// So often a request is tried again that may be.
    pub(crate) retries: usize,
    /// Each address is asked for this by itself.
    pub(crate) health: Option<HealthCheck>,
    /// Which fields tell this upstream who is asking.
    pub(crate) identity: IdentityFields,
}

/// How it is found out whether an address is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthCheck {
    pub(crate) path: PathAndQuery,
    pub(crate) interval: Duration,
}

/// Which address a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Balance {
    /// The one with fewer requests under way, of two picked at random.
    LeastRequests,
    RoundRobin,
    /// The same one for the same client address.
    ClientIp,
    /// The same one for the same person; by client address where nobody is signed in.
    User,
}

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    /// `http://HOST[:PORT]`, or with another scheme: looked up at each new connection.
    Tcp { host: String, port: u16 },
    /// `unix:/path.sock`
    Unix { path: PathBuf },
}

/// What the `Host` field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostHeader {
    /// What the client asked for.
    Keep,
    /// The one in the URL.
    Upstream,
}
