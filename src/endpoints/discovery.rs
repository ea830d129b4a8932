//! What clients and people look up: the public keys, and every error code with its cure.
use bytes::Bytes;
use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::Endpoints;
use super::names::JWKS_PATH;
use crate::pages::{ErrorCode, Errors};
use crate::refusal::{CODES, Code, OAUTH, own_page, own_response};
use crate::wire::{Body, Inbound};

impl Endpoints {
    /// The public keys (RFC 7517, section 5).
    pub(super) fn jwks(&self) -> Response<Body> {
        public(self.tokens.jwks())
    }

    /// What programs find here (RFC 8414, section 2; the same for OpenID Connect Discovery). Only what exists is listed:
    /// no authorization endpoint, no ID tokens.
    pub(super) fn metadata(&self) -> Response<Body> {
        let at = |name: &str| format!("{}{}{name}", self.origin, self.prefix);
        let mut grants = vec!["refresh_token"];
        if self.password_grant {
            grants.push("password");
        }
        let metadata = json!({
            "issuer": self.tokens.issuer(),
            "jwks_uri": format!("{}{JWKS_PATH}", self.origin),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "introspection_endpoint": at("/introspect"),
            "revocation_endpoint": at("/revoke"),
            "grant_types_supported": grants,
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            // The type of access token that is taken in place of a client's password (RFC 8414, section 2).
            "introspection_endpoint_auth_methods_supported": ["Bearer"],
        });
        public(metadata.to_string())
    }

    /// The page that the `type` of every problem points to.
    pub(super) fn errors(&self, inbound: &Inbound) -> Response<Body> {
        let row = |code: &Code| ErrorCode {
            name: code.name,
            status: code.status.as_u16(),
            title: code.title,
            cure: code.cure,
        };
        let page = Errors { codes: CODES.iter().chain(OAUTH).map(row).collect() };
        own_page(StatusCode::OK, self.draw(&page, inbound))
    }
}

/// What everybody may know and keep for a while.
pub(super) fn public(body: impl Into<Bytes>) -> Response<Body> {
    let mut response = own_response(StatusCode::OK, "application/json", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response.headers_mut().remove(VARY);
    response
}
