//! The upstream request, built anew: it starts with nothing, and only what may pass is written into it.
use std::borrow::Cow;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use http_body::Body as _;

use super::hop::{is_hop_by_hop, named_by_connection};
use super::identity;
use super::settings::{HostHeader, Settings};
use super::trace;
use super::{ForwardError, Target};
use crate::authz::{Asks, Permit};
use crate::wire::{Body, Inbound, OwnCookie, PathError, REQUEST_ID, Seen, Shown, is_same_fold, token_cookie};

/// Everything of an upstream request but its body. It is written for each connection that is tried: in bytes for
/// HTTP/1.1, as a map for HTTP/2.
#[derive(Debug)]
pub(super) struct Head<'a> {
    inbound: &'a Inbound,
    permit: &'a Permit,
    target: &'a Target<'a>,
    settings: &'a Settings,
    /// Path and query.
    path: Cow<'a, str>,
    length: Length,
    /// A WebSocket is asked for.
    handshake: bool,
    /// Where the client names no trace: the same for every try.
    trace: Option<trace::Begun>,
    /// One bit for each name that is set later, by its length and last letter: most names need no second look.
    later: u64,
}

/// What is known of the length of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// There is none, and nothing is said of it.
    Untold,
    Exact(u64),
    Unknown,
}

impl Length {
    fn of(body: &Body, inbound: &Inbound) -> Self {
        let announced = || inbound.seen().has(Seen::FRAMING) && inbound.headers().contains_key(CONTENT_LENGTH);
        let expected = || matches!(*inbound.method(), Method::POST | Method::PUT | Method::PATCH);
        match if body.is_end_stream() { Some(0) } else { body.size_hint().exact() } {
            Some(0) if !expected() && !announced() => Self::Untold,
            Some(length) => Self::Exact(length),
            None => Self::Unknown,
        }
    }
}

impl<'a> Head<'a> {
    pub(super) fn new(
        inbound: &'a Inbound,
        permit: &'a Permit,
        target: &'a Target<'a>,
        settings: &'a Settings,
        body: &Body,
        handshake: bool,
    ) -> Result<Self, ForwardError> {
        let path = match target.strip {
            None => Cow::Borrowed(inbound.path().target().as_str()),
            Some(prefix) => prefix.strip(inbound.path()).map_err(ForwardError::Path)?,
        };
        let traced = inbound.seen().has(Seen::TRACE) && trace::is_kept(inbound.headers());
        let trace = (!traced).then(trace::Begun::now);
        let set = target.set.iter().map(|(name, _)| name);
        let later =
            set.chain(settings.identity.fields.iter().map(|(_, name)| name)).fold(0, |all, name| all | bit(name));
        let length = Length::of(body, inbound);
        Ok(Self { inbound, permit, target, settings, path, length, handshake, trace, later })
    }

    pub(super) const fn length(&self) -> Length {
        self.length
    }

    pub(super) fn is_head(&self) -> bool {
        *self.inbound.method() == Method::HEAD
    }

    /// So long the head of the answer may take.
    pub(super) fn within(&self) -> Duration {
        self.target.timeout.unwrap_or(self.settings.response_timeout)
    }

    /// Whether it may be sent twice (RFC 9110, section 9.2.1).
    pub(super) fn is_safe(&self) -> bool {
        self.inbound.method().is_safe()
    }

    /// Path and query.
    pub(super) fn target(&self) -> &str {
        &self.path
    }

    /// The head in bytes, for HTTP/1.1; `place` is the upstream's own `Host`.
    pub(super) fn write(&self, place: &HeaderValue, out: &mut Vec<u8>) {
        for part in [self.inbound.method().as_str(), " ", &self.path, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        self.fields(place, out);
        if self.handshake {
            out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
        }
        match self.length {
            Length::Untold => {}
            Length::Exact(length) => out.text(&CONTENT_LENGTH, &length.to_string()),
            Length::Unknown => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        out.extend_from_slice(b"\r\n");
    }

    /// The head as a map, for HTTP/2 and for `explain`; the body's length is left out but where it is known.
    pub(super) fn headers(&self, place: &HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.inbound.headers().len() + 8);
        self.fields(place, &mut headers);
        headers
    }

    /// The head for HTTP/2: the host becomes `:authority`, and every body is framed by the protocol.
    pub(super) fn request<B>(&self, place: &HeaderValue, secure: bool, body: B) -> Result<Request<B>, ForwardError> {
        let mut headers = self.headers(place);
        if super::asks_for_trailers(self.inbound) {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        if let Length::Exact(length) = self.length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut request = Request::new(body);
        *request.method_mut() = self.inbound.method().clone();
        let path = match self.target.strip {
            None => self.inbound.path().target().clone(),
            Some(_) => PathAndQuery::try_from(&*self.path).map_err(|_| ForwardError::Path(PathError::Byte))?,
        };
        *request.uri_mut() = Uri::from(path);
        *request.headers_mut() = headers;
        fit_http2(&mut request, secure);
        Ok(request)
    }

    /// Each field once, in the order of their rank: what stands in a later group is left out of the earlier ones.
    fn fields(&self, place: &HeaderValue, out: &mut impl Fields) {
        let host = match self.settings.host_header {
            HostHeader::Keep => self.inbound.host_field().unwrap_or(place),
            HostHeader::Upstream => place,
        };
        if !self.is_set_later(&HOST) {
            out.field(&HOST, host);
        }
        self.copy(out);
        self.forwarded(out);
        for (name, value) in self.target.set.iter().filter(|(name, _)| !self.is_identity(name)) {
            out.field(name, value);
        }
        identity::each(&self.settings.identity, self.permit.identity(), |name, value| out.text(name, value));
    }

    /// The client's own fields.
    fn copy(&self, out: &mut impl Fields) {
        let from = self.inbound.headers();
        let seen = self.inbound.seen();
        let named = if seen.has(Seen::CONNECTION) { named_by_connection(from) } else { Vec::new() };
        let mut cookies = false;
        for (name, value) in from {
            let passes = !is_hop_by_hop(name)
                && (self.trace.is_none() || !trace::is_about(name))
                && !is_ours_to_say(name)
                && !named.contains(name)
                && !self.is_set_later(name)
                && (*name != AUTHORIZATION || passes_authorization(value, self.target));
            if !passes {
                continue;
            }
            if *name != COOKIE {
                out.field(name, value);
            } else if !std::mem::replace(&mut cookies, true) {
                write_cookies(from, value, self.kept_token().as_ref(), out);
            }
        }
        // All that was left of the cookies; or they are not for the upstream at all.
        if !cookies
            && !named.contains(&COOKIE)
            && !self.is_set_later(&COOKIE)
            && let Some(kept) = self.kept_token()
        {
            out.field(&COOKIE, &kept);
        }
    }

    /// The token that stood in a cookie goes on as it came, where the route hands tokens on.
    fn kept_token(&self) -> Option<HeaderValue> {
        match self.inbound.own_cookie(OwnCookie::Access) {
            Shown::One(token) if self.target.forward_token => token_cookie(token),
            Shown::Nothing | Shown::One(_) | Shown::Several => None,
        }
    }

    fn forwarded(&self, out: &mut impl Fields) {
        let client = self.inbound.client();
        if let Some(peer) = client.peer() {
            if !self.is_set_later(&FORWARDED_FOR) {
                out.made(&FORWARDED_FOR, |value| client.write_forwarded_for(peer, value));
            }
            if !self.is_set_later(&FORWARDED) {
                out.made(&FORWARDED, |value| client.write_forwarded(peer, value));
            }
        }
        if let Some(trace) = &self.trace
            && !self.is_set_later(&trace::PARENT)
        {
            out.made(&trace::PARENT, |value| trace.write(value));
        }
        if !self.is_set_later(&FORWARDED_PROTO) {
            out.field(&FORWARDED_PROTO, &HeaderValue::from_static(client.scheme()));
        }
        if let Some(host) = &client.host
            && !self.is_set_later(&FORWARDED_HOST)
        {
            out.field(&FORWARDED_HOST, host);
        }
        if !self.is_set_later(&REQUEST_ID) {
            out.field(&REQUEST_ID, self.inbound.request_id().value());
        }
    }

    /// By the operator, or because it says who is asking.
    fn is_set_later(&self, name: &HeaderName) -> bool {
        self.later & bit(name) != 0 && (self.is_set(name) || self.is_identity(name))
    }

    /// In any spelling that a backend might take for the operator's.
    fn is_set(&self, name: &HeaderName) -> bool {
        self.target.set.iter().any(|(set, _)| is_same_fold(set.as_str(), name.as_str()))
    }

    fn is_identity(&self, name: &HeaderName) -> bool {
        self.settings.identity.fields.iter().any(|(_, field)| is_same_fold(field.as_str(), name.as_str()))
    }
}

/// Stands for the length of a name and its last letter: the same for all names of one fold.
fn bit(name: &HeaderName) -> u64 {
    let name = name.as_str().as_bytes();
    let last = name.last().filter(|last| last.is_ascii_alphanumeric()).map_or(0, |&last| usize::from(last));
    1 << ((name.len() + 7 * last) % 64)
}

/// Gives a request the form of HTTP/2: the host becomes `:authority`.
pub(super) fn fit_http2<B>(request: &mut Request<B>, secure: bool) {
    *request.version_mut() = Version::HTTP_2;
    let host = request.headers_mut().remove(HOST);
    let mut parts = request.uri().clone().into_parts();
    // A Host was parsed when the request was admitted; one that is no authority is left out.
    parts.authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    parts.scheme = parts.authority.as_ref().map(|_| if secure { Scheme::HTTPS } else { Scheme::HTTP });
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Where fields are written to.
pub(super) trait Fields {
    fn field(&mut self, name: &HeaderName, value: &HeaderValue);
    fn text(&mut self, name: &HeaderName, value: &str);
    /// A value that we make: nothing in it can end the line.
    fn made(&mut self, name: &HeaderName, write: impl FnOnce(&mut Vec<u8>));
}

impl Fields for HeaderMap {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client's own fields may have several lines; ours are written once"
    )]
    fn field(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.append(name.clone(), value.clone());
    }

    fn text(&mut self, name: &HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.field(name, &value);
        }
    }

    fn made(&mut self, name: &HeaderName, write: impl FnOnce(&mut Vec<u8>)) {
        let mut value = Vec::new();
        write(&mut value);
        if let Ok(value) = HeaderValue::try_from(value) {
            self.field(name, &value);
        }
    }
}

impl Fields for Vec<u8> {
    fn field(&mut self, name: &HeaderName, value: &HeaderValue) {
        write_line(self, name, value.as_bytes());
    }

    fn text(&mut self, name: &HeaderName, value: &str) {
        // As strict as a HeaderValue: nothing can end the line.
        if value.bytes().fold(true, |plain, byte| plain & (byte == b'\t' || (byte >= b' ' && byte != 0x7f))) {
            write_line(self, name, value.as_bytes());
        }
    }

    fn made(&mut self, name: &HeaderName, write: impl FnOnce(&mut Self)) {
        self.extend_from_slice(name.as_str().as_bytes());
        self.extend_from_slice(b": ");
        write(self);
        self.extend_from_slice(b"\r\n");
    }
}

fn write_line(out: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    let name = name.as_str().as_bytes();
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Fields that the gateway writes itself, or that say nothing behind it.
fn is_ours_to_say(name: &HeaderName) -> bool {
    *name == HOST
        || *name == CONTENT_LENGTH
        || *name == EXPECT
        || *name == COOKIE_2
        || *name == REQUEST_ID
        || *name == FORWARDED_FOR
        || *name == FORWARDED_PROTO
        || *name == FORWARDED_HOST
}

/// A token for the gateway goes no further; a backend's own scheme passes where nobody is asked.
fn passes_authorization(value: &HeaderValue, target: &Target<'_>) -> bool {
    let is_bearer = || {
        let bytes = value.as_bytes();
        let scheme = bytes.split(|byte| byte.is_ascii_whitespace() || *byte == b',').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"bearer")
    };
    match target.asks {
        Asks::Nobody => target.forward_token || !is_bearer(),
        Asks::Anyone | Asks::Somebody => target.forward_token,
    }
}

/// HTTP/2 clients may send a cookie in crumbs (RFC 9113, section 8.2.3); HTTP/1.1 knows one line only.
fn write_cookies(from: &HeaderMap, first: &HeaderValue, last: Option<&HeaderValue>, out: &mut impl Fields) {
    let mut crumbs = from.get_all(COOKIE).iter().skip(1).chain(last).peekable();
    if crumbs.peek().is_none() {
        return out.field(&COOKIE, first);
    }
    let all: Vec<_> = std::iter::once(first).chain(crumbs).map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        out.field(&COOKIE, &joined);
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Obsolete; some backends still read cookies from it.
const COOKIE_2: HeaderName = HeaderName::from_static("cookie2");

#[cfg(test)]
mod tests;
