//! Audit events: sign-ins, refusals, and changes of accounts.
use std::net::IpAddr;

use crate::base::{SessionId, UserId};

/// Something that happened to an account. The record never holds a secret.
#[derive(Debug, Clone)]
pub(crate) struct Event<'a> {
    pub(crate) action: Action,
    /// `None` when it succeeded; else the refusal's stable code ("invalid_credentials").
    pub(crate) refused: Option<&'static str>,
    pub(crate) user: Option<UserId>,
    /// The account's own name, never what a stranger typed: a password typed as the name must not be logged.
    pub(crate) name: Option<&'a str>,
    pub(crate) session: Option<SessionId>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) request_id: Option<&'a str>,
    /// More about it, in our words ("role admin added").
    pub(crate) detail: Option<&'a str>,
}

impl Event<'_> {
    pub(crate) const fn new(action: Action) -> Self {
        Self { action, refused: None, user: None, name: None, session: None, ip: None, request_id: None, detail: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Registered,
    SignedIn,
    Refreshed,
    /// A refresh token was used again after its grace: taken for theft, the session ended.
    RefreshReused,
    SignedOut,
    UserAdded,
    UserEdited,
    PasswordChanged,
    UserDisabled,
    UserEnabled,
    UserDeleted,
    SessionEnded,
    Reloaded,
}

/// Where audit events go: the log, and the audit file if there is one. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audit {}

impl Audit {
    pub(crate) fn record(&self, _event: &Event<'_>) {}
}
