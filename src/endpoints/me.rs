//! `GET {p}/me` and its aliases: who the token says one is, as the store knows it now. `PATCH` changes names.
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::{Endpoints, Problem, form, source, tokens_out};
use crate::account::Wish;
use crate::base::{Email, Secret, Username};
use crate::refusal::own_response;
use crate::store::User;
use crate::token::Subject;
use crate::wire::{Body, Inbound};

/// Unknown members are refused: nobody gives themselves a role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    username: Option<String>,
    email: Option<String>,
    name: Option<String>,
    /// Needed for another address, or another username where people sign in with it, when the sign-in is older than some
    /// minutes.
    password: Option<Secret>,
}

impl Endpoints {
    pub(super) async fn me(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        if *inbound.method() != Method::PATCH {
            let user = self.somebody(&inbound).await?;
            return Ok(own_response(StatusCode::OK, "application/json", self.told_of(&user).to_string()));
        }
        let (user, session, form) = self.person_with(&mut inbound, form::json::<Form>).await?;
        let wish =
            Wish { username: form.username.as_deref(), email: form.email.as_deref(), name: form.name.as_deref() };
        let changed = self.accounts.change(&user, session, &wish, form.password.as_ref(), &source(&inbound)).await?;
        let mut said = self.told_of(&changed.user);
        if let (Some(pending), Value::Object(members)) = (&changed.pending, &mut said) {
            members.insert("pending_email".to_owned(), pending.as_str().into());
        }
        Ok(own_response(StatusCode::OK, "application/json", said.to_string()))
    }

    /// `sub` is the one that tokens say (OpenID Connect Core, section 5.3.2).
    fn told_of(&self, user: &User) -> Value {
        let mut said = tokens_out::user(user);
        let sub = match self.tokens.settings().subject {
            Subject::Id => None,
            Subject::Username => user.username.as_ref().map(Username::as_str),
            Subject::Email => user.email.as_ref().map(Email::as_str),
        };
        if let (Some(sub), Value::Object(members)) = (sub, &mut said) {
            members.insert("sub".to_owned(), sub.into());
        }
        said
    }
}
