//! One path for matching and forwarding; what is ambiguous is refused (catalogue, group P).
use crate::support::{Gateway, Row, Saw, Upstream, run_rows};

const fn refused(id: &'static str, sends: &'static [u8]) -> Row {
    Row { id, sends, status: &[400], saw: Saw::Nothing, closes: true }
}

const fn stopped(id: &'static str, sends: &'static [u8], status: &'static [u16]) -> Row {
    Row { id, sends, status, saw: Saw::Nothing, closes: false }
}

const fn arrives(id: &'static str, sends: &'static [u8], path: &'static str) -> Row {
    Row { id, sends, status: &[200], saw: Saw::Path(path), closes: false }
}

const AMBIGUOUS: &[Row] = &[
    refused("P01", b"GET /pub/../app/x HTTP/1.1"),
    refused("P01", b"GET /pub/./../app HTTP/1.1"),
    refused("P01", b"GET /pub/.. HTTP/1.1"),
    refused("P01", b"GET /pub/. HTTP/1.1"),
    refused("P02", b"GET /pub/%2e%2e/app HTTP/1.1"),
    refused("P02", b"GET /pub/.%2E/app HTTP/1.1"),
    refused("P02", b"GET /pub/%2E./app HTTP/1.1"),
    refused("P03", b"GET /pub/..%2fapp HTTP/1.1"),
    refused("P03", b"GET /pub/..%2Fapp HTTP/1.1"),
    refused("P03", b"GET /app%2fadmin HTTP/1.1\nAuthorization: Bearer @A"),
    refused("P04", b"GET /pub/..\\app HTTP/1.1"),
    refused("P04", b"GET /pub/..%5capp HTTP/1.1"),
    refused("P04", b"GET /app\\admin HTTP/1.1\nAuthorization: Bearer @A"),
    refused("P05", b"GET /pub/..;/app HTTP/1.1"),
    refused("P05", b"GET /pub/.;a=b/app HTTP/1.1"),
    refused("P05", b"GET /pub;/../app HTTP/1.1"),
    refused("P05", b"GET /app;v=1/admin HTTP/1.1\nAuthorization: Bearer @A"),
    refused("P05", b"GET /app/admin;x HTTP/1.1\nAuthorization: Bearer @A"),
    refused("P05", b"GET /app/admin%3bx HTTP/1.1\nAuthorization: Bearer @A"),
    refused("P06", b"GET //app/x HTTP/1.1"),
    refused("P06", b"GET /pub//app HTTP/1.1"),
    refused("P06", b"GET /app//admin HTTP/1.1\nAuthorization: Bearer @A"),
    refused("P06", b"GET /app/admin// HTTP/1.1\nAuthorization: Bearer @A"),
    refused("P07", b"GET /pub/%252e%252e/app HTTP/1.1"),
    refused("P07", b"GET /app/%2561dmin HTTP/1.1\nAuthorization: Bearer @A"),
    refused("P07", b"GET /pub/%25%32%65 HTTP/1.1"),
    refused("P09", b"GET /pub/%zz HTTP/1.1"),
    refused("P09", b"GET /pub/%2 HTTP/1.1"),
    refused("P09", b"GET /pub/%u002e%u002e/app HTTP/1.1"),
    refused("P09", b"GET /pub/%00/app HTTP/1.1"),
    refused("P09", b"GET /pub/%0d%0aX-User-Id:1 HTTP/1.1"),
    refused("P09", b"GET /pub/%7f HTTP/1.1"),
    refused("P09", b"GET /pub%3f/../app HTTP/1.1"),
    refused("P09", b"GET /pub/%23 HTTP/1.1"),
    refused("P10", b"GET /pub/\xc3\xa9 HTTP/1.1"),
    refused("P10", b"GET /pub/%c0%ae%c0%ae/app HTTP/1.1"),
    refused("P10", b"GET /pub/%e0%80%ae HTTP/1.1"),
    refused("P10", b"GET /pub/%f0%80%80%af HTTP/1.1"),
    refused("P11", b"GET /app/x#/pub HTTP/1.1"),
    refused("P11", b"GET /pub#/../app HTTP/1.1"),
    refused("P11", b"GET http://@H/pub#/app HTTP/1.1\nHost: @H"),
    refused("P12", b"GET app/x HTTP/1.1"),
    refused("P12", b"GET app:80 HTTP/1.1"),
    refused("P12", b"GET app HTTP/1.1"),
    refused("P13", b"GET http://other/pub HTTP/1.1\nHost: @H"),
    refused("P13", b"GET http://u:p@@H/pub HTTP/1.1\nHost: @H"),
    refused("P13", b"GET ftp://@H/pub HTTP/1.1\nHost: @H"),
    refused("P13", b"GET http://@H?x HTTP/1.1\nHost: @H"),
    refused("P14", b"GET * HTTP/1.1"),
    refused("D06", b"GET //evil.com/auth/login HTTP/1.1"),
    refused("D06", b"GET //evil.com/%2e%2e HTTP/1.1"),
];

const DECIDED: &[Row] = &[
    arrives("P08", b"GET /%70ub/%7ex HTTP/1.1", "/pub/~x"),
    stopped("P08", b"GET /%61pp/x HTTP/1.1", &[401]),
    stopped("P08", b"GET /app/%61dmin HTTP/1.1\nAuthorization: Bearer @A", &[403]),
    stopped("P08", b"GET /app/a%64min HTTP/1.1\nAuthorization: Bearer @A", &[403]),
    arrives("P10", b"GET /pub/%ef%bc%8e%ef%bc%8e/app HTTP/1.1", "/pub/%ef%bc%8e%ef%bc%8e/app"),
    arrives("P10", b"GET /pub/%C3%a9%20%3A HTTP/1.1", "/pub/%C3%a9%20%3A"),
    arrives("P13", b"GET http://@H/pub/x HTTP/1.1\nHost: @H", "/pub/x"),
    stopped("P13", b"GET http://@H/app/x HTTP/1.1\nHost: @H", &[401]),
    stopped("P14", b"OPTIONS * HTTP/1.1", &[204]),
    Row { id: "P14", sends: b"CONNECT 127.0.0.1:80 HTTP/1.1", status: &[405], saw: Saw::Nothing, closes: true },
    Row { id: "P14", sends: b"CONNECT /app HTTP/1.1", status: &[400, 405], saw: Saw::Nothing, closes: true },
    stopped("P15", b"GET /publicity HTTP/1.1", &[404]),
    stopped("P15", b"GET /pub.bak HTTP/1.1", &[404]),
    stopped("P15", b"GET /pub-x/y HTTP/1.1", &[404]),
    stopped("P15", b"GET /application HTTP/1.1\nAuthorization: Bearer @A", &[404]),
    stopped("P16", b"GET /app/x?y=/pub/ HTTP/1.1", &[401]),
    stopped("P16", b"GET /app?/pub HTTP/1.1", &[401]),
    stopped("P16", b"GET /app/x?/../pub HTTP/1.1", &[401]),
    stopped("P17", b"GET /app/x HTTP/1.1\nX-Forwarded-Uri: /pub", &[401]),
    stopped(
        "P17",
        b"GET /app/x HTTP/1.1\nX-Original-URL: /pub\nX-Rewrite-URL: /pub\nX-Envoy-Original-Path: /pub",
        &[401],
    ),
    stopped("P17", b"GET /app/x HTTP/1.1\nX-Forwarded-Prefix: /pub\nX-HTTP-Method-Override: GET", &[401]),
    stopped("P19", b"OPTIONS /app/x HTTP/1.1\nOrigin: https://evil\nAccess-Control-Request-Method: GET", &[401]),
    stopped("P19", b"HEAD /app/x HTTP/1.1", &[401]),
    stopped("P19", b"PROPFIND /app/x HTTP/1.1", &[401]),
    stopped("P19", b"get /app/x HTTP/1.1", &[401, 405, 501]),
    stopped("P19", b"G!#$ /app/x HTTP/1.1", &[401, 405, 501]),
    stopped("P20", b"GET /app/x HTTP/1.1\nUser-Agent: GoogleHC/1.0", &[401]),
    stopped("P20", b"GET /app/x HTTP/1.1\nUser-Agent: kube-probe/1.30", &[401]),
    stopped("P20", b"GET /app/x HTTP/1.1\nUser-Agent: ELB-HealthChecker/2.0", &[401]),
    stopped("P21", b"GET /APP/x HTTP/1.1", &[404]),
    stopped("P21", b"GET /app. HTTP/1.1", &[404]),
    stopped("P21", b"GET /app%20/x HTTP/1.1", &[404]),
    stopped("P21", b"GET /app::$DATA HTTP/1.1", &[404]),
    stopped("P21", b"GET /APP~1 HTTP/1.1", &[404]),
    stopped("D06", b"GET /auth/login/ HTTP/1.1", &[404]),
];

#[test]
fn an_ambiguous_path_is_refused_and_reaches_nobody() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    run_rows(&gateway, &upstream, &alice, AMBIGUOUS);
}

#[test]
fn what_is_matched_is_what_is_forwarded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    run_rows(&gateway, &upstream, &alice, DECIDED);
}

#[test]
fn an_administrator_reaches_the_canonical_path() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let admin = gateway.add_admin("boss");
    for path in ["/app/%61dmin", "/app/a%64min", "/%61%70%70/admin"] {
        gateway.get(path).bearer(&admin.access).send().expect(200);
        assert_eq!(upstream.last().target, "/app/admin");
    }
}

#[test]
fn a_header_that_names_another_path_is_not_handed_on() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let names = ["X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Envoy-Original-Path", "X-Forwarded-Prefix"];
    let call = names.iter().fold(gateway.get("/app/x").bearer(&alice.access), |call, name| call.header(name, "/pub"));
    call.send().expect(200);
    for name in names {
        assert!(upstream.last().folded(name).is_empty(), "{name}");
    }
}
