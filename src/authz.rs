//! What a route asks of a caller.
use crate::base::{Role, Scope};

/// What one route asks, as the operator wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) auth: Asks,
    /// One of these is needed; empty: none is.
    pub(crate) roles: Vec<Role>,
    /// All of these are needed.
    pub(crate) scopes: Vec<Scope>,
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
