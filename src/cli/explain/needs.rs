//! What is asked of a request before it goes on, and where the file says so.
use super::ExplainArgs;
use super::who::ShutOut;
use crate::authz::{Asks, Denied};
use crate::gate::{Decision, Denial};
use crate::routes::{Place, Route};
use crate::wire::{BadRequest, Inbound};

/// Something the route asks for.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) what: &'static str,
    pub(super) words: String,
    pub(super) met: bool,
    pub(super) place: Option<String>,
    /// What `authgate user edit` takes to give somebody what is missing.
    pub(super) add: Vec<String>,
}

impl Need {
    fn new(what: &'static str, words: String, met: bool) -> Self {
        Self { what, words, met, place: None, add: Vec::new() }
    }

    pub(super) fn unmet(what: &'static str, words: &str) -> Self {
        Self::new(what, words.to_owned(), false)
    }

    fn at(self, place: Option<&Place>) -> Self {
        Self { place: place.map(ToString::to_string), ..self }
    }
}

/// What the route asks for, in the order in which it asks.
pub(super) fn needs(route: &Route, inbound: &Inbound, decision: &Decision<'_>) -> Vec<Need> {
    let mut needs = at_the_edge(route, inbound);
    // Nobody is asked who they are then, but where the rule is only written down.
    if needs.iter().any(|need| !need.met) && decision.overlooked.is_none() {
        return needs;
    }
    let identity = decision.identity.as_deref();
    let places = &route.settings.places;
    if route.policy.asks() == Asks::Somebody {
        needs.push(Need::new("login", "needs somebody who is signed in".to_owned(), identity.is_some()));
    }
    if let [first, ..] = route.policy.roles() {
        let has = |role| identity.is_some_and(|identity| identity.roles().contains(role));
        let met = route.policy.roles().iter().any(has);
        let add = if met { Vec::new() } else { vec![format!("--add-role {first}")] };
        let words = format!("needs one of: {}", join(route.policy.roles()));
        needs.push(Need { add, ..Need::new("role", words, met).at(places.roles.as_ref()) });
    }
    if !route.policy.scopes().is_empty() {
        let has = |scope: &_| identity.is_some_and(|identity| identity.scopes().contains(scope));
        let lacks = route.policy.scopes().iter().filter(|scope| !has(scope));
        let add: Vec<_> = lacks.map(|scope| format!("--add-scope {scope}")).collect();
        let words = format!("needs all of: {}", join(route.policy.scopes()));
        needs.push(Need { add: add.clone(), ..Need::new("scope", words, add.is_empty()).at(places.scopes.as_ref()) });
    }
    if let Some(most) = route.policy.fresh_login() {
        let met = !matches!(decision.outcome, Err(Denial::Denied(Denied::LoginTooOld))) && identity.is_some();
        needs.push(Need::new("fresh", format!("signed in within {}s", most.as_secs()), met));
    }
    if route.policy.mfa() {
        let met = identity.is_some_and(|identity| identity.showed_second_factor());
        needs.push(Need::new("mfa", "signed in with a second factor".to_owned(), met));
    }
    needs
}

/// What keeps somebody from signing in comes before anything that a route asks of who did.
pub(super) fn of_account(route: &Route, inbound: &Inbound, shut_out: ShutOut) -> Vec<Need> {
    let mut needs = at_the_edge(route, inbound);
    needs.push(Need::new("account", shut_out.words(), false));
    needs
}

/// What is asked before who somebody is.
fn at_the_edge(route: &Route, inbound: &Inbound) -> Vec<Need> {
    let (settings, mut needs) = (&route.settings, Vec::new());
    if !settings.edge.networks.is_empty() {
        let ip = inbound.client().ip;
        let from = ip.map_or_else(|| "a unix socket".to_owned(), |ip| ip.to_string());
        let words = format!("from {from}: needs one of: {}", join(&settings.edge.networks));
        needs.push(Need::new("network", words, route.takes(ip)).at(settings.places.networks.as_ref()));
    }
    if !settings.methods.is_empty() {
        let words = format!("{}: needs one of: {}", inbound.method(), route.allow());
        needs.push(Need::new("method", words, route.allows(inbound.method())).at(settings.places.methods.as_ref()));
    }
    needs
}

/// What is wrong with a request that is not even read; `None` where it is the path.
pub(super) fn malformed(bad: BadRequest, args: &ExplainArgs) -> Option<Need> {
    match bad {
        BadRequest::Path(_) | BadRequest::Target => None,
        BadRequest::Method => {
            let words = format!("{:?} is not known: methods are written in capital letters, such as GET", args.method);
            Some(Need::new("method", words, false))
        }
        BadRequest::Connect
        | BadRequest::Handshake
        | BadRequest::Host
        | BadRequest::Value
        | BadRequest::Framing
        | BadRequest::Expectation
        | BadRequest::DoubleCredentials => Some(Need::unmet("request", &bad.to_string())),
    }
}

/// Where to look for what was denied when nothing that the route asks for is missing.
pub(super) const fn place_of(denial: Denial) -> &'static str {
    match denial {
        Denial::NoRoute | Denial::UnknownHost => "route",
        Denial::Path => "path",
        Denial::Network => "network",
        Denial::Method => "method",
        Denial::Authn(_) | Denial::Denied(_) => "login",
    }
}

pub(super) fn join(names: &[impl ToString]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
