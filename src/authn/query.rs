//! The token in a parameter of the query, where the operator allows it (RFC 6750, section 2.3, advises against it).
use super::find::Double;
use crate::wire::{Inbound, Shown};

/// It was taken off when the request was admitted.
pub(super) fn token_in(inbound: &Inbound) -> Result<Option<&[u8]>, Double> {
    match inbound.query_token() {
        Shown::Nothing => Ok(None),
        Shown::One(token) => Ok(Some(token.expose().as_bytes())),
        Shown::Several => Err(Double),
    }
}
