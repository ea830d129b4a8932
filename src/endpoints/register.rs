//! `POST {p}/register`: makes an account and signs it in.
use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;

use super::tokens_out::tokens;
use super::{Endpoints, Problem, form, letter_sent, source};
use crate::account::SignUp;
use crate::base::Secret;
use crate::refusal::own_response;
use crate::wire::{Body, Inbound};

/// Unknown members are refused: nobody gives themselves a role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    username: Option<String>,
    email: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "form::there")]
    password: Option<Secret>,
    invite: Option<Secret>,
}

impl Endpoints {
    pub(super) async fn register(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Form = form::json(inbound.headers(), body, self.body_timeout).await?;
        let Some(password) = &form.password else {
            let named = form.username.is_some() || form.email.is_some();
            return Err(form::missing(&[("username", named), ("password", false)]).into());
        };
        let wish = SignUp {
            username: form.username.as_deref(),
            email: form.email.as_deref(),
            name: form.name.as_deref(),
            password,
            invite: form.invite.as_ref(),
        };
        let outcome = self.accounts.register(&wish, &source(&inbound)).await;
        self.count_registration(&outcome);
        let Some(signed_in) = outcome? else { return Ok(letter_sent()) };
        let mut response =
            own_response(StatusCode::CREATED, "application/json", tokens(&signed_in, self.format()).to_string());
        if let Ok(place) = HeaderValue::try_from(format!("{}/me", self.prefix)) {
            response.headers_mut().insert(LOCATION, place);
        }
        self.give_tokens(&mut response, &inbound, &signed_in).await;
        Ok(response)
    }
}
