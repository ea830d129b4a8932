//! The token answer, everywhere the same (RFC 6749, section 5.1).
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::account::SignedIn;
use crate::base::{Role, Scope, Secret, Timestamp};
use crate::refusal::own_response;
use crate::store::User;
use crate::token::{Format, Identity};
use crate::wire::Body;

/// 200 with the tokens.
pub(super) fn token_answer(signed_in: &SignedIn, format: Format) -> Response<Body> {
    own_response(StatusCode::OK, "application/json", tokens(signed_in, format).to_string())
}

/// 200 with the access token of a browser's session; what renews it is the cookie.
pub(super) fn session_answer(token: &Secret, identity: &Identity, user: &User, now: Timestamp) -> Response<Body> {
    let answer = json!({
        "access_token": token.expose(),
        "token_type": "Bearer",
        "expires_in": identity.expires_at().since(now).as_secs(),
        "scope": granted(identity.roles(), identity.scopes()),
        "user": self::user(user),
    });
    own_response(StatusCode::OK, "application/json", answer.to_string())
}

/// The members of the answer. `scope` names what was granted; with no scopes configured, the roles stand for them.
pub(super) fn tokens(signed_in: &SignedIn, format: Format) -> Value {
    let mut answer = native(signed_in);
    if let (Format::SimpleJwt, Value::Object(members)) = (format, &mut answer) {
        members.insert("access".to_owned(), signed_in.access_token.as_str().into());
        members.insert("refresh".to_owned(), signed_in.refresh_token.as_ref().map(Secret::expose).into());
    }
    answer
}

fn native(signed_in: &SignedIn) -> Value {
    json!({
        "access_token": signed_in.access_token,
        "token_type": "Bearer",
        "expires_in": signed_in.expires_in.as_secs(),
        "refresh_token": signed_in.refresh_token.as_ref().map(Secret::expose),
        "scope": granted(&signed_in.user.roles, &signed_in.scopes),
        "user": user(&signed_in.user),
    })
}

/// What a person may know of the own account (the members of OpenID Connect's UserInfo where there is one).
pub(super) fn user(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "sub": user.id.to_string(),
        "username": user.username.as_ref().map(ToString::to_string),
        "preferred_username": user.username.as_ref().map(ToString::to_string),
        "email": user.email.as_ref().map(ToString::to_string),
        "email_verified": user.email_verified,
        "name": user.name,
        "roles": user.roles.iter().map(Role::as_str).collect::<Vec<_>>(),
        "scopes": user.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "created_at": user.created_at.to_string(),
    })
}

fn granted(roles: &[Role], scopes: &[Scope]) -> String {
    if scopes.is_empty() {
        roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" ")
    } else {
        scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
    }
}
