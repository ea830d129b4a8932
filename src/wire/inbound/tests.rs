use http::Version;

use super::*;
use crate::wire::{AuthPrefix, PublicUrl, Settings};

fn door() -> Door {
    Door::new(&Settings {
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

struct Sent {
    request: Request<Body>,
}

fn sent(method: &str, target: &str) -> Sent {
    let mut request = Request::new(Body::Empty);
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = target.parse().unwrap();
    Sent { request }
}

impl Sent {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().try_append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap()).unwrap();
        self
    }

    fn version(mut self, version: Version) -> Self {
        *self.request.version_mut() = version;
        self
    }

    fn admit(self) -> Result<Inbound, BadRequest> {
        let peer = Peer { ip: Some("9.9.9.9".parse().unwrap()), tls: false };
        Inbound::admit(Box::new(self.request), peer, &door(), RequestId::make(Timestamp::from_seconds(1)))
            .map(|inbound| *inbound)
    }
}

#[test]
fn an_ordinary_request_is_read() {
    let inbound = sent("GET", "/a/%62?q=%61").with("host", "App.Example.com:8080").admit().unwrap();
    assert_eq!(inbound.path().as_str(), "/a/b");
    assert_eq!(inbound.path().query(), Some("q=%61"));
    assert_eq!(inbound.host(), "app.example.com");
    assert_eq!(inbound.authority().unwrap().as_str(), "app.example.com:8080");
    assert_eq!(inbound.host_field().unwrap(), "App.Example.com:8080");
    assert_eq!(inbound.client().ip, Some("9.9.9.9".parse().unwrap()));
}

#[test]
fn identity_fields_are_gone_after_admission() {
    let inbound = sent("GET", "/")
        .with("host", "g")
        .with("x_user.id", "admin")
        .with("x-forwarded-for", "1.1.1.1")
        .with("accept", "a");
    let inbound = inbound.admit().unwrap();
    let names: Vec<_> = inbound.headers().keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["host", "accept"]);
    assert_eq!(inbound.client().ip, Some("9.9.9.9".parse().unwrap()));
}

#[test]
fn the_host_must_be_there_once_and_well_formed() {
    assert_eq!(sent("GET", "/").admit().unwrap_err(), BadRequest::Host);
    assert_eq!(sent("GET", "/").with("host", "g").with("host", "g").admit().unwrap_err(), BadRequest::Host);
    for wrong in ["", "a b@c/d?e#f", "u@g", "g:99999"] {
        assert_eq!(sent("GET", "/").with("host", wrong).admit().unwrap_err(), BadRequest::Host, "{wrong}");
    }
    assert_eq!(sent("GET", "/").version(Version::HTTP_10).admit().unwrap().host(), "");
}

#[test]
fn an_absolute_target_must_name_the_same_host() {
    let ask = |target: &str, host: &str| sent("GET", target).with("host", host).admit();
    let inbound = ask("http://g/pub?x", "G:80").unwrap();
    assert_eq!(inbound.path().target().as_str(), "/pub?x");
    assert_eq!(ask("http://g", "g").unwrap().path().as_str(), "/");
    assert_eq!(ask("http://other/pub", "g").unwrap_err(), BadRequest::Host);
    assert_eq!(ask("http://u:p@g/pub", "g").unwrap_err(), BadRequest::Host);
    assert_eq!(ask("ftp://g/pub", "g").unwrap_err(), BadRequest::Target);
    assert_eq!(ask("http://g?x", "g").unwrap_err(), BadRequest::Path(PathError::NoSlash));
    assert_eq!(sent("GET", "http://g/pub").admit().unwrap_err(), BadRequest::Host);
}

#[test]
fn http_2_names_its_host_in_the_authority() {
    let ask = |target: &str| sent("GET", target).version(Version::HTTP_2);
    assert_eq!(ask("http://g/pub").admit().unwrap().host(), "g");
    assert_eq!(ask("http://g/pub").with("host", "g").admit().unwrap().host(), "g");
    assert_eq!(ask("http://g/pub").with("host", "other").admit().unwrap_err(), BadRequest::Host);
    assert_eq!(ask("http://u@g/pub").admit().unwrap_err(), BadRequest::Host);
    assert_eq!(ask("/pub").admit().unwrap_err(), BadRequest::Host);
    assert_eq!(ask("http://g/pub").with("transfer-encoding", "chunked").admit().unwrap_err(), BadRequest::Framing);
}

#[test]
fn odd_targets_are_refused() {
    assert_eq!(sent("GET", "*").with("host", "g").admit().unwrap_err(), BadRequest::Target);
    assert_eq!(sent("GET", "app").with("host", "g").admit().unwrap_err(), BadRequest::Target);
    assert_eq!(sent("GET", "app:80").with("host", "g").admit().unwrap_err(), BadRequest::Target);
    assert!(sent("OPTIONS", "*").with("host", "g").admit().unwrap().is_server_wide());
    assert!(!sent("OPTIONS", "/").with("host", "g").admit().unwrap().is_server_wide());
}

#[test]
fn tunnels_and_odd_methods_are_refused() {
    assert_eq!(sent("CONNECT", "u:80").with("host", "g").admit().unwrap_err(), BadRequest::Connect);
    assert_eq!(sent("CONNECT", "/app").with("host", "g").admit().unwrap_err(), BadRequest::Connect);
    for method in ["get", "G!#$", "Get"] {
        assert_eq!(sent(method, "/").with("host", "g").admit().unwrap_err(), BadRequest::Method, "{method}");
    }
    for method in ["GET", "PROPFIND", "M-SEARCH", "VERSION-CONTROL", "X_Y2"] {
        assert!(sent(method, "/").with("host", "g").admit().is_ok(), "{method}");
    }
}

#[test]
fn a_length_told_twice_or_oddly_is_refused() {
    let rows: &[&[(&'static str, &str)]] = &[
        &[("content-length", "3"), ("content-length", "3")],
        &[("content-length", "+3")],
        &[("content-length", "3, 3")],
        &[("content-length", "")],
        &[("content-length", "1234567890123456789")],
        &[("content-length", "3"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "gzip, chunked")],
        &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "identity")],
        &[("transfer-encoding", "chunked;x=1")],
        &[("transfer-encoding", "")],
    ];
    for row in rows {
        let request =
            row.iter().fold(sent("POST", "/").with("host", "g"), |sent, (name, value)| sent.with(name, value));
        assert_eq!(request.admit().unwrap_err(), BadRequest::Framing, "{row:?}");
    }
    assert!(sent("POST", "/").with("host", "g").with("transfer-encoding", "Chunked").admit().is_ok());
    assert!(sent("POST", "/").with("host", "g").with("content-length", "003").admit().is_ok());
}

#[test]
fn unknown_expectations_and_double_credentials_are_refused() {
    let ask = || sent("POST", "/").with("host", "g");
    assert!(ask().with("expect", "100-Continue").admit().is_ok());
    assert_eq!(ask().with("expect", "y 100-continue").admit().unwrap_err(), BadRequest::Expectation);
    assert_eq!(ask().with("expect", "").admit().unwrap_err(), BadRequest::Expectation);
    let twice = ask().with("authorization", "Bearer a").with("authorization", "Bearer b");
    assert_eq!(twice.admit().unwrap_err(), BadRequest::DoubleCredentials);
}

#[test]
fn a_hypothetical_request_takes_the_same_way() {
    let door = Door::new(&Settings {
        trusted_proxies: Vec::new(),
        trusts_unix: false,
        own_identity_names: Vec::new(),
        public_url: Some(PublicUrl { https: true, authority: "app.example.com".to_owned() }),
        auth_prefix: AuthPrefix("/auth".to_owned()),
        well_known: true,
        cors: Default::default(),
        allow_in_path: Default::default(),
        query_token: None,
        cookies: crate::wire::OwnCookies::default(),
    });
    let ask = |target: &str| Inbound::hypothetical(Method::GET, target, HeaderMap::new(), None, &door);
    let inbound = ask("/api?x").unwrap();
    assert_eq!((inbound.host(), inbound.client().https), ("app.example.com", true));
    assert_eq!(ask("http://other/api").unwrap().host(), "other");
    assert_eq!(ask("/a/../b").unwrap_err(), BadRequest::Path(PathError::DotSegment));
    assert_eq!(ask("/a#b").unwrap_err(), BadRequest::Path(PathError::Delimiter));
    assert!(ask("api").is_err());
}
