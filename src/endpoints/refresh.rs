//! `POST {p}/refresh`: a refresh token in, a new pair out.
use http::Response;
use serde::Deserialize;

use super::tokens_out::token_answer;
use super::{Endpoints, Problem, form, source};
use crate::authn;
use crate::base::Secret;
use crate::token::Format;
use crate::wire::{Body, Inbound};

#[derive(Deserialize)]
struct Form {
    /// SimpleJWT's clients call it `refresh`.
    #[serde(alias = "refresh")]
    refresh_token: String,
}

impl Endpoints {
    pub(super) async fn refresh(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let presented = match self.bearer(&inbound) {
            Some(token) => token,
            None => form::json::<Form>(inbound.headers(), body, self.body_timeout).await?.refresh_token,
        };
        let outcome = self.accounts.refresh(&Secret::new(presented), &source(&inbound)).await;
        self.count_refresh(&outcome);
        let signed_in = outcome?;
        Ok(token_answer(&signed_in, self.format()))
    }

    /// Flask-JWT-Extended's clients show the refresh token as a bearer, and send no body.
    fn bearer(&self, inbound: &Inbound) -> Option<String> {
        let token = authn::token_in(inbound.headers()).ok().flatten()?;
        (self.format() == Format::FlaskJwtExtended).then(|| token.to_owned())
    }
}
