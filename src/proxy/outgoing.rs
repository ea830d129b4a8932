//! The upstream request, built anew: it starts with nothing, and only what may pass is copied into it.
use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, TE, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use http_body::Body as _;

use super::hop::{is_hop_by_hop, named_by_connection};
use super::identity;
use super::settings::{HostHeader, Settings};
use super::trace;
use super::upgrade::Handshake;
use super::upstream::Lease;
use super::{ForwardError, Target};
use crate::authz::{Asks, Permit};
use crate::wire::{Body, CanonPath, Inbound, REQUEST_ID};

/// Everything of the upstream request but its body, in the form of HTTP/1.1.
#[derive(Debug)]
pub(super) struct Head {
    method: Method,
    uri: Uri,
    pub(super) headers: HeaderMap,
}

impl Head {
    /// `place` is the upstream's own `Host`.
    pub(super) fn build(
        inbound: &Inbound,
        permit: &Permit,
        target: &Target<'_>,
        settings: &Settings,
        place: &HeaderValue,
    ) -> Result<Self, ForwardError> {
        let mut headers = HeaderMap::with_capacity(inbound.headers().len() + 8);
        let host = match settings.host_header {
            HostHeader::Keep => inbound.host_field().unwrap_or(place),
            HostHeader::Upstream => place,
        };
        headers.insert(HOST, host.clone());
        copy(inbound.headers(), &mut headers, target);
        set_forwarded(inbound, &mut headers);
        if !settings.http2 && Handshake::asked_by(inbound).is_some() {
            Handshake::write(&mut headers);
        }
        for (name, value) in target.set {
            headers.insert(name, value.clone());
        }
        identity::set(&mut headers, &settings.identity, permit.identity());
        Ok(Self { method: inbound.method().clone(), uri: uri(inbound.path(), target)?, headers })
    }

    /// Tells the body's length in one way; hyper would drop a body of unknown length from a `GET`.
    pub(super) fn frame(&mut self, body: &Body, announced: bool) {
        let length = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
        match length {
            Some(0) if !announced && !matches!(self.method, Method::POST | Method::PUT | Method::PATCH) => {}
            Some(length) => drop(self.headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
            None => drop(self.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))),
        }
    }

    pub(super) fn with_body<B>(self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }

    pub(super) fn target(&self) -> String {
        self.uri.to_string()
    }
}

/// Gives a request the form of the version that its connection speaks; one that goes over another connection than the
/// first may have the other form already.
pub(super) fn fit<B: http_body::Body>(request: &mut Request<B>, lease: &Lease, trailers: impl FnOnce() -> bool) {
    match (lease.is_shared(), request.version() == Version::HTTP_2) {
        (true, false) => fit_http2(request, lease.is_secure(), trailers()),
        (false, true) => fit_http1(request),
        (true, true) | (false, false) => {}
    }
}

pub(super) fn fit_http2<B>(request: &mut Request<B>, secure: bool, trailers: bool) {
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    // HTTP/2 frames every body itself.
    headers.remove(TRANSFER_ENCODING);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    let host = headers.remove(HOST);
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    // A Host was parsed when the request was admitted; one that is no authority is left out.
    parts.authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

fn fit_http1<B: http_body::Body>(request: &mut Request<B>) {
    *request.version_mut() = Version::HTTP_11;
    let mut parts = request.uri().clone().into_parts();
    let host = parts.authority.take().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    parts.scheme = None;
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    let unsaid = !request.body().is_end_stream() && !request.headers().contains_key(CONTENT_LENGTH);
    let headers = request.headers_mut();
    headers.remove(TE);
    headers.insert(HOST, host.unwrap_or(HeaderValue::from_static("localhost")));
    if unsaid {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// Names the host: in its field, or for HTTP/2 as `:authority`, which comes from the URI.
pub(super) fn set_host<B>(request: &mut Request<B>, host: HeaderValue) {
    if request.version() != Version::HTTP_2 {
        request.headers_mut().insert(HOST, host);
        return;
    }
    let mut parts = request.uri().clone().into_parts();
    parts.authority = Authority::try_from(host.as_bytes()).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

fn uri(path: &CanonPath, target: &Target<'_>) -> Result<Uri, ForwardError> {
    match target.strip {
        None => Ok(Uri::from(path.target().clone())),
        Some(prefix) => {
            let rest = prefix.strip(path).map_err(ForwardError::Path)?;
            Ok(Uri::from(rest.target().clone()))
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client's own fields may have several lines; identity is set afterwards"
)]
fn copy(from: &HeaderMap, to: &mut HeaderMap, target: &Target<'_>) {
    let named = named_by_connection(from);
    for (name, value) in from {
        let passes = !is_hop_by_hop(name)
            && !is_ours_to_say(name)
            && !named.contains(name)
            && (*name != AUTHORIZATION || passes_authorization(value, target));
        if passes {
            to.append(name.clone(), value.clone());
        }
    }
    join_cookies(to);
}

/// Fields that the gateway writes itself, or that say nothing behind it.
fn is_ours_to_say(name: &HeaderName) -> bool {
    *name == HOST || *name == CONTENT_LENGTH || *name == EXPECT || *name == COOKIE_2 || *name == REQUEST_ID
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
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    if let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) {
        let rest = crumbs.map(HeaderValue::as_bytes);
        let all: Vec<_> = [first.as_bytes(), second.as_bytes()].into_iter().chain(rest).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
            headers.insert(COOKIE, joined);
        }
    }
}

fn set_forwarded(inbound: &Inbound, headers: &mut HeaderMap) {
    let client = inbound.client();
    if let Some(chain) = client.forwarded_for() {
        headers.insert(FORWARDED_FOR, chain);
    }
    if let Some(forwarded) = client.forwarded() {
        headers.insert(FORWARDED, forwarded);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(client.scheme()));
    if let Some(host) = &client.host {
        headers.insert(FORWARDED_HOST, host.clone());
    }
    headers.insert(REQUEST_ID, inbound.request_id().value().clone());
    trace::keep_or_make(headers);
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Obsolete; some backends still read cookies from it.
const COOKIE_2: HeaderName = HeaderName::from_static("cookie2");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::authz::{self, Caller, Mode, Policy};
    use crate::proxy::{Address, Balance};
    use crate::wire::{AuthPrefix, Door, IdentityFields, IdentityPart, PathPrefix, Peer, RequestId};

    fn settings(host_header: HostHeader) -> Settings {
        let fields = vec![(IdentityPart::User, HeaderName::from_static("x-user-name"))];
        Settings {
            name: "app".to_owned(),
            addresses: vec![Address::Tcp { host: "u".to_owned(), port: 3000 }],
            http2: false,
            tls: None,
            health: None,
            balance: Balance::LeastRequests,
            eject_after: 5,
            eject_for: Duration::from_secs(1),
            retries: 1,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            keep_alive: Duration::from_secs(1),
            max_connections: 1,
            host_header,
            identity: IdentityFields { fields, separator: ",".to_owned() },
        }
    }

    fn target(asks: Asks) -> Target<'static> {
        Target {
            upstream: "app",
            strip: None,
            set: &[],
            forward_token: false,
            asks,
            timeout: None,
            max_body: 1024,
            body_timeout: Duration::from_secs(1),
        }
    }

    fn inbound(peer: &str, uri: &str, version: Version, fields: &[(&'static str, &str)]) -> Inbound {
        let door = Door::new(&crate::wire::Settings {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            own_identity_names: Vec::new(),
            public_url: None,
            auth_prefix: AuthPrefix("/auth".to_owned()),
            well_known: true,
            cors: Default::default(),
            allow_in_path: Default::default(),
            query_token: None,
            cookies: crate::wire::OwnCookies::default(),
        });
        let mut request = Request::new(Body::Empty);
        *request.uri_mut() = uri.parse().unwrap();
        *request.version_mut() = version;
        for (name, value) in fields {
            request.headers_mut().try_append(*name, HeaderValue::from_str(value).unwrap()).unwrap();
        }
        let peer = Peer { ip: Some(peer.parse().unwrap()), tls: false };
        let id = RequestId::make(crate::base::Timestamp::from_seconds(1));
        Inbound::admit(request, peer, &door, id).unwrap()
    }

    fn built(inbound: &Inbound, target: &Target<'_>, host_header: HostHeader) -> Head {
        let rule = authz::Settings {
            auth: Asks::Nobody,
            roles: Vec::new(),
            scopes: Vec::new(),
            fresh_login: None,
            mode: Mode::Enforce,
        };
        let permit = Policy::new(rule).admit(&Caller::Anonymous, crate::base::Timestamp::from_millis(0)).unwrap();
        Head::build(inbound, &permit, target, &settings(host_header), &HeaderValue::from_static("u:3000")).unwrap()
    }

    fn sent(fields: &[(&'static str, &str)], target: &Target<'_>) -> Vec<String> {
        let fields: Vec<_> = [("host", "g")].iter().chain(fields).copied().collect();
        let head = built(&inbound("9.9.9.9", "/", Version::HTTP_11, &fields), target, HostHeader::Keep);
        let ours = |name: &HeaderName| {
            name.as_str().starts_with("x-forwarded-")
                || ["forwarded", "traceparent", "x-request-id"].contains(&name.as_str())
        };
        let lines = head.headers.iter().filter(|(name, _)| !ours(name));
        lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn only_end_to_end_fields_are_copied() {
        #[rustfmt::skip]
        let fields = [
            ("connection", "close, x-hop, cookie, upgrade"), ("x-hop", "1"), ("keep-alive", "timeout=5"), ("te", "trailers"),
            ("trailer", "x-user-id"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABk"), ("expect", "100-continue"),
            ("proxy-authorization", "Basic x"), ("proxy-connection", "keep-alive"), ("content-length", "5"), ("cookie", "a=1"),
            ("accept", "x"), ("accept", "y"), ("x-api-key", "k"), ("user-agent", "t"),
        ];
        let expected = ["host: g", "cookie: a=1", "accept: x", "accept: y", "x-api-key: k", "user-agent: t"];
        assert_eq!(sent(&fields, &target(Asks::Somebody)), expected);
    }

    #[test]
    fn a_client_cannot_speak_in_the_gateways_name() {
        let spoofs = [("x-user-name", "root"), ("X_User_Name", "root"), ("connection", "x-user-name")];
        let spoofs: Vec<_> = spoofs.iter().map(|(name, value)| (name.to_lowercase(), *value)).collect();
        let spoofs: Vec<_> = spoofs.iter().map(|(name, value)| (&*name.clone().leak(), *value)).collect();
        assert_eq!(sent(&spoofs, &target(Asks::Nobody)), ["host: g"]);
    }

    #[test]
    fn authorization_goes_on_only_where_it_may() {
        let basic = ("authorization", "Basic YTpi");
        let bearer = ("authorization", "bEARER t");
        for (asks, forward_token, field, passes) in [
            (Asks::Somebody, false, bearer, false),
            (Asks::Somebody, false, basic, false),
            (Asks::Anyone, false, basic, false),
            (Asks::Nobody, false, bearer, false),
            (Asks::Nobody, false, ("authorization", "Bearer"), false),
            (Asks::Nobody, false, basic, true),
            (Asks::Nobody, false, ("authorization", "BearerX t"), true),
            (Asks::Nobody, true, bearer, true),
            (Asks::Somebody, true, bearer, true),
        ] {
            let target = Target { forward_token, ..target(asks) };
            assert_eq!(sent(&[field], &target).len() == 2, passes, "{asks:?} {forward_token} {field:?}");
        }
    }

    #[test]
    fn cookie_crumbs_become_one_line() {
        let crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=\"3\"")];
        assert_eq!(sent(&crumbs, &target(Asks::Nobody)), ["host: g", "cookie: a=1; b=2; c=\"3\""]);
    }

    #[test]
    fn forwarded_fields_are_made_here_and_continued_only_from_trusted_proxies() {
        let fields = [
            ("host", "inner"),
            ("x-forwarded-for", "5.5.5.5"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example.com"),
        ];
        let of = |peer: &str| {
            let head = built(&inbound(peer, "/", Version::HTTP_11, &fields), &target(Asks::Nobody), HostHeader::Keep);
            [&FORWARDED_FOR, &FORWARDED_PROTO, &FORWARDED_HOST, &HOST]
                .map(|name| head.headers[name].to_str().unwrap().to_owned())
        };
        assert_eq!(of("9.9.9.9"), ["9.9.9.9", "http", "inner", "inner"]);
        assert_eq!(of("10.0.0.1"), ["5.5.5.5, 10.0.0.1", "https", "app.example.com", "inner"]);
    }

    #[test]
    fn the_host_is_the_clients_or_the_upstreams() {
        let asked = inbound("9.9.9.9", "/", Version::HTTP_11, &[("host", "G.example:80")]);
        assert_eq!(built(&asked, &target(Asks::Nobody), HostHeader::Keep).headers[HOST], "G.example:80");
        assert_eq!(built(&asked, &target(Asks::Nobody), HostHeader::Upstream).headers[HOST], "u:3000");
        let old = inbound("9.9.9.9", "/", Version::HTTP_10, &[]);
        assert_eq!(built(&old, &target(Asks::Nobody), HostHeader::Keep).headers[HOST], "u:3000");
        let h2 = inbound("9.9.9.9", "http://g/", Version::HTTP_2, &[]);
        assert_eq!(built(&h2, &target(Asks::Nobody), HostHeader::Keep).headers[HOST], "g");
    }

    #[test]
    fn the_canonical_path_and_the_exact_query_are_forwarded() {
        let asked = inbound("9.9.9.9", "http://g/api/%61dmin/%c3%a9?a=/../&b=%61", Version::HTTP_2, &[]);
        let head = built(&asked, &target(Asks::Nobody), HostHeader::Keep);
        assert_eq!(head.target(), "/api/admin/%c3%a9?a=/../&b=%61");
        let prefix = PathPrefix::parse("/api").unwrap();
        let stripped = Target { strip: Some(&prefix), ..target(Asks::Nobody) };
        assert_eq!(built(&asked, &stripped, HostHeader::Keep).target(), "/admin/%c3%a9?a=/../&b=%61");
    }

    #[test]
    fn the_length_is_told_once() {
        let framed = |method: &str, body: &Body, announced: bool| {
            let mut head = built(
                &inbound("9.9.9.9", "/", Version::HTTP_11, &[("host", "g")]),
                &target(Asks::Nobody),
                HostHeader::Keep,
            );
            head.method = Method::from_bytes(method.as_bytes()).unwrap();
            head.frame(body, announced);
            head.headers.get(CONTENT_LENGTH).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(framed("GET", &Body::Empty, false), None);
        assert_eq!(framed("POST", &Body::Empty, false).as_deref(), Some("0"));
        assert_eq!(framed("DELETE", &Body::Empty, true).as_deref(), Some("0"));
        assert_eq!(framed("GET", &Body::full("abc"), true).as_deref(), Some("3"));
    }
}
