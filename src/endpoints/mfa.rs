//! The second factor: `{p}/mfa` ends a sign-in that waits for it; what lies below adds it and takes it away.
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::sessions::away;
use super::tokens_out::token_answer;
use super::{Endpoints, Problem, form, nothing, source};
use crate::base::Secret;
use crate::refusal::own_response;
use crate::wire::{Body, Inbound};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default, deserialize_with = "form::there")]
    challenge: Option<Secret>,
    #[serde(default, deserialize_with = "form::there")]
    code: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: Secret,
}

/// Needed when the sign-in is older than some minutes.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    #[serde(default)]
    password: Option<Secret>,
}

impl Endpoints {
    /// `GET`: what the person has. `POST`: the second half of a sign-in.
    pub(super) async fn mfa(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        if *inbound.method() != Method::POST {
            let (user, _) = self.person(&inbound).await?;
            let factors = self.accounts.factors(user.id).await.map_err(|error| away(&error))?;
            let said = json!({ "totp": factors.totp, "recovery_codes_left": factors.recovery_codes });
            return Ok(own_response(StatusCode::OK, "application/json", said.to_string()));
        }
        let body = inbound.take_body();
        let form: Answer = form::json(inbound.headers(), body, self.body_timeout).await?;
        let (Some(challenge), Some(code)) = (&form.challenge, &form.code) else {
            return Err(form::missing(&[("challenge", form.challenge.is_some()), ("code", form.code.is_some())]).into());
        };
        let outcome = self.accounts.sign_in_with_code(challenge, code, &source(&inbound)).await;
        self.count_login("mfa", &outcome);
        let signed_in = outcome?;
        let mut response = token_answer(&signed_in, self.format());
        self.give_tokens(&mut response, &inbound, &signed_in).await;
        Ok(response)
    }

    /// `POST`: a new key. `DELETE`: no second factor any more.
    pub(super) async fn totp(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let (user, session, form) = self.person_with(&mut inbound, form::fields_or_nothing::<Password>).await?;
        let password = form.unwrap_or_default().password;
        if *inbound.method() == Method::DELETE {
            self.accounts.remove_totp(&user, session, password.as_ref(), &source(&inbound)).await?;
            return Ok(nothing());
        }
        let made = self.accounts.begin_totp(&user, session, password.as_ref(), &source(&inbound)).await?;
        let said = json!({ "secret": made.key.expose(), "uri": made.uri.expose(), "qr_svg": made.picture.expose() });
        Ok(own_response(StatusCode::OK, "application/json", said.to_string()))
    }

    pub(super) async fn confirm_totp(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let (user, session, form) = self.person_with(&mut inbound, form::fields::<Code>).await?;
        let codes = self.accounts.confirm_totp(&user, session, &form.code, &source(&inbound)).await?;
        Ok(told(&codes))
    }

    pub(super) async fn recovery_codes(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let (user, session, form) = self.person_with(&mut inbound, form::fields_or_nothing::<Password>).await?;
        let password = form.unwrap_or_default().password;
        let codes = self.accounts.new_recovery_codes(&user, session, password.as_ref(), &source(&inbound)).await?;
        Ok(told(&codes))
    }
}

fn told(codes: &[Secret]) -> Response<Body> {
    let codes: Vec<_> = codes.iter().map(Secret::expose).collect();
    own_response(StatusCode::OK, "application/json", json!({ "recovery_codes": codes }).to_string())
}
