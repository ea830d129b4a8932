//! The decision: route → who → may they. The pipeline and `explain` ask the same function, so they always agree.
use std::sync::Arc;

use crate::authn::{Authenticator, AuthnError};
use crate::authz::{Denied, Permit};
use crate::base::Timestamp;
use crate::routes::{Found, Route, RouteTable};
use crate::token::Identity;
use crate::wire::Inbound;

/// Everything the decision is made of.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    routes: Arc<RouteTable>,
    authenticator: Authenticator,
}

/// What was decided, and what was found on the way: the log and `explain` tell it.
#[derive(Debug)]
pub(crate) struct Decision<'a> {
    pub(crate) route: Option<&'a Route>,
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) outcome: Result<Permit, Denial>,
}

/// Why a request does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    #[error("no route covers this path")]
    NoRoute,
    #[error("no route is for this host")]
    UnknownHost,
    #[error("the route is not for this network")]
    Network,
    #[error("the route does not take this method")]
    Method,
    #[error(transparent)]
    Authn(#[from] AuthnError),
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Denial {
    /// The stable word of the log's `reason` and of the answer's `error`.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::UnknownHost => "unknown_host",
            Self::Network => "network_not_allowed",
            Self::Method => "method_not_allowed",
            Self::Authn(AuthnError::Invalid) => "token_invalid",
            Self::Authn(AuthnError::Expired) => "token_expired",
            Self::Authn(AuthnError::SessionEnded) => "session_ended",
            Self::Denied(Denied::NotSignedIn) => "login_required",
            Self::Denied(Denied::MissingRole) => "missing_role",
            Self::Denied(Denied::MissingScope) => "missing_scope",
            Self::Denied(Denied::NoSecondFactor) => "login_without_mfa",
            Self::Denied(Denied::LoginTooOld) => "login_too_old",
        }
    }
}

impl Gate {
    pub(crate) const fn new(routes: Arc<RouteTable>, authenticator: Authenticator) -> Self {
        Self { routes, authenticator }
    }

    pub(crate) fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// Which route, who, and may they.
    pub(crate) fn decide(&self, inbound: &Inbound, now: Timestamp) -> Decision<'_> {
        let route = match self.routes.find(inbound.host(), inbound.path()) {
            Found::Route(route) => route,
            Found::NoRoute => return Decision::nowhere(Denial::NoRoute),
            Found::UnknownHost => return Decision::nowhere(Denial::UnknownHost),
        };
        let (identity, outcome) = self.ask(route, inbound, now);
        Decision { route: Some(route), identity, outcome }
    }

    fn ask(&self, route: &Route, inbound: &Inbound, now: Timestamp) -> (Option<Arc<Identity>>, Result<Permit, Denial>) {
        if !route.takes(inbound.client().ip) {
            return (None, Err(Denial::Network));
        }
        if !route.allows(inbound.method()) {
            return (None, Err(Denial::Method));
        }
        match self.authenticator.identify(inbound.headers(), route.policy.asks(), now) {
            Ok(caller) => (caller.identity().cloned(), route.policy.admit(&caller, now).map_err(Denial::from)),
            Err(error) => (None, Err(error.into())),
        }
    }
}

impl Decision<'_> {
    const fn nowhere(denial: Denial) -> Self {
        Self { route: None, identity: None, outcome: Err(denial) }
    }
}
