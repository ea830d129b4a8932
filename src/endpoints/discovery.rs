//! What clients and people look up: the public keys, and every error code with its cure.
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::{Endpoints, JWKS_PATH};
use crate::refusal::{CODES, own_page, own_response};
use crate::wire::Body;

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
}

/// What everybody may know and keep for a while.
fn public(body: String) -> Response<Body> {
    let mut response = own_response(StatusCode::OK, "application/json", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// The page that the `type` of every problem points to.
pub(super) fn errors_page() -> Response<Body> {
    let mut page = String::from(PAGE_TOP);
    for code in CODES {
        page.push_str(&format!(
            "<h2 id=\"{name}\"><code>{name}</code> {status}</h2><p>{title}. {cure}</p>\n",
            name = code.name,
            status = code.status.as_u16(),
            title = code.title,
            cure = code.cure,
        ));
    }
    page.push_str("</main></body></html>\n");
    own_page(StatusCode::OK, page)
}

const PAGE_TOP: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Error codes</title>\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
</head><body><main>\n<h1>Error codes</h1>\n<p>Every refusal of this gateway carries one of these in its member \
<code>error</code>.</p>\n";
