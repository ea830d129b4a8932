//! `POST {p}/refresh`: a refresh token in, a new pair out.
use http::Response;
use serde::Deserialize;

use super::tokens_out::token_answer;
use super::{Endpoints, Problem, form, source};
use crate::base::Secret;
use crate::wire::{Body, Inbound};

#[derive(Deserialize)]
struct Form {
    refresh_token: String,
}

impl Endpoints {
    pub(super) async fn refresh(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Form = form::json(inbound.headers(), body, self.body_timeout).await?;
        let outcome = self.accounts.refresh(&Secret::new(form.refresh_token), &source(&inbound)).await;
        self.count_refresh(&outcome);
        let signed_in = outcome?;
        Ok(token_answer(&signed_in))
    }
}
