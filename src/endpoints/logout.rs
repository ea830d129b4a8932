//! `POST` or `DELETE {p}/logout`: ends the session; its access tokens are dead with the next request.
use std::sync::Arc;

use http::Response;
use serde::Deserialize;

use super::sessions::away;
use super::{Endpoints, Problem, form, nothing, source};
use crate::authz::Asks;
use crate::base::Secret;
use crate::token::Identity;
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
        let identity = self.identity_of(&inbound);
        let session = identity.as_ref().and_then(|identity| identity.session());
        if session.is_some() || refresh.is_some() {
            self.accounts.logout(session, refresh.as_ref(), &source(&inbound)).await.map_err(|error| away(&error))?;
        }
        if let Some(identity) = identity.filter(|identity| identity.session().is_none()) {
            self.accounts.logout_stranger(&identity, &source(&inbound)).await.map_err(|error| away(&error))?;
        }
        Ok(nothing())
    }

    fn identity_of(&self, inbound: &Inbound) -> Option<Arc<Identity>> {
        let caller = self.authenticator.identify(inbound, Asks::Somebody, self.clock.now()).ok()?;
        caller.identity().cloned()
    }
}
