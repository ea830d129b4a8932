//! The files that all pages refer to, and who reads a page.
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, VARY};
use http::{HeaderValue, Response, StatusCode};

use super::Endpoints;
use crate::pages::{Html, Page, Reader};
use crate::refusal::{Refusal, own_response};
use crate::wire::{Authority, Body, Inbound};

impl Endpoints {
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

    /// A page in the words of whoever asked.
    pub(super) fn draw<P: Page>(&self, page: &P, inbound: &Inbound) -> Html {
        self.pages.show(page, &self.reader(inbound))
    }

    pub(super) fn reader(&self, inbound: &Inbound) -> Reader {
        let languages = inbound.headers().get(http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        self.pages.reader(languages, inbound.authority().map(Authority::as_str).unwrap_or_default())
    }
}

const INERT: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
