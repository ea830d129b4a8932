//! What a route asks of a caller, and the proof that it was asked.
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Role, Scope, Timestamp};
use crate::token::Identity;

/// What one route asks, as the operator wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) auth: Asks,
    /// One of these is needed; empty: none is.
    pub(crate) roles: Vec<Role>,
    /// All of these are needed.
    pub(crate) scopes: Vec<Scope>,
    /// The sign-in must be younger than this.
    pub(crate) fresh_login: Option<Duration>,
    /// A second factor is needed.
    pub(crate) mfa: bool,
    pub(crate) mode: Mode,
}

/// Whether the rule binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Enforce,
    /// Everybody passes; what the rule says is only written down.
    Observe,
}

/// Who a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// `auth = "none"`: nobody is asked and no identity is passed on.
    Nobody,
    /// `auth = "optional"`: a good credential is passed on.
    Anyone,
    /// `auth = "required"`: no valid token, no entry.
    Somebody,
}

/// Who asks, as far as we know.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    Anonymous,
    Known(Arc<Identity>),
}

impl Caller {
    pub(crate) fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::Anonymous => None,
            Self::Known(identity) => Some(identity),
        }
    }
}

/// The proof that a policy was asked and lets this caller pass. Only [`Policy::admit`] makes one, and where the rule does not bind
/// [`Policy::wave_through`]; nothing is forwarded without one.
#[derive(Debug)]
pub(crate) struct Permit {
    caller: Caller,
    mode: Mode,
}

impl Permit {
    /// Whom the upstream is told about.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.caller.identity().map(AsRef::as_ref)
    }

    /// Whether everybody gets one here: what comes after must not refuse or end anything either.
    pub(crate) fn is_observed(&self) -> bool {
        self.mode == Mode::Observe
    }
}

/// Why a caller was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("not signed in")]
    NotSignedIn,
    #[error("none of the roles asked for")]
    MissingRole,
    #[error("not all of the scopes asked for")]
    MissingScope,
    #[error("signed in without a second factor")]
    NoSecondFactor,
    #[error("signed in too long ago")]
    LoginTooOld,
}

/// One route's rule.
#[derive(Debug, Clone)]
pub(crate) struct Policy(Settings);

impl Policy {
    pub(crate) const fn new(settings: Settings) -> Self {
        Self(settings)
    }

    pub(crate) const fn asks(&self) -> Asks {
        self.0.auth
    }

    pub(crate) fn roles(&self) -> &[Role] {
        &self.0.roles
    }

    pub(crate) fn scopes(&self) -> &[Scope] {
        &self.0.scopes
    }

    pub(crate) const fn fresh_login(&self) -> Option<Duration> {
        self.0.fresh_login
    }

    pub(crate) const fn mfa(&self) -> bool {
        self.0.mfa
    }

    /// Whether everybody passes and the rule is only written down.
    pub(crate) fn observes(&self) -> bool {
        self.0.mode == Mode::Observe
    }

    /// Lets pass whom the rule would not: only where it does not bind.
    pub(crate) fn wave_through(&self, caller: Caller) -> Option<Permit> {
        self.observes().then(|| self.permit(caller))
    }

    const fn permit(&self, caller: Caller) -> Permit {
        Permit { caller, mode: self.0.mode }
    }

    /// Whether this caller may pass. Roles and scopes bind whatever `auth` says: a contradiction closes the door.
    pub(crate) fn admit(&self, caller: &Caller, now: Timestamp) -> Result<Permit, Denied> {
        match (self.0.auth, caller) {
            (Asks::Nobody, _) | (Asks::Anyone, Caller::Anonymous) => {
                self.needs_nothing().then(|| self.permit(Caller::Anonymous)).ok_or(Denied::NotSignedIn)
            }
            (Asks::Somebody, Caller::Anonymous) => Err(Denied::NotSignedIn),
            (Asks::Anyone | Asks::Somebody, Caller::Known(identity)) => {
                self.fits(identity, now)?;
                Ok(self.permit(caller.clone()))
            }
        }
    }

    fn needs_nothing(&self) -> bool {
        self.0.roles.is_empty() && self.0.scopes.is_empty() && self.0.fresh_login.is_none() && !self.0.mfa
    }

    fn fits(&self, identity: &Identity, now: Timestamp) -> Result<(), Denied> {
        if !self.0.roles.is_empty() && !self.0.roles.iter().any(|role| identity.roles().contains(role)) {
            return Err(Denied::MissingRole);
        }
        if !self.0.scopes.iter().all(|scope| identity.scopes().contains(scope)) {
            return Err(Denied::MissingScope);
        }
        if self.0.mfa && !identity.showed_second_factor() {
            return Err(Denied::NoSecondFactor);
        }
        // Last: who lacks the role is not sent to sign in again for nothing. A machine never signed in.
        let fresh = |most: Duration| identity.auth_time().is_some_and(|signed_in| signed_in.plus(most) > now);
        if self.0.fresh_login.is_some_and(|most| !fresh(most)) {
            return Err(Denied::LoginTooOld);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn policy(auth: Asks, roles: &[&str]) -> Policy {
        let roles = roles.iter().map(|role| Role::parse(role).unwrap()).collect();
        Policy::new(Settings { auth, roles, scopes: Vec::new(), fresh_login: None, mfa: false, mode: Mode::Enforce })
    }

    #[test]
    fn nobody_passes_a_required_route_without_an_identity() {
        assert_eq!(policy(Asks::Somebody, &[]).admit(&Caller::Anonymous, NOW).unwrap_err(), Denied::NotSignedIn);
    }

    #[test]
    fn an_open_route_admits_anybody_and_passes_no_identity_on() {
        assert!(policy(Asks::Nobody, &[]).admit(&Caller::Anonymous, NOW).unwrap().identity().is_none());
        assert!(policy(Asks::Anyone, &[]).admit(&Caller::Anonymous, NOW).unwrap().identity().is_none());
    }

    #[test]
    fn a_role_on_an_open_route_closes_it() {
        assert_eq!(policy(Asks::Nobody, &["admin"]).admit(&Caller::Anonymous, NOW).unwrap_err(), Denied::NotSignedIn);
        assert_eq!(policy(Asks::Anyone, &["admin"]).admit(&Caller::Anonymous, NOW).unwrap_err(), Denied::NotSignedIn);
    }

    #[test]
    fn only_a_rule_that_does_not_bind_waves_anybody_through() {
        assert!(policy(Asks::Somebody, &[]).wave_through(Caller::Anonymous).is_none());
        let observed = Settings { mode: Mode::Observe, ..policy(Asks::Somebody, &[]).0 };
        assert!(Policy::new(observed).wave_through(Caller::Anonymous).unwrap().is_observed());
    }
}
