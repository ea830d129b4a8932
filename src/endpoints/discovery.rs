//! What clients and people look up: the public keys, and every error code with its cure.
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::{HeaderValue, Response, StatusCode};

use super::Endpoints;
use crate::refusal::{CODES, own_response};
use crate::wire::Body;

impl Endpoints {
    /// The public keys (RFC 7517, section 5).
    pub(super) fn jwks(&self) -> Response<Body> {
        let mut response = own_response(StatusCode::OK, "application/json", self.tokens.jwks());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        response
    }
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
    let mut response = own_response(StatusCode::OK, "text/html; charset=utf-8", page);
    let policy =
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

const PAGE_TOP: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Error codes</title>\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
</head><body><main>\n<h1>Error codes</h1>\n<p>Every refusal of this gateway carries one of these in its member \
<code>error</code>.</p>\n";
