//! `POST` or `DELETE {p}/logout`: ends the session; its access tokens are dead with the next request.
use http::Response;
use serde::Deserialize;

use super::sessions::away;
use super::{Endpoints, Problem, form, nothing, source};
use crate::authn;
use crate::base::{Secret, SessionId};
use crate::wire::{Body, Inbound};

#[derive(Deserialize)]
struct Form {
    refresh_token: Option<String>,
}

impl Endpoints {
    /// 204 also for one who is not signed in: there is nothing left to end.
    pub(super) async fn logout(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Option<Form> = form::json_or_nothing(inbound.headers(), body, self.body_timeout).await?;
        let refresh = form.and_then(|form| form.refresh_token).map(Secret::new);
        let session = self.session_of(&inbound);
        if session.is_some() || refresh.is_some() {
            self.accounts.logout(session, refresh.as_ref(), &source(&inbound)).await.map_err(|error| away(&error))?;
        }
        Ok(nothing())
    }

    fn session_of(&self, inbound: &Inbound) -> Option<SessionId> {
        let token = authn::token_in(inbound.headers()).ok().flatten()?;
        self.authenticator.verify(token, self.clock.now()).ok()?.session()
    }
}
