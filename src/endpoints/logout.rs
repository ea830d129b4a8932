//! `POST` or `DELETE {p}/logout`: ends the session; its access tokens are dead with the next request.
use std::sync::Arc;

use http::header::ORIGIN;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::browser::see_other;
use super::sessions::away;
use super::{Endpoints, Problem, form, nothing, source};
use crate::authn::{self, AuthnError};
use crate::authz::Asks;
use crate::base::Secret;
use crate::refusal::own_response;
use crate::token::{Format, Identity};
use crate::wire::{Body, Inbound, OwnCookie, Shown, is_from_elsewhere};

#[derive(Deserialize)]
struct Form {
    refresh_token: Option<Secret>,
}

impl Endpoints {
    /// 204 also for one who is not signed in: there is nothing left to end. A form of a page is answered with the next page.
    pub(super) async fn logout(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        if form::is_form(inbound.headers()) {
            let mut form = form::page_form(inbound.headers(), body, self.body_timeout).await?;
            if self.may_be_made_to(&inbound) {
                self.check_form(&inbound, &mut form)?;
            }
            let return_to = self.return_to(form.take("return_to").as_ref());
            self.end_shown(&inbound, form.take("refresh_token").as_ref()).await?;
            let mut response = see_other(return_to.as_ref());
            self.take_session(&mut response, &inbound);
            self.take_tokens(&mut response);
            return Ok(response);
        }
        let form: Option<Form> = form::json_or_nothing(inbound.headers(), body, self.body_timeout).await?;
        let refresh = form.and_then(|form| form.refresh_token);
        self.end_shown(&inbound, refresh.as_ref()).await?;
        let mut response = self.signed_out(inbound.method());
        self.take_session(&mut response, &inbound);
        self.take_tokens(&mut response);
        Ok(response)
    }

    /// Whether a page of somebody else could be behind a form: a browser adds the cookie to it by itself, and does not say
    /// whose page it was.
    fn may_be_made_to(&self, inbound: &Inbound) -> bool {
        let has_cookie = !matches!(inbound.own_cookie(OwnCookie::Session), Shown::Nothing);
        let is_own = inbound.headers().contains_key(ORIGIN) && !is_from_elsewhere(inbound, &self.door);
        has_cookie && !is_own
    }

    /// Ends what the request shows: a session, or a token that has none.
    async fn end_shown(&self, inbound: &Inbound, refresh: Option<&Secret>) -> Result<(), Problem> {
        let identity = self.identity_of(inbound).await?;
        // Who signs out late, or after a change of roles, is signed out all the same.
        let session = match &identity {
            Some(identity) => identity.session(),
            None => self.authenticator.session_to_end(inbound, self.clock.now()),
        };
        if session.is_some() || refresh.is_some() {
            self.accounts.logout(session, refresh, &source(inbound)).await.map_err(|error| away(&error))?;
        }
        if let Some(identity) = identity.filter(|identity| identity.session().is_none()) {
            self.accounts.logout_stranger(&identity, &source(inbound)).await.map_err(|error| away(&error))?;
        }
        for made_elsewhere in self.refresh_tokens_in(inbound, refresh) {
            let ended = self.accounts.end_stranger_refresh(&made_elsewhere, &source(inbound)).await;
            ended.map_err(|error| away(&error))?;
        }
        Ok(())
    }

    /// Those of the backend's own library, as a bearer or in the body.
    fn refresh_tokens_in(&self, inbound: &Inbound, sent: Option<&Secret>) -> Vec<Identity> {
        let bearer = authn::token_in(inbound.headers()).ok().flatten();
        let bearer =
            bearer.and_then(|token| std::str::from_utf8(token).ok()).map(|token| Secret::new(token.to_owned()));
        sent.into_iter().chain(&bearer).filter_map(|token| self.made_elsewhere(token)?.ok()).collect()
    }

    /// Clients of Flask-JWT-Extended's manual read a message after their DELETE.
    fn signed_out(&self, method: &Method) -> Response<Body> {
        if self.format() == Format::FlaskJwtExtended && method == Method::DELETE {
            let told = json!({ "msg": "Access token revoked" }).to_string();
            return own_response(StatusCode::OK, "application/json", told);
        }
        nothing()
    }

    /// What is over or was never good is nobody's. What may be good and cannot be told is an error.
    async fn identity_of(&self, inbound: &Inbound) -> Result<Option<Arc<Identity>>, AuthnError> {
        match self.authenticator.identify(inbound, Asks::Somebody, self.clock.now()).await {
            Ok(caller) => Ok(caller.identity().cloned()),
            Err(AuthnError::Invalid | AuthnError::Expired | AuthnError::SessionEnded) => Ok(None),
            Err(
                error @ (AuthnError::Double
                | AuthnError::ForeignOrigin
                | AuthnError::NoCsrf
                | AuthnError::OtherCsrf
                | AuthnError::Unavailable),
            ) => Err(error),
        }
    }
}
