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

fn door() -> Door {
    Door::new(&crate::wire::Settings {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        trusts_unix: false,
        own_identity_names: Vec::new(),
        public_url: None,
        auth_prefix: AuthPrefix("/auth".to_owned()),
        well_known: true,
        cors: Default::default(),
        allow_in_path: Default::default(),
        query_token: None,
        cookies: crate::wire::OwnCookies::default(),
    })
}

fn inbound(peer: &str, uri: &str, version: Version, fields: &[(&'static str, &str)]) -> Inbound {
    let mut request = Request::new(Body::Empty);
    *request.uri_mut() = uri.parse().unwrap();
    *request.version_mut() = version;
    for (name, value) in fields {
        request.headers_mut().try_append(*name, HeaderValue::from_str(value).unwrap()).unwrap();
    }
    let peer = Peer { ip: Some(peer.parse().unwrap()), tls: false };
    let id = RequestId::make(crate::base::Timestamp::from_seconds(1));
    *Inbound::admit(Box::new(request), peer, &door(), id).unwrap()
}

fn permit() -> Permit {
    let rule = authz::Settings {
        auth: Asks::Nobody,
        roles: Vec::new(),
        scopes: Vec::new(),
        fresh_login: None,
        mfa: false,
        mode: Mode::Enforce,
    };
    Policy::new(rule).admit(&Caller::Anonymous, crate::base::Timestamp::from_millis(0)).unwrap()
}

/// The head in bytes, held against the same head as a map.
fn written(inbound: &Inbound, target: &Target<'_>, host_header: HostHeader, body: &Body) -> (String, HeaderMap) {
    let (settings, permit) = (settings(host_header), permit());
    let outgoing = Head::new(inbound, &permit, target, &settings, body, false).unwrap();
    let place = HeaderValue::from_static("u:3000");
    let mut bytes = Vec::new();
    outgoing.write(&place, &mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (line, rest) = text.split_once("\r\n").unwrap();
    let headers = outgoing.headers(&place);
    let lines = headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    assert!(rest.starts_with(&lines.collect::<String>()), "{rest}");
    assert!(rest.ends_with("\r\n\r\n") && !rest.trim_end().contains("\r\n\r\n"), "{rest}");
    (format!("{line}\r\n{rest}"), headers)
}

fn built(inbound: &Inbound, target: &Target<'_>, host_header: HostHeader) -> HeaderMap {
    written(inbound, target, host_header, &Body::Empty).1
}

fn sent(fields: &[(&'static str, &str)], target: &Target<'_>) -> Vec<String> {
    let fields: Vec<_> = [("host", "g")].iter().chain(fields).copied().collect();
    let headers = built(&inbound("9.9.9.9", "/", Version::HTTP_11, &fields), target, HostHeader::Keep);
    let ours = |name: &HeaderName| {
        name.as_str().starts_with("x-forwarded-")
            || ["forwarded", "traceparent", "x-request-id"].contains(&name.as_str())
    };
    let lines = headers.iter().filter(|(name, _)| !ours(name));
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
        [&FORWARDED_FOR, &FORWARDED_PROTO, &FORWARDED_HOST, &HOST].map(|name| head[name].to_str().unwrap().to_owned())
    };
    assert_eq!(of("9.9.9.9"), ["9.9.9.9", "http", "inner", "inner"]);
    assert_eq!(of("10.0.0.1"), ["5.5.5.5, 10.0.0.1", "https", "app.example.com", "inner"]);
}

#[test]
fn the_host_is_the_clients_or_the_upstreams() {
    let asked = inbound("9.9.9.9", "/", Version::HTTP_11, &[("host", "G.example:80")]);
    assert_eq!(built(&asked, &target(Asks::Nobody), HostHeader::Keep)[HOST], "G.example:80");
    assert_eq!(built(&asked, &target(Asks::Nobody), HostHeader::Upstream)[HOST], "u:3000");
    let old = inbound("9.9.9.9", "/", Version::HTTP_10, &[]);
    assert_eq!(built(&old, &target(Asks::Nobody), HostHeader::Keep)[HOST], "u:3000");
    let h2 = inbound("9.9.9.9", "http://g/", Version::HTTP_2, &[]);
    assert_eq!(built(&h2, &target(Asks::Nobody), HostHeader::Keep)[HOST], "g");
}

#[test]
fn the_canonical_path_and_the_exact_query_are_forwarded() {
    let asked = inbound("9.9.9.9", "http://g/api/%61dmin/%c3%a9?a=/../&b=%61", Version::HTTP_2, &[]);
    let line = |target: &Target<'_>| written(&asked, target, HostHeader::Keep, &Body::Empty).0;
    assert!(line(&target(Asks::Nobody)).starts_with("GET /api/admin/%c3%a9?a=/../&b=%61 HTTP/1.1\r\n"));
    let prefix = PathPrefix::parse("/api").unwrap();
    let stripped = Target { strip: Some(&prefix), ..target(Asks::Nobody) };
    assert!(line(&stripped).starts_with("GET /admin/%c3%a9?a=/../&b=%61 HTTP/1.1\r\n"));
}

#[test]
fn what_is_left_of_a_path_is_the_same_over_http_2() {
    let prefix = PathPrefix::parse("/api").unwrap();
    let (settings, permit) = (settings(HostHeader::Keep), permit());
    for (asked, whole, left) in [
        ("http://g/api/%61dmin?a=/../&b=%61", "http://g/api/admin?a=/../&b=%61", "http://g/admin?a=/../&b=%61"),
        ("http://g/api?x", "http://g/api?x", "http://g/?x"),
        ("http://g/api", "http://g/api", "http://g/"),
    ] {
        let inbound = inbound("9.9.9.9", asked, Version::HTTP_2, &[]);
        for (strip, expected) in [(None, whole), (Some(&prefix), left)] {
            let target = Target { strip, ..target(Asks::Nobody) };
            let outgoing = Head::new(&inbound, &permit, &target, &settings, &Body::Empty, false).unwrap();
            let request = outgoing.request(&HeaderValue::from_static("u:3000"), false, ()).unwrap();
            assert_eq!(request.uri().to_string(), expected);
        }
    }
}

#[test]
fn the_length_is_told_once() {
    let framed = |method: &str, body: &Body, announced: bool| {
        let fields: &[_] = if announced { &[("host", "g"), ("content-length", "7")] } else { &[("host", "g")] };
        let mut asked = inbound("9.9.9.9", "/", Version::HTTP_11, fields);
        asked = asked.instead(Method::from_bytes(method.as_bytes()).unwrap(), &"/".parse().unwrap(), &door()).unwrap();
        let (head, _) = written(&asked, &target(Asks::Nobody), HostHeader::Keep, body);
        let lengths: Vec<_> = head.lines().filter_map(|line| line.strip_prefix("content-length: ")).collect();
        assert!(lengths.len() <= 1 && !head.contains("transfer-encoding"), "{head}");
        lengths.first().map(|&length| length.to_owned())
    };
    assert_eq!(framed("GET", &Body::Empty, false), None);
    assert_eq!(framed("POST", &Body::Empty, false).as_deref(), Some("0"));
    assert_eq!(framed("DELETE", &Body::Empty, true).as_deref(), Some("0"));
    assert_eq!(framed("GET", &Body::full("abc"), true).as_deref(), Some("3"));
}

#[test]
fn what_the_operator_sets_stands_in_place_of_everything_but_identity() {
    let set = [
        (HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static("set")),
        (HeaderName::from_static("accept"), HeaderValue::from_static("set")),
        (HeaderName::from_static("host"), HeaderValue::from_static("set")),
        (HeaderName::from_static("x-user-name"), HeaderValue::from_static("root")),
    ];
    let asked = inbound("9.9.9.9", "/", Version::HTTP_11, &[("host", "g"), ("accept", "x"), ("accept", "y")]);
    let headers = built(&asked, &Target { set: &set, ..target(Asks::Nobody) }, HostHeader::Keep);
    for name in ["x-forwarded-proto", "accept", "host"] {
        assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), ["set"], "{name}");
    }
    assert!(!headers.contains_key("x-user-name"));
}
