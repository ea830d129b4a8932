//! A browser that is not let in is shown the sign-in page, and comes back from there.
use http::Method;

use super::Gateway;
use crate::authn::AuthnError;
use crate::authz::Denied;
use crate::gate::Denial;
use crate::routes::{OnDenied, Route};
use crate::wire::{Inbound, ReturnTo};

impl Gateway {
    /// Where the sign-in page is, when signing in would help and somebody is there to do it.
    pub(super) fn sign_in_place(&self, inbound: &Inbound, route: Option<&Route>, denial: Denial) -> Option<String> {
        let route = route.filter(|_| self.endpoints.takes_browsers())?;
        let max_age = match denial {
            Denial::Denied(Denied::NotSignedIn)
            | Denial::Authn(AuthnError::Invalid | AuthnError::Expired | AuthnError::SessionEnded) => None,
            Denial::Denied(Denied::LoginTooOld) => route.policy.fresh_login(),
            Denial::NoRoute
            | Denial::UnknownHost
            | Denial::Network
            | Denial::Path
            | Denial::Method
            | Denial::Authn(
                AuthnError::Double
                | AuthnError::ForeignOrigin
                | AuthnError::NoCsrf
                | AuthnError::OtherCsrf
                | AuthnError::Unavailable,
            )
            | Denial::Denied(Denied::MissingRole | Denied::MissingScope) => return None,
        };
        let shown = match route.settings.edge.on_denied {
            OnDenied::Auto => inbound.opens_page(),
            OnDenied::Login => true,
            OnDenied::Unauthorized => false,
        };
        if !shown {
            return None;
        }
        // What a form sent elsewhere cannot be sent again by coming back.
        let comes_back = matches!(*inbound.method(), Method::GET | Method::HEAD);
        let back = comes_back.then(|| format!("return_to={}", ReturnTo::parameter(inbound.path())));
        let age = max_age.map(|age| format!("max_age={}", age.as_secs()));
        let query: Vec<_> = back.into_iter().chain(age).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        Some(format!("{}/login{mark}{}", self.endpoints.prefix, query.join("&")))
    }
}
