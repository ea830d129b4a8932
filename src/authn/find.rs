//! The one credential of a request. Each place where one may stand has a file of its own.
use super::{AuthnError, Unreadable, bearer, query};
use crate::wire::Inbound;

/// Where a credential is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `Authorization: Bearer`
    pub(crate) header: bool,
    /// The parameter that [`crate::wire`] takes off the query.
    pub(crate) query: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { header: true, query: false }
    }
}

/// Two credentials where one may stand.
#[derive(Debug)]
pub(super) struct Double;

impl Settings {
    /// The token that a request shows. Two that differ are refused: it would be left to chance who somebody is.
    pub(super) fn token_in<'r>(&self, inbound: &'r Inbound) -> Result<Option<&'r str>, AuthnError> {
        let mut found = None;
        if self.header {
            found = bearer::token_in(inbound.headers()).map_err(|Unreadable| AuthnError::Invalid)?;
        }
        if self.query {
            found = one(found, query::token_in(inbound)?)?;
        }
        Ok(found)
    }
}

fn one<'r>(found: Option<&'r str>, other: Option<&'r str>) -> Result<Option<&'r str>, Double> {
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
