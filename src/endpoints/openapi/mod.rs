//! `GET {p}/openapi.json`: what can be asked here, made from the tables that route and refuse, so that it says what is so.
mod draw;
mod operations;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::discovery::public;
use crate::authn;
use crate::token::Format;
use crate::wire::{Body, Inbound};

/// What the document depends on in the file.
#[derive(Debug)]
pub(crate) struct Describes {
    /// "/auth", or "" for the root.
    pub(crate) prefix: String,
    pub(crate) well_known: bool,
    /// People sign in with a browser.
    pub(crate) browsers: bool,
    pub(crate) password_grant: bool,
    /// Some proxy is believed, so it may ask.
    pub(crate) proxies: bool,
    pub(crate) format: Format,
    /// Tokens stand in cookies, which ask for a field beside them.
    pub(crate) token_cookies: bool,
    /// Where credentials are looked for, and what they are called there.
    pub(crate) locations: authn::Settings,
    pub(crate) query_token: Option<String>,
    pub(crate) cookie: String,
}

/// The document, drawn once for each configuration, when somebody first asks: drawing takes as much memory as a gateway at rest.
#[derive(Debug)]
pub(crate) struct Document {
    what: Describes,
    drawn: OnceLock<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    bytes: Bytes,
    mark: HeaderValue,
}

impl Document {
    pub(crate) fn of(what: Describes) -> Self {
        Self { what, drawn: OnceLock::new() }
    }

    pub(super) fn answer(&self, inbound: &Inbound) -> Response<Body> {
        self.drawn().answer(inbound)
    }

    fn drawn(&self) -> &Drawn {
        self.drawn.get_or_init(|| Drawn::of(&self.what))
    }
}

impl Drawn {
    fn of(what: &Describes) -> Self {
        let bytes = Bytes::from(draw::document(what).to_string());
        let mark = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest(&SHA256, &bytes)));
        Self { bytes, mark: HeaderValue::try_from(mark).unwrap_or_else(|_| HeaderValue::from_static("\"\"")) }
    }

    fn answer(&self, inbound: &Inbound) -> Response<Body> {
        let mut response = public(self.bytes.clone());
        response.headers_mut().insert(ETAG, self.mark.clone());
        if self.is_known_to(inbound.headers()) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(http::header::CONTENT_TYPE);
            *response.body_mut() = Body::Empty;
        }
        response
    }

    /// RFC 9110, section 13.1.2: compared weakly.
    fn is_known_to(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
        let mut marks = lines.flat_map(|line| line.split(',')).map(|mark| mark.trim());
        marks.any(|mark| mark == "*" || mark.strip_prefix("W/").unwrap_or(mark).as_bytes() == self.mark.as_bytes())
    }
}
