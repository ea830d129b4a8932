//! Which rule and which upstream a request belongs to. What matches nothing goes nowhere.
mod hosts;
mod settings;
mod table;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

pub(crate) use settings::{Edge, OnDenied, Place, Places, Settings};
pub(crate) use table::{BadRoute, Found, RouteTable};

use crate::authz::Policy;
use crate::proxy::Target;
use crate::wire::PathPrefix;

/// One rule: what it covers, whom it asks for, and where it leads.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) settings: Settings,
    pub(crate) policy: Policy,
    /// Where it stands in the file, counted from 0.
    pub(crate) index: usize,
    prefix: PathPrefix,
    allow: String,
    labels: (Arc<str>, Arc<str>),
    /// Hosts and prefix: names the route's limits, and stays the same when the file is read again.
    key: Arc<str>,
}

impl Route {
    fn new(index: usize, settings: Settings) -> Result<Self, BadRoute> {
        let prefix = PathPrefix::parse(&settings.prefix).map_err(|why| BadRoute { index, why })?;
        let policy = Policy::new(settings.policy.clone());
        let labels = (settings.prefix.as_str().into(), settings.upstream.as_str().into());
        let key = settings.key().into();
        let mut route = Self { settings, policy, index, prefix, allow: String::new(), labels, key };
        route.allow = route.methods().join(", ");
        Ok(route)
    }

    pub(crate) const fn prefix(&self) -> &PathPrefix {
        &self.prefix
    }

    /// Where it leads, and under which conditions.
    pub(crate) fn target(&self, body_timeout: Duration) -> Target<'_> {
        Target {
            upstream: &self.settings.upstream,
            strip: self.strips(),
            set: &self.settings.edge.set_request_headers,
            // A backend that still checks for itself needs what the client shows it.
            forward_token: self.settings.forward_token || self.policy.observes(),
            asks: self.policy.asks(),
            timeout: self.settings.timeout,
            max_body: self.settings.max_body,
            body_timeout,
        }
    }

    /// The name of the upstream.
    pub(crate) fn upstream(&self) -> &str {
        &self.settings.upstream
    }

    /// The prefix and the upstream as logs and metrics name them: shared, so that a request copies no text.
    pub(crate) fn labels(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(&self.labels.0), Arc::clone(&self.labels.1))
    }

    /// What is taken off the path before it is forwarded.
    pub(crate) fn strips(&self) -> Option<&PathPrefix> {
        self.settings.strip_prefix.then_some(&self.prefix)
    }

    /// Whether the route takes this method. `HEAD` goes wherever `GET` does (RFC 9110, section 9.3.2).
    pub(crate) fn allows(&self, method: &Method) -> bool {
        let methods = &self.settings.methods;
        methods.is_empty() || methods.contains(method) || (*method == Method::HEAD && methods.contains(&Method::GET))
    }

    /// Whether somebody at this address may use the route at all. Who has none, on a unix socket, may where all may.
    pub(crate) fn takes(&self, ip: Option<IpAddr>) -> bool {
        let networks = &self.settings.edge.networks;
        networks.is_empty() || ip.is_some_and(|ip| networks.iter().any(|network| network.contains(&ip)))
    }

    /// What the limits of this route are counted by.
    pub(crate) fn key(&self) -> Arc<str> {
        Arc::clone(&self.key)
    }

    /// Whether the route is for this host (lower case, no port).
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let hosts = &self.settings.hosts;
        hosts.is_empty() || hosts.iter().any(|pattern| hosts::covers(pattern, host))
    }

    /// The methods that [`Self::allows`] lets through, as an `Allow` field lists them; "" when it lets any through.
    pub(crate) fn allow(&self) -> &str {
        &self.allow
    }

    fn methods(&self) -> Vec<&str> {
        let methods = &self.settings.methods;
        let head = methods.contains(&Method::GET) && !methods.contains(&Method::HEAD);
        methods.iter().map(Method::as_str).chain(head.then_some("HEAD")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::table::tests::route;

    #[test]
    fn head_is_allowed_where_get_is() {
        let mut settings = route("/", &[]);
        settings.methods = vec![Method::GET, Method::POST];
        let route = Route::new(0, settings).unwrap();
        assert!(route.allows(&Method::HEAD) && route.allows(&Method::POST));
        assert!(!route.allows(&Method::DELETE) && !route.allows(&Method::OPTIONS));
        assert_eq!(route.allow(), "GET, POST, HEAD");
    }

    #[test]
    fn a_route_without_methods_takes_any() {
        let route = Route::new(0, route("/", &[])).unwrap();
        assert!(route.allows(&Method::from_bytes(b"PROPFIND").unwrap()));
        assert_eq!(route.allow(), "");
    }
}
