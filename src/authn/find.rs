//! The one credential of a request. Each place where one may stand has a file of its own.
use super::{AuthnError, Unreadable, bearer, cookie, query};
use crate::base::Secret;
use crate::wire::Inbound;

/// Where a credential is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `Authorization: Bearer`
    pub(crate) header: bool,
    /// The cookie of a browser's session.
    pub(crate) cookie: bool,
    /// The parameter that [`crate::wire`] takes off the query.
    pub(crate) query: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { header: true, cookie: true, query: false }
    }
}

/// Two credentials where one may stand.
#[derive(Debug)]
pub(super) struct Double;

/// What a request shows.
#[derive(Debug)]
pub(super) enum Credential<'r> {
    Nothing,
    /// A token, of a person or a machine.
    Token(&'r [u8]),
    /// A token that a browser keeps.
    TokenInCookie(&'r Secret),
    /// The cookie of a browser's session.
    Session(&'r Secret),
}

impl Settings {
    /// The fields in which a credential may stand, as `Vary` names them. A query is part of what is asked for.
    pub(crate) const fn varies(self) -> Option<&'static str> {
        match (self.header, self.cookie) {
            (true, true) => Some("authorization, cookie"),
            (true, false) => Some("authorization"),
            (false, true) => Some("cookie"),
            (false, false) => None,
        }
    }

    /// The one credential. Two that differ are refused: it would be left to chance who somebody is.
    pub(super) fn credential_in<'r>(&self, inbound: &'r Inbound) -> Result<Credential<'r>, AuthnError> {
        let mut token = None;
        if self.header {
            token = bearer::token_in(inbound.headers()).map_err(|Unreadable| AuthnError::Invalid)?;
        }
        if self.query {
            token = one(token, query::token_in(inbound)?)?;
        }
        let session = if self.cookie { cookie::session_in(inbound)? } else { None };
        let kept = if self.cookie { cookie::token_in(inbound)? } else { None };
        match (token, kept, session) {
            (None, None, None) => Ok(Credential::Nothing),
            // A page that shows what the browser sends along anyway.
            (Some(token), Some(kept), None) if kept.expose().as_bytes() == token => Ok(Credential::Token(token)),
            (Some(token), None, None) => Ok(Credential::Token(token)),
            (None, Some(kept), None) => Ok(Credential::TokenInCookie(kept)),
            (None, None, Some(session)) => Ok(Credential::Session(session)),
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => Err(Double.into()),
        }
    }
}

fn one<'r>(found: Option<&'r [u8]>, other: Option<&'r [u8]>) -> Result<Option<&'r [u8]>, Double> {
    match (found, other) {
        (Some(one), Some(other)) if one != other => Err(Double),
        (found, other) => Ok(found.or(other)),
    }
}

impl From<Double> for AuthnError {
    fn from(Double: Double) -> Self {
        Self::Double
    }
}
