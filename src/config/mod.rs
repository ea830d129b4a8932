//! What the operator writes: checked, then unchangeable.
use crate::{account, admin, observe, password, proxy, routes, server, store, token, wire};

/// The whole file, checked; each room gets the part it obeys.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) server: server::Settings,
    pub(crate) wire: wire::Settings,
    pub(crate) upstreams: Vec<proxy::Settings>,
    pub(crate) routes: Vec<routes::Settings>,
    pub(crate) accounts: account::Settings,
    pub(crate) passwords: password::Settings,
    pub(crate) tokens: token::Settings,
    pub(crate) store: store::Settings,
    pub(crate) admin: admin::Settings,
    pub(crate) log: observe::LogSettings,
    pub(crate) metrics: observe::MetricsSettings,
}
