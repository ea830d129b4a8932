//! Tokens in the cookies of Flask-JWT-Extended, for pages that were written for it.
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;

use super::browser::add_cookie;
use super::{Endpoints, Problem, source};
use crate::account::SignedIn;
use crate::authn::AuthnError;
use crate::authz::Asks;
use crate::base::Secret;
use crate::wire::{Body, Inbound, OwnCookie, Shown};

impl Endpoints {
    /// The tokens as cookies, each with the value that a page sends back. A browser's own session makes room for them.
    pub(super) async fn give_tokens(&self, response: &mut Response<Body>, inbound: &Inbound, signed_in: &SignedIn) {
        let cookies = self.door.cookies();
        let Some(refresh) = signed_in.refresh_token.as_ref().filter(|_| cookies.have_tokens()) else { return };
        let access = Secret::new(signed_in.access_token.clone());
        for (which, token) in [(OwnCookie::Access, &access), (OwnCookie::Refresh, refresh)] {
            let age = self.accounts.refresh_age();
            add_cookie(response, cookies.set(which, token.expose(), Some(age)));
            if let Some(csrf) = self.csrf_of(token) {
                add_cookie(response, cookies.set_beside(which, csrf.expose(), age));
            }
        }
        if !matches!(inbound.own_cookie(OwnCookie::Session), Shown::Nothing) {
            let before = self.authenticator.recognise(inbound, Asks::Anyone, self.clock.now()).await.ok();
            self.end_before(before, &source(inbound)).await;
            self.take_session(response, inbound);
        }
    }

    /// Takes them back.
    pub(super) fn take_tokens(&self, response: &mut Response<Body>) {
        let cookies = self.door.cookies();
        if cookies.have_tokens() {
            for which in [OwnCookie::Access, OwnCookie::Refresh] {
                add_cookie(response, cookies.clear(which));
                add_cookie(response, cookies.set_beside(which, "", std::time::Duration::ZERO));
            }
        }
    }

    /// The refresh token in its cookie, once the page has shown that it can read the one beside it.
    pub(super) fn refresh_in_cookie(&self, inbound: &Inbound) -> Result<Option<Secret>, Problem> {
        let token = match inbound.own_cookie(OwnCookie::Refresh) {
            Shown::One(token) if !token.expose().is_empty() => token,
            Shown::Nothing | Shown::One(_) => return Ok(None),
            Shown::Several => return Err(AuthnError::Double.into()),
        };
        self.authenticator.check_sent_along(inbound, self.csrf_of(token).as_ref())?;
        Ok(Some(token.clone()))
    }

    /// What belongs to a token: its own claim, or what follows from one of ours that holds nothing.
    fn csrf_of(&self, token: &Secret) -> Option<Secret> {
        let now = self.clock.now();
        if token.expose().contains('.') {
            let known =
                self.tokens.verify(token.expose(), now).or_else(|_| self.tokens.verify_refresh(token.expose(), now));
            return known.ok()?.csrf().cloned();
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose().as_bytes());
        Some(Secret::new(URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"beside a refresh token of authgate").as_ref())))
    }
}
