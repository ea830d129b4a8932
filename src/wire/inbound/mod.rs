//! A request that was read, bounded and cleaned; the only way in.
mod checks;
mod websocket;

use std::net::{IpAddr, Ipv4Addr};

use http::header::{AUTHORIZATION, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};

use super::cookies::TakenCookies;
use super::origin::is_from_elsewhere;
use super::{Authority, Body, CanonPath, ClientFacts, Door, OwnCookie, PathError, Peer, RequestId, Seen, Shown};
use crate::base::{Secret, Timestamp};

/// What a client asks: one path, one host, one length, the client's address decided, and no identity field in it.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// As it was read, its fields cleaned; its target is [`Self::path`].
    request: Box<Request<Body>>,
    path: CanonPath,
    server_wide: bool,
    /// It came as a CONNECT: an answer of success begins the tunnel.
    connects: bool,
    /// The `Host` as the client sent it.
    host: Option<HeaderValue>,
    /// The host as the public sees it.
    authority: Option<Authority>,
    seen: Seen,
    /// What the query showed in place of a token.
    query_token: Shown,
    /// What it showed of our own cookies.
    cookies: TakenCookies,
    client: ClientFacts,
    request_id: RequestId,
}

/// Why a request is not read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRequest {
    #[error("the method is not known")]
    Method,
    #[error("this is no tunnel")]
    Connect,
    #[error("the handshake is no WebSocket's")]
    Handshake,
    #[error("the request target is malformed")]
    Target,
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("the host is missing, malformed or named twice")]
    Host,
    #[error("the value of a field begins or ends with a blank")]
    Value,
    #[error("the length is ambiguous")]
    Framing,
    #[error("the expectation is not known")]
    Expectation,
    #[error("there is more than one Authorization field")]
    DoubleCredentials,
}

impl BadRequest {
    /// The stable word for logs and answers.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Method => "method_not_known",
            Self::Connect => "connect_refused",
            Self::Target | Self::Handshake | Self::Value => "bad_request",
            Self::Path(PathError::TooLong) => "target_too_long",
            Self::Path(_) => "ambiguous_path",
            Self::Host => "bad_host",
            Self::Framing => "bad_framing",
            Self::Expectation => "expectation_failed",
            Self::DoubleCredentials => "double_credentials",
        }
    }
}

impl Inbound {
    /// Reads a request, refuses what is ambiguous, decides who the client is, and takes every identity field off.
    pub(crate) fn admit(
        mut request: Box<Request<Body>>,
        peer: Peer,
        door: &Door,
        request_id: RequestId,
    ) -> Result<Box<Self>, BadRequest> {
        let connects = *request.method() == Method::CONNECT;
        if connects {
            websocket::as_over_http1(&mut request)?;
        }
        let version = request.version();
        checks::method(request.method())?;
        let host = checks::host(request.uri(), version, request.headers())?;
        let (path, server_wide, query_token) = target(request.method(), request.uri(), door)?;
        let headers = request.headers_mut();
        checks::values(headers, version)?;
        let seen = Seen::of(headers);
        if seen.has(Seen::FRAMING) {
            checks::framing(headers, version)?;
        }
        if seen.has(Seen::UPGRADE) {
            checks::handshake(headers)?;
        }
        if seen.has(Seen::EXPECT) {
            checks::expectation(headers)?;
        }
        checks::credentials(headers)?;
        let field = host.as_ref().map(|(field, _)| field.clone());
        let (client, authority) = ClientFacts::decide(peer, &door.trusted, headers, host);
        door.registry.strip(headers);
        let cookies = if seen.has(Seen::COOKIE) { door.cookies.take(headers) } else { TakenCookies::default() };
        let mut inbound = Box::new(Self {
            request,
            path,
            server_wide,
            connects,
            host: field,
            authority,
            seen,
            query_token,
            cookies,
            client,
            request_id,
        });
        if door.cors.bars_cookies(inbound.headers()) && is_from_elsewhere(&inbound, door) {
            inbound.cookies = TakenCookies::default();
        }
        Ok(inbound)
    }

    /// A request that nobody sent, through the same checks: what `explain` asks about. `target` is a URL or a path; a
    /// path is asked of `public_url`'s host unless `headers` name one.
    pub(crate) fn hypothetical(
        method: Method,
        target: &str,
        mut headers: HeaderMap,
        from: Option<IpAddr>,
        door: &Door,
    ) -> Result<Self, BadRequest> {
        if target.contains('#') {
            return Err(BadRequest::Path(PathError::Delimiter));
        }
        let uri: Uri = target.parse().map_err(|_| BadRequest::Target)?;
        let named = uri.authority().map(|authority| authority.as_str().to_owned());
        let public = door.public.as_ref().map(|public| public.authority.as_str().to_owned());
        if !headers.contains_key(HOST) {
            let host = named.or(public).unwrap_or_else(|| "localhost".to_owned());
            headers.insert(HOST, HeaderValue::try_from(host).map_err(|_| BadRequest::Host)?);
        }
        let tls = match uri.scheme_str() {
            Some(scheme) => scheme == "https",
            None => door.public.as_ref().is_some_and(|public| public.https),
        };
        let mut request = Box::new(Request::new(Body::Empty));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let peer = Peer { ip: Some(from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))), tls };
        let request_id = door.request_id(request.headers(), peer, Timestamp::from_millis(0));
        Self::admit(request, peer, door, request_id).map(|inbound| *inbound)
    }

    /// The request that a trusted proxy asks about, in place of the one it asks with: another method, another path and,
    /// in an absolute URL, another host. The target is read as that of any request.
    pub(crate) fn instead(self, method: Method, uri: &Uri, door: &Door) -> Result<Self, BadRequest> {
        checks::method(&method)?;
        let (path, server_wide, shown) = target(&method, uri, door)?;
        let query_token = if matches!(shown, Shown::Nothing) { self.query_token } else { shown };
        let mut about = Self { path, server_wide, query_token, ..self };
        *about.request.method_mut() = method;
        if let Some(named) = uri.authority() {
            about.authority = Some(Authority::parse(named.as_str().as_bytes()).ok_or(BadRequest::Host)?);
            about.client.https = uri.scheme_str() == Some("https");
        }
        Ok(about)
    }

    /// The same with the host that stands in `Host`, whatever `X-Forwarded-Host` says: for a proxy that hands that on as the
    /// client sent it.
    pub(crate) fn of_own_host(mut self) -> Self {
        self.authority = self.host.as_ref().and_then(|host| Authority::parse(host.as_bytes()));
        self.client.host.clone_from(&self.host);
        self
    }

    pub(crate) fn method(&self) -> &Method {
        self.request.method()
    }

    pub(crate) fn version(&self) -> Version {
        self.request.version()
    }

    pub(crate) const fn path(&self) -> &CanonPath {
        &self.path
    }

    /// `OPTIONS *`: asked of the gateway itself, not of any path ([`Self::path`] is "/" then). Never forwarded.
    pub(crate) const fn is_server_wide(&self) -> bool {
        self.server_wide
    }

    /// A WebSocket's handshake over HTTP/2 (RFC 8441), in the form of HTTP/1.1: any answer of success says that the tunnel
    /// stands.
    pub(crate) const fn connects(&self) -> bool {
        self.connects
    }

    /// Lower case, without port; "" when an HTTP/1.0 client names none.
    pub(crate) fn host(&self) -> &str {
        self.authority.as_ref().map(Authority::host).unwrap_or_default()
    }

    /// Host and port as the public sees them.
    pub(crate) const fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// The `Host` that the client sent, as it sent it.
    pub(crate) const fn host_field(&self) -> Option<&HeaderValue> {
        self.host.as_ref()
    }

    /// Without identity fields and without `X-Forwarded-*`.
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// Which fields there are at all, among those that are asked about often.
    pub(crate) const fn seen(&self) -> Seen {
        self.seen
    }

    /// What stood in the parameter of the query that may hold a token.
    pub(crate) const fn query_token(&self) -> &Shown {
        &self.query_token
    }

    /// What stood in one of our own cookies.
    pub(crate) const fn own_cookie(&self, which: OwnCookie) -> &Shown {
        match which {
            OwnCookie::Session => &self.cookies.session,
            OwnCookie::Form => &self.cookies.form,
            OwnCookie::Access => &self.cookies.access,
            OwnCookie::Refresh => &self.cookies.refresh,
        }
    }

    pub(crate) const fn client(&self) -> &ClientFacts {
        &self.client
    }

    pub(crate) const fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Shows a token in `Authorization`, in place of the cookie that stood for it.
    pub(crate) fn show(&mut self, token: &Secret) {
        if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", token.expose())) {
            value.set_sensitive(true);
            self.request.headers_mut().insert(AUTHORIZATION, value);
        }
    }

    /// The body, once; an empty one afterwards.
    pub(crate) fn take_body(&mut self) -> Body {
        std::mem::take(self.request.body_mut())
    }
}

/// The path, whether the server as a whole is meant, and what the query shows in place of a token, which is taken off.
fn target(method: &Method, uri: &Uri, door: &Door) -> Result<(CanonPath, bool, Shown), BadRequest> {
    let target = uri.path_and_query().ok_or(BadRequest::Target)?;
    if target.as_str() == "*" {
        let root = CanonPath::parse(&PathAndQuery::from_static("/"))?;
        return if *method == Method::OPTIONS { Ok((root, true, Shown::Nothing)) } else { Err(BadRequest::Target) };
    }
    let path = CanonPath::parse_as(target, door.allow_in_path)?;
    let (path, shown) = match &door.query_token {
        Some(name) => path.without(name)?,
        None => (path, Shown::Nothing),
    };
    Ok((path, false, shown))
}

#[cfg(test)]
mod tests;
