use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::authz;
use crate::limit::Rate;
use crate::wire::{Cors, Spellings};

/// One `[[routes]]` table, checked. `prefix` and `hosts` become patterns in `RouteTable::new`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// As written, canonical; "/" or "/api" (a trailing slash is dropped).
    pub(crate) prefix: String,
    /// "app.example.com" or "*.example.org", lower case; empty: any.
    pub(crate) hosts: Vec<String>,
    /// Empty: any.
    pub(crate) methods: Vec<http::Method>,
    pub(crate) policy: authz::Settings,
    /// The `name` of an upstream.
    pub(crate) upstream: String,
    pub(crate) strip_prefix: bool,
    pub(crate) forward_token: bool,
    /// In bytes.
    pub(crate) max_body: u64,
    /// Until the head of the answer; `None`: the upstream's own `response_timeout`.
    pub(crate) timeout: Option<Duration>,
    pub(crate) edge: Edge,
    /// Where the table stands: shown by `explain`.
    pub(crate) place: Place,
    pub(crate) places: Places,
}

impl Settings {
    /// Hosts and prefix: no two routes have the same.
    pub(crate) fn key(&self) -> String {
        format!("{}{}", self.hosts.join(","), self.prefix)
    }
}

/// Who may come at all and how often, and what is changed on the way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    /// Empty: any.
    pub(crate) networks: Vec<IpNet>,
    pub(crate) rate_per_ip: Option<Rate>,
    pub(crate) rate_per_user: Option<Rate>,
    pub(crate) set_request_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) remove_response_headers: Vec<HeaderName>,
    pub(crate) allow_in_path: Spellings,
    /// Which pages of other sites may ask.
    pub(crate) cors: Option<Cors>,
    pub(crate) on_denied: OnDenied,
}

/// What becomes of somebody who is not signed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnDenied {
    /// A browser that opens a page is shown the sign-in form, and everything else a 401.
    #[default]
    Auto,
    Login,
    Unauthorized,
}

/// Where those keys of a route stand that keep somebody out, if they do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    pub(crate) methods: Option<Place>,
    pub(crate) networks: Option<Place>,
    pub(crate) roles: Option<Place>,
    pub(crate) scopes: Option<Place>,
}

/// A place in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
