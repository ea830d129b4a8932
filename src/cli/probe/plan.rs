//! What is known of the deployment: by the file, by flags, and by what it says of itself.
use ipnet::IpNet;

use super::ProbeArgs;
use super::target::Target;
use crate::authz::{Asks, Mode};
use crate::config::Config;
use crate::proxy::Address;
use crate::routes::Settings;
use crate::wire::PRESET_NAMES;

/// What is attempted, and where.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// "/auth", or "" for the root.
    pub(super) prefix: String,
    /// Paths that nobody may reach who is not signed in.
    pub(super) protected: Vec<String>,
    /// How many more there are.
    pub(super) left_out: usize,
    /// Paths that everybody may reach.
    pub(super) open: Vec<String>,
    /// Where the backend may show what it receives.
    pub(super) echo: Vec<String>,
    /// Every field name that may tell a backend who is asking.
    pub(super) names: Vec<String>,
    pub(super) issuer: Option<String>,
    pub(super) audience: String,
    /// Whose `X-Forwarded-*` is believed, where a file says so.
    pub(super) trusted: Vec<IpNet>,
    /// Addresses that nobody but the gateway should reach: named by a person.
    pub(super) around: Vec<Place>,
    /// The same by the file.
    pub(super) upstreams: Vec<Place>,
    /// The port of the admin address.
    pub(super) admin_port: Option<u16>,
}

/// Something that listens where only the gateway, or the operator, should reach it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) https: bool,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Backend,
    Admin,
}

impl Plan {
    pub(super) fn new(args: &ProbeArgs, config: Option<&Config>, target: &Target) -> Result<Self, String> {
        let around = args.around.iter().map(|text| address(text)).collect::<Result<_, _>>()?;
        let prefix = match (&args.auth_prefix, config) {
            (Some(prefix), _) => path(prefix)?.trim_end_matches('/').to_owned(),
            (None, Some(config)) => config.wire.auth_prefix.0.clone(),
            (None, None) => "/auth".to_owned(),
        };
        let here = |route: &&Settings| covers(&route.hosts, &target.host);
        let routes: Vec<_> = config.into_iter().flat_map(|config| config.routes.iter().filter(here)).collect();
        let asks = |route: &Settings| (route.policy.auth, route.policy.mode);
        let mut protected = args.protected.iter().map(|text| path(text)).collect::<Result<Vec<_>, _>>()?;
        if protected.is_empty() {
            let closed = routes.iter().filter(|route| asks(route) == (Asks::Somebody, Mode::Enforce));
            protected = closed.map(|route| route.prefix.clone()).collect();
        }
        // At the root there may be nothing to see; what is below it is protected as well.
        let below = |prefix: String| if prefix == "/" { NOWHERE.to_owned() } else { prefix };
        let mut protected: Vec<_> = protected.into_iter().map(below).collect();
        protected.dedup();
        let left_out = protected.len().saturating_sub(MOST_PATHS);
        protected.truncate(MOST_PATHS);
        let open: Vec<_> = routes.iter().filter(|route| asks(route).0 != Asks::Somebody).collect();
        let open: Vec<_> = open.into_iter().map(|route| route.prefix.clone()).take(MOST_OPEN).collect();
        let echo = match &args.echo {
            Some(named) => vec![path(named)?],
            None => open.clone(),
        };
        let own = config.into_iter().flat_map(|config| config.wire.own_identity_names.iter());
        let names = PRESET_NAMES.iter().chain(MORE_NAMES).map(|name| (*name).to_owned());
        let mut names: Vec<_> = names.chain(own.map(|name| name.as_str().to_owned())).collect();
        names.sort();
        names.dedup();
        names.truncate(MOST_NAMES);
        Ok(Self {
            prefix,
            protected,
            left_out,
            open,
            echo,
            names,
            issuer: config.map(|config| config.tokens.issuer.clone()),
            audience: config.map_or_else(|| "authgate".to_owned(), |config| config.tokens.audience.clone()),
            trusted: config.map(|config| config.wire.trusted_proxies.clone()).unwrap_or_default(),
            around,
            upstreams: config.map(upstreams).unwrap_or_default(),
            admin_port: config.map(|config| config.admin.listen.port()),
        })
    }

    /// Where somebody who is not signed in is led.
    pub(super) fn sign_in(&self) -> String {
        format!("{}/login", self.prefix)
    }
}

fn upstreams(config: &Config) -> Vec<Place> {
    let mut all = Vec::new();
    for upstream in &config.upstreams {
        let https = upstream.tls.is_some();
        all.extend(upstream.addresses.iter().filter_map(|address| match address {
            Address::Tcp { host, port } => Some(backend(host, *port, https)),
            Address::Unix { .. } => None,
        }));
    }
    all.truncate(MOST_PATHS);
    all
}

fn backend(host: &str, port: u16, https: bool) -> Place {
    Place { host: host.trim_matches(['[', ']']).to_owned(), port, https, what: What::Backend }
}

fn covers(hosts: &[String], host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    hosts.is_empty()
        || hosts.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix),
            None => *pattern == host,
        })
}

fn path(text: &str) -> Result<String, String> {
    let plain = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%\\;".contains(&byte));
    if plain { Ok(text.to_owned()) } else { Err(format!("{text:?} is no path: write /api, without a query")) }
}

fn address(text: &str) -> Result<Place, String> {
    let wrong = || format!("{text:?} is no address: write HOST:PORT, or https://HOST:PORT");
    let bare = text.strip_prefix("https://");
    let (host, port) = bare.unwrap_or(text).rsplit_once(':').ok_or_else(wrong)?;
    let good = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    if good { Ok(backend(host, port.parse().map_err(|_| wrong())?, bare.is_some())) } else { Err(wrong()) }
}

/// Below a protected root.
const NOWHERE: &str = "/authgate-probe";
/// So many paths are attempted; more are told and left out.
const MOST_PATHS: usize = 8;
const MOST_OPEN: usize = 3;
/// A gateway takes a hundred fields.
const MOST_NAMES: usize = 80;
/// Names that frameworks and other gateways' backends believe, beside those of the presets.
const MORE_NAMES: &[&str] = &[
    "remote-roles",
    "x-remote-user",
    "x-remote-groups",
    "x-auth-user",
    "x-auth-roles",
    "x-authenticated-user",
    "x-authentik-username",
    "x-authentik-groups",
    "x-pomerium-claim-email",
    "x-goog-authenticated-user-email",
    "x-ms-client-principal-name",
    "cf-access-authenticated-user-email",
    "tailscale-user-login",
    "x-forwarded-access-token",
    "x-client-verify",
    "x-ssl-client-s-dn",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_or_refused() {
        assert_eq!(address("10.0.0.5:3000"), Ok(backend("10.0.0.5", 3000, false)));
        assert_eq!(address("https://[::1]:443"), Ok(backend("::1", 443, true)));
        for bad in ["app", ":80", "app:http", "app:99999", "a b:80", "ftp://a:80"] {
            assert!(address(bad).is_err(), "{bad}");
        }
        assert!(path("/api").is_ok());
        for bad in ["api", "/a b", "/a?b", "/a\r\nX: y", "/%61"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_route_of_other_hosts_is_not_attempted() {
        let hosts = ["app.example.com".to_owned(), "*.example.org".to_owned()];
        assert!(covers(&hosts, "App.example.com") && covers(&hosts, "a.example.org") && covers(&[], "any"));
        assert!(!covers(&hosts, "example.org") && !covers(&hosts, "b.example.com"));
    }
}
