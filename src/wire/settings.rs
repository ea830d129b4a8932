//! What the operator says about addresses and identity fields.
use ipnet::IpNet;

use super::{Cors, Spellings};

/// How requests are read.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Peers whose `X-Forwarded-*` is believed. Empty: nobody.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// So is whoever comes by a unix socket of ours.
    pub(crate) trusts_unix: bool,
    /// Every identity field name that any upstream of this gateway may be sent: stripped from what clients send,
    /// beside the names of all presets.
    pub(crate) own_identity_names: Vec<http::HeaderName>,
    /// What people type into a browser, when the operator said so.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) auth_prefix: AuthPrefix,
    pub(crate) well_known: bool,
    /// Every origin that a route's `cors` names: they may call our own endpoints too.
    pub(crate) cors: Cors,
    /// What some route lets through in a path.
    pub(crate) allow_in_path: Spellings,
    /// The parameter of the query that may hold a token; `None`: none may.
    pub(crate) query_token: Option<String>,
    pub(crate) cookies: super::OwnCookies,
}

/// `http://` or `https://`, host, optional port; no path, no trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    pub(crate) https: bool,
    /// Host and optional port, lower case, the default port left out.
    pub(crate) authority: String,
}

impl PublicUrl {
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// When it is not the scheme's own.
    pub(crate) fn port(&self) -> Option<u16> {
        self.authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
    }
}

/// The path under which our own endpoints live: "/auth", or "" for the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthPrefix(pub(crate) String);

/// Which fields tell an upstream who is asking. A part may stand in several fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdentityFields {
    pub(crate) fields: Vec<(IdentityPart, http::HeaderName)>,
    /// Between roles and between scopes.
    pub(crate) separator: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdentityPart {
    /// The name a person signs in with.
    User,
    Email,
    /// The person's full name.
    Name,
    /// The roles.
    Groups,
    /// The id that never changes.
    Sub,
    Scopes,
    /// The session's id.
    Session,
}
