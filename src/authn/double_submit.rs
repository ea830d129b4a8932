//! A token in a cookie, as Flask-JWT-Extended keeps it. Browsers send cookies along with requests that other sites cause, so whoever
//! changes something shows that they can read the site's cookies: they send one of them back as a field.
use super::cookie::could_change_something;
use super::{Authenticator, AuthnError};
use crate::base::Secret;
use crate::wire::{Inbound, is_from_elsewhere};

impl Authenticator {
    /// Whether `csrf`, which belongs to the token, came along where it must.
    pub(crate) fn check_sent_along(&self, inbound: &Inbound, csrf: Option<&Secret>) -> Result<(), AuthnError> {
        if !could_change_something(inbound) {
            return Ok(());
        }
        // A WebSocket cannot send fields; where it comes from is known.
        if inbound.method().is_safe() {
            let from_here = self.sessions.as_ref().is_some_and(|known| !is_from_elsewhere(inbound, &known.door));
            return if from_here { Ok(()) } else { Err(AuthnError::ForeignOrigin) };
        }
        let mut sent = inbound.headers().get_all(FIELD).iter();
        let (Some(sent), None) = (sent.next(), sent.next()) else { return Err(AuthnError::NoCsrf) };
        let matches = csrf.zip(sent.to_str().ok()).is_some_and(|(csrf, sent)| csrf.matches(sent));
        if matches { Ok(()) } else { Err(AuthnError::OtherCsrf) }
    }
}

const FIELD: &str = "x-csrf-token";
