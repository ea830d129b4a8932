//! Pages that need nobody to be signed in, and the files that all pages refer to.
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, VARY};
use http::{HeaderValue, Response, StatusCode};

use super::Endpoints;
use crate::pages::{ErrorCode, Errors, Reader};
use crate::refusal::{CODES, Refusal, own_page, own_response};
use crate::wire::{Body, Inbound};

impl Endpoints {
    /// The page that the `type` of every problem points to.
    pub(super) fn errors(&self, inbound: &Inbound) -> Response<Body> {
        let row = |code: &crate::refusal::Code| ErrorCode {
            name: code.name,
            status: code.status.as_u16(),
            title: code.title,
            cure: code.cure,
        };
        let page = Errors { codes: CODES.iter().map(row).collect() };
        own_page(StatusCode::OK, self.pages.show(&page, &self.reader(inbound)).into_text())
    }

    /// Style, script and logo. The name changes with the content, so a browser may keep it for good.
    pub(super) fn asset(&self, inbound: &Inbound) -> Result<Response<Body>, Refusal> {
        let asset = self.pages.asset(inbound.path().as_str()).ok_or_else(|| Refusal::named("no_route"))?;
        let mut response = own_response(StatusCode::OK, asset.kind, asset.bytes.clone());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        // A picture that is opened by itself is a document too.
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(INERT));
        headers.remove(VARY);
        Ok(response)
    }

    /// Who reads the answer to this request.
    fn reader(&self, inbound: &Inbound) -> Reader {
        let languages = inbound.headers().get(http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        self.pages.reader(languages, inbound.host())
    }
}

const INERT: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
