//! `POST {p}/refresh`: a refresh token in, a new pair out.
use http::Response;
use serde::Deserialize;

use super::sessions::away;
use super::tokens_out::{session_answer, token_answer};
use super::{Endpoints, Problem, form, source};
use crate::authn;
use crate::authz::Asks;
use crate::base::Secret;
use crate::refusal::Refusal;
use crate::token::{Format, Identity, TokenError};
use crate::wire::{Body, Inbound, OwnCookie, Shown};

#[derive(Deserialize)]
struct Form {
    /// SimpleJWT's clients call it `refresh`.
    #[serde(default, alias = "refresh", deserialize_with = "form::there")]
    refresh_token: Option<Secret>,
}

impl Endpoints {
    pub(super) async fn refresh(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let presented = match self.bearer(&inbound) {
            Some(token) => Secret::new(token),
            None if !matches!(inbound.own_cookie(OwnCookie::Refresh), Shown::Nothing) => {
                self.refresh_in_cookie(&inbound)?.ok_or_else(|| Refusal::named("login_required"))?
            }
            None => {
                let form: Option<Form> = form::json_or_nothing(inbound.headers(), body, self.body_timeout).await?;
                match form.and_then(|form| form.refresh_token) {
                    Some(token) => token,
                    // A page of ours, which has a cookie and no refresh token.
                    None if shows_session(&inbound) => return self.token_of_session(&inbound).await,
                    None => return Err(Refusal::named(self.shown_nothing()).into()),
                }
            }
        };
        let outcome = match self.made_elsewhere(&presented) {
            None => self.accounts.refresh(&presented, &source(&inbound)).await,
            Some(Ok(identity)) => self.accounts.refresh_stranger(&presented, &identity, &source(&inbound)).await,
            Some(Err(refused)) => return Err(refused.into()),
        };
        self.count_refresh(&outcome);
        let signed_in = outcome?;
        let mut response = token_answer(&signed_in, self.format());
        self.give_tokens(&mut response, &inbound, &signed_in).await;
        Ok(response)
    }

    /// The access token that stands for a browser's session just now.
    async fn token_of_session(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        let now = self.clock.now();
        let known = self.authenticator.recognise(inbound, Asks::Somebody, now).await?;
        let (Some(identity), Some(held)) = (known.caller.identity(), &known.session) else {
            return Err(Refusal::named("login_required").into());
        };
        let profile = self.accounts.profile(held.session).await.map_err(|error| away(&error))?;
        let user = profile.ok_or_else(|| Refusal::named("session_ended"))?;
        Ok(session_answer(&held.token, identity, &user, now))
    }

    /// A refresh token that the backend's own library made. `None`: it looks like one of ours, or nobody else makes any.
    pub(super) fn made_elsewhere(&self, presented: &Secret) -> Option<Result<Identity, Refusal>> {
        if self.format() == Format::Native || !presented.expose().contains('.') {
            return None;
        }
        let now = self.clock.now();
        Some(self.tokens.verify_refresh(presented.expose(), now).map_err(|error| match error {
            TokenError::Expired => Refusal::named("token_expired"),
            TokenError::Invalid if self.tokens.verify(presented.expose(), now).is_ok() => {
                Refusal::with_detail("invalid_refresh_token", ONLY_REFRESH)
            }
            TokenError::Invalid => Refusal::named("invalid_refresh_token"),
        }))
    }

    /// Flask-JWT-Extended misses the field that a token stands in there.
    fn shown_nothing(&self) -> &'static str {
        if self.format() == Format::FlaskJwtExtended { "login_required" } else { "invalid_refresh_token" }
    }

    /// Flask-JWT-Extended's clients show the refresh token as a bearer, and send no body.
    fn bearer(&self, inbound: &Inbound) -> Option<String> {
        let token =
            authn::token_in(inbound.headers()).ok().flatten().and_then(|token| std::str::from_utf8(token).ok())?;
        (self.format() == Format::FlaskJwtExtended).then(|| token.to_owned())
    }
}

fn shows_session(inbound: &Inbound) -> bool {
    !matches!(inbound.own_cookie(OwnCookie::Session), Shown::Nothing)
}

/// An access token was shown; in the words of Flask-JWT-Extended.
const ONLY_REFRESH: &str = "Only refresh tokens are allowed";
