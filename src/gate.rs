//! The decision: route → who → may they. The pipeline and `explain` ask the same function, so they always agree.
use std::sync::Arc;

use crate::authn::{Authenticator, AuthnError, Recognised};
use crate::authz::{Caller, Denied, Permit};
use crate::base::Timestamp;
use crate::routes::{Found, Route, RouteTable};
use crate::shared::Held;
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
    /// The browser session that a cookie stood for.
    pub(crate) session: Option<Arc<Held>>,
    pub(crate) outcome: Result<Permit, Denial>,
    /// Why the request would not go on if the route did more than observe.
    pub(crate) overlooked: Option<Denial>,
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
    #[error("the route does not let through how the path is written")]
    Path,
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
            Self::Path => "ambiguous_path",
            Self::Method => "method_not_allowed",
            Self::Authn(AuthnError::Invalid) => "token_invalid",
            Self::Authn(AuthnError::Expired) => "token_expired",
            Self::Authn(AuthnError::SessionEnded) => "session_ended",
            Self::Authn(AuthnError::Double) => "double_credentials",
            Self::Authn(AuthnError::ForeignOrigin) => "foreign_origin",
            Self::Authn(AuthnError::NoCsrf) => "csrf_missing",
            Self::Authn(AuthnError::OtherCsrf) => "csrf_mismatch",
            Self::Authn(AuthnError::Unavailable) => "unavailable",
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
    pub(crate) async fn decide(&self, inbound: &Inbound, now: Timestamp) -> Decision<'_> {
        let route = match self.routes.find(inbound.host(), inbound.path()) {
            Found::Route(route) => route,
            Found::NoRoute => return Decision::nowhere(Denial::NoRoute),
            Found::UnknownHost => return Decision::nowhere(Denial::UnknownHost),
        };
        if !self.reads_alike(route, inbound) {
            return Decision { route: Some(route), ..Decision::nowhere(Denial::Path) };
        }
        let (recognised, outcome) = match self.ask(route, inbound, now).await {
            Ok((recognised, outcome)) => (Some(recognised), outcome),
            Err(denial) => (None, Err(denial)),
        };
        match outcome {
            Err(denial) if route.policy.observes() => self.wave_through(route, inbound, recognised, denial, now).await,
            outcome => {
                let identity = recognised.as_ref().and_then(|known| known.caller.identity().cloned());
                let session = recognised.and_then(|known| known.session);
                Decision { route: Some(route), identity, session, outcome, overlooked: None }
            }
        }
    }

    /// Whether the route lets through how the path is written, and is the one of every way to read it: no reading of a
    /// backend's leads past the rule of another route.
    fn reads_alike(&self, route: &Route, inbound: &Inbound) -> bool {
        let Some((has, other)) = inbound.path().other_reading() else { return true };
        let same =
            matches!(self.routes.find(inbound.host(), &other), Found::Route(found) if found.index == route.index);
        same && route.settings.edge.allow_in_path.takes(has)
    }

    /// Nobody is kept from a route that only observes. A good credential is passed on whatever else would have been wrong;
    /// one that another site's page sent along is not.
    async fn wave_through<'a>(
        &self,
        route: &'a Route,
        inbound: &Inbound,
        recognised: Option<Recognised>,
        denial: Denial,
        now: Timestamp,
    ) -> Decision<'a> {
        let recognised = match recognised {
            Some(recognised) => Some(recognised),
            None => self.recognise(route, inbound, now).await.ok(),
        };
        let (caller, session) = recognised.map_or((Caller::Anonymous, None), |known| (known.caller, known.session));
        let identity = caller.identity().cloned();
        let outcome = route.policy.wave_through(caller).ok_or(denial);
        Decision { route: Some(route), identity, session, outcome, overlooked: Some(denial) }
    }

    async fn ask(
        &self,
        route: &Route,
        inbound: &Inbound,
        now: Timestamp,
    ) -> Result<(Recognised, Result<Permit, Denial>), Denial> {
        if !route.takes(inbound.client().ip) {
            return Err(Denial::Network);
        }
        if !route.allows(inbound.method()) {
            return Err(Denial::Method);
        }
        let mut recognised = self.recognise(route, inbound, now).await?;
        let mut outcome = route.policy.admit(&recognised.caller, now);
        if outcome.as_ref().err() == Some(&Denied::NoSecondFactor) && self.may_have_changed(&recognised, inbound, now) {
            recognised = Box::pin(self.recognise(route, inbound, now)).await?;
            outcome = route.policy.admit(&recognised.caller, now);
        }
        Ok((recognised, outcome.map_err(Denial::from)))
    }

    /// Whether the session behind a cookie may have shown a second factor since it was looked at.
    fn may_have_changed(&self, recognised: &Recognised, inbound: &Inbound, now: Timestamp) -> bool {
        recognised.session.as_ref().is_some_and(|held| self.authenticator.look_again(inbound, held, now))
    }

    async fn recognise(&self, route: &Route, inbound: &Inbound, now: Timestamp) -> Result<Recognised, AuthnError> {
        let cors = route.settings.edge.cors.as_ref();
        self.authenticator.recognise_on(cors, inbound, route.policy.asks(), now).await
    }
}

impl Decision<'_> {
    const fn nowhere(denial: Denial) -> Self {
        Self { route: None, identity: None, session: None, outcome: Err(denial), overlooked: None }
    }
}
