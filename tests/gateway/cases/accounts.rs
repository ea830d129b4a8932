//! Accounts, sessions, own answers and bounds, as far as one request or a few say it.
use crate::support::{Answer, Row, Saw, Seen};

/// Sign-in and registration by whoever sends what.
pub(super) const ACCOUNTS: &[Row] = &[
    Row::answered("A01", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"wrong one 1\"}", &[401]),
    Row::answered("A01", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"nobody-here\",\"password\":\"wrong one 1\"}", &[401]),
    Row::answered("A03", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"long enough 1 Baum\"}", &[409]),
    Row { closes: true, ..Row::stopped("A04", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nContent-Length: 104857600\n\n{", &[413]) },
    Row::stopped("A05", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"carolina\",\"password\":\"@1025\"}", &[422]),
    Row::stopped("A05", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"@1025\"}", &[401]),
    Row::stopped("A07", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"ALICE\",\"password\":\"long enough 1 Baum\"}", &[409]),
    Row::answered("A07", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"ALICE\",\"password\":\"@PA\"}", &[200]),
    no_name("A08", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"\xd0\xb0lice\",\"password\":\"long enough 1 Baum\"}"),
    no_name("A08", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"\xef\xac\x81n\",\"password\":\"long enough 1 Baum\"}"),
    no_name("A08", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"\\u1d2clice\",\"password\":\"long enough 1 Baum\"}"),
    no_name("A08", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"al\\u200dice\",\"password\":\"long enough 1 Baum\"}"),
    no_name("A08", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"\\u202ealice\",\"password\":\"long enough 1 Baum\"}"),
    no_name("A09", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"ali\\u0000ce\",\"password\":\"long enough 1 Baum\"}"),
    no_name("A09", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice \",\"password\":\"long enough 1 Baum\"}"),
    no_name("A09", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"\\talice\",\"password\":\"long enough 1 Baum\"}"),
    no_name("A09", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"a\\r\\nb\",\"password\":\"long enough 1 Baum\"}"),
    no_name("A09", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"\",\"password\":\"long enough 1 Baum\"}"),
    Row::stopped("A12", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"mallory\",\"password\":\"long enough 1 Baum\",\"roles\":[\"admin\"]}", &[400]),
    Row::stopped("A12", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"mallory\",\"password\":\"long enough 1 Baum\",\"is_admin\":true}", &[400]),
    Row::stopped("A12", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"mallory\",\"password\":\"long enough 1 Baum\",\"id\":\"01\"}", &[400]),
    Row::stopped("A12", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"mallory\",\"password_hash\":\"x\"}", &[400]),
    Row::stopped("A13", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"' OR 1=1--\",\"password\":\"long enough 1 Baum\"}", &[401]),
    Row::stopped("A13", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"*)(uid=*\",\"password\":\"long enough 1 Baum\"}", &[401]),
];

const fn no_name(id: &'static str, sends: &'static [u8]) -> Row {
    Row::stopped(id, sends, &[422])
}

/// Foreign pages, odd content types, and what GET must not do.
pub(super) const SESSIONS: &[Row] = &[
    Row::stopped("S03", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nOrigin: https://evil.example\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[403]),
    Row::stopped("S03", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nSec-Fetch-Site: cross-site\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[403]),
    Row::stopped("S04", b"POST /auth/login HTTP/1.1\nContent-Type: text/plain\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[415]),
    Row::stopped("S04", b"POST /auth/login HTTP/1.1\nContent-Type: multipart/form-data; boundary=x\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[415]),
    Row::stopped("S04", b"POST /auth/login HTTP/1.1\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[415]),
    Row::stopped("S04", b"POST /auth/logout HTTP/1.1\nContent-Type: text/plain\nAuthorization: Bearer @A\n\n{}", &[415]),
    Row::stopped("S05", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A\nOrigin: https://evil.example", &[403]),
    Row::stopped("S05", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A\nReferer: https://evil.example/x", &[403]),
    // What is decided by a field is decided by all its lines, in whatever order they come.
    Row::stopped("I13", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A\nOrigin: http://@L\nOrigin: https://evil.example", &[400, 403]),
    Row::stopped("I13", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A\nOrigin: https://evil.example\nOrigin: http://@L", &[400, 403]),
    Row::stopped("I13", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A\nSec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site", &[400, 403]),
    Row::stopped("I13", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A\nSec-Fetch-Site: cross-site\nSec-Fetch-Site: same-origin", &[400, 403]),
    Row::stopped("I13", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A\nReferer: http://@L/x\nReferer: https://evil.example/x", &[400, 403]),
    Row::stopped("I13", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A\nReferer: https://evil.example/x\nReferer: http://@L/x", &[400, 403]),
    Row::stopped("I13", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nContent-Type: text/plain\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[400, 415]),
    Row::stopped("I13", b"POST /auth/login HTTP/1.1\nContent-Type: text/plain\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[400, 415]),
    Row::stopped("I13", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nContent-Encoding: identity\nContent-Encoding: gzip\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[400, 415]),
    Row::stopped("L01", b"GET /app/x?token=@A&refresh=@R&password=@PA HTTP/1.1\nReferer: http://x/?t=@A\nX-Api-Key: @A\nX-Refresh: @R", &[401]),
    Row::stopped("L01", b"POST /auth/refresh HTTP/1.1\nContent-Type: application/json\n\n{\"refresh_token\":\"@R@PA\"}", &[401]),
    Row::stopped("L01", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"@PA\",\"x\":\"@R", &[400]),
    Row::stopped("L03", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"@PA\",\"password\":\"alice\"}", &[401]),
    Row::stopped("L03", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"@PA\",\"password\":\"@PA\"}", &[401]),
    Row::said("L06", b"GET /away/x HTTP/1.1", &[502], tells_nothing),
    Row::said("L06", b"POST /away/x HTTP/1.1\nHost: app.example.org\nAccept: text/html\n\nabc", &[502], tells_nothing),
    Row::stopped("S06", b"GET /auth/logout HTTP/1.1\nAuthorization: Bearer @A", &[405]),
    Row::stopped("S06", b"HEAD /auth/logout HTTP/1.1\nAuthorization: Bearer @A", &[405]),
    Row::stopped("S06", b"GET /auth/refresh HTTP/1.1\nAuthorization: Bearer @A", &[405]),
    Row::one("S06", b"GET /app/still HTTP/1.1\nAuthorization: Bearer @A", super::identity::alice_alone),
    Row::stopped("S08", b"GET /app/x HTTP/1.1\nCookie: __host-gw_at=@A; gw_at=@A; authgate=@A", &[401]),
    Row::stopped("S08", b"GET /app/x HTTP/1.1\nCookie: __Host-authgate =@A; __Host-authgate%20=@A", &[401]),
    Row { says: no_cors, ..Row::answered("S13", b"GET /auth/me HTTP/1.1\nAuthorization: Bearer @A\nOrigin: https://evil.example", &[200]) },
    Row { says: no_cors, ..Row::one("S13", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nOrigin: https://evil.example", super::identity::alice_alone) },
    Row::stopped("S14", b"POST /auth/login;sid=x?sid=y HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[400]),
    Row::stopped("T07", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @R", &[401]),
    Row::stopped("T07", b"POST /auth/refresh HTTP/1.1\nContent-Type: application/json\n\n{\"refresh_token\":\"@A\"}", &[401]),
    Row::stopped("T23", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A, Bearer @B", &[401]),
    Row::stopped("T23", b"GET /app/x HTTP/1.1\nAuthorization: Bearer  @A", &[401]),
    Row::stopped("T23", b"GET /app/x HTTP/1.1\nAuthorization: Bearer@A", &[401]),
    Row::stopped("T23", b"GET /app/x HTTP/1.1\nAuthorization: Basic YTpi", &[401]),
    Row::one("T23", b"GET /app/x HTTP/1.1\nAuthorization: bearer @A", super::identity::alice_alone),
    Row::stopped("T24", b"GET /app/x?access_token=@A HTTP/1.1", &[401]),
    Row::stopped("T24", b"GET /app/x?jwt=@A HTTP/1.1", &[401]),
    Row::stopped("T24", b"GET /app/x HTTP/1.1\nX-Access-Token: @A", &[401]),
    Row::stopped("T24", b"POST /app/x HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\naccess_token=@A", &[401]),
    Row::stopped("T25", b"GET /app/x HTTP/1.1\nAuthorization: Bearer .", &[401]),
    Row::stopped("T25", b"GET /app/x HTTP/1.1\nCookie: __Host-authgate=%%%", &[401]),
    Row::one("T25", b"GET /pub/x HTTP/1.1\nAuthorization: Bearer .", super::identity::nobody),
];

/// What a browser shows, and where it is led. `@C` is alice's session cookie.
pub(super) const BROWSERS: &[Row] = &[
    Row::one("S08", b"GET /app/x HTTP/1.1\nCookie: a=1; authgate=@C", super::identity::cookie_of_alice),
    Row::stopped("S07", b"GET /app/x HTTP/1.1\nCookie: authgate=@C; authgate=@C", &[400]),
    Row::stopped("S07", b"GET /app/x HTTP/1.1\nCookie: authgate=@C\nCookie: authgate=@C", &[400]),
    Row::stopped("S07", b"GET /app/x HTTP/1.1\nCookie: authgate=@C; authgate=garbage", &[400]),
    Row::stopped("S07", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nCookie: authgate=@C", &[400]),
    Row::stopped("S08", b"GET /app/x HTTP/1.1\nCookie: Authgate=@C", &[401]),
    Row::stopped("S08", b"GET /app/x HTTP/1.1\nCookie: authgate =@C", &[401]),
    Row::stopped("S08", b"GET /app/x HTTP/1.1\nCookie: authgate%20=@C", &[401]),
    Row::stopped("S08", b"GET /app/x HTTP/1.1\nCookie: __host-authgate=@C", &[401]),
    Row::stopped("T25", b"GET /app/x HTTP/1.1\nCookie: authgate=%%%", &[401]),
    Row::one("T25", b"GET /pub/x HTTP/1.1\nCookie: authgate=%%%", super::identity::nobody),
    Row::stopped("W05", b"GET /app/x HTTP/1.1\nCookie: authgate=@C\nOrigin: https://evil.example\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", &[403]),
    leads("D07", b"GET /app/x HTTP/1.1\nAccept: text/html\nX-Forwarded-Host: evil.example"),
    leads("D07", b"GET /app/x HTTP/1.1\nAccept: text/html\nX-Forwarded-Proto: evil\nX-Forwarded-Prefix: //evil.example"),
    leads("D07", b"GET /app/x HTTP/1.1\nAccept: text/html\nHost: evil.example"),
    leads("D09", b"GET /app/x HTTP/1.1\nAccept: text/html"),
    stays("D01", b"GET /auth/login?return_to=//evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D01", b"GET /auth/login?return_to=///evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D01", b"GET /auth/login?return_to=http://evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D01", b"GET /auth/login?return_to=https:evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D01", b"GET /auth/login?return_to=javascript:alert(1) HTTP/1.1\nCookie: authgate=@C"),
    stays("D01", b"GET /auth/login?return_to=data:text/html,x HTTP/1.1\nCookie: authgate=@C"),
    stays("D02", b"GET /auth/login?return_to=/%5Cevil HTTP/1.1\nCookie: authgate=@C"),
    stays("D02", b"GET /auth/login?return_to=%5C%5Cevil HTTP/1.1\nCookie: authgate=@C"),
    stays("D02", b"GET /auth/login?return_to=/%09/evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D02", b"GET /auth/login?return_to=/%0a/evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D02", b"GET /auth/login?return_to=%20//evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D02", b"GET /auth/login?return_to=%09//evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D03", b"GET /auth/login?return_to=http://g.evil/ HTTP/1.1\nCookie: authgate=@C"),
    stays("D03", b"GET /auth/login?return_to=http://g@evil/ HTTP/1.1\nCookie: authgate=@C"),
    stays("D03", b"GET /auth/login?return_to=//evil%E3%80%82com HTTP/1.1\nCookie: authgate=@C"),
    stays("D04", b"GET /auth/login?return_to=/..//evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D04", b"GET /auth/login?return_to=/.//evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D04", b"GET /auth/login?return_to=/%252f/evil HTTP/1.1\nCookie: authgate=@C"),
    stays("D05", b"GET /auth/login?return_to=/ok%0d%0aSet-Cookie:%20x=1 HTTP/1.1\nCookie: authgate=@C"),
    Row::said("D08", b"GET /auth/login?return_to=%22%3E%3Csvg%20onload=1%3E HTTP/1.1", &[200], inert),
    Row::said("D08", b"GET /no%22%3E%3Csvg%20onload=1%3E HTTP/1.1\nAccept: text/html", &[404], inert),
];

/// To our own page, whatever the request says about hosts.
const fn leads(id: &'static str, sends: &'static [u8]) -> Row {
    Row::said(id, sends, &[303], |answer| {
        assert_eq!(answer.head.all("location"), ["/auth/login?return_to=/app/x"]);
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert!(answer.field("vary").is_some_and(|vary| vary.contains("Cookie")), "{answer:?}");
    })
}

/// A place to go on to that is none of ours is the default one.
const fn stays(id: &'static str, sends: &'static [u8]) -> Row {
    Row::said(id, sends, &[303], |answer| {
        assert_eq!(answer.head.all("location"), ["/"]);
        assert!(answer.field("set-cookie").is_none_or(|cookie| !cookie.starts_with('x')), "{answer:?}");
    })
}

fn inert(answer: &Answer) {
    assert!(!answer.text().contains("<svg"), "{}", answer.text());
    if answer.field("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let policy = answer.field("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert!(answer.field("referrer-policy").is_some(), "{answer:?}");
    }
}

/// A session's end, step by step.
pub(super) const SIGNING_OUT: &[Row] = &[
    Row::one("T26", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @B", is_bob),
    Row::stopped("T26", b"GET /app/admin HTTP/1.1\nAuthorization: Bearer @B", &[403]),
    Row::answered("S11", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @B", &[204]),
    Row::stopped("S11", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @B", &[401]),
    Row::stopped("T26", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @B", &[401]),
    Row::stopped(
        "S11",
        b"POST /auth/refresh HTTP/1.1\nContent-Type: application/json\n\n{\"refresh_token\":\"@RB\"}",
        &[401],
    ),
    Row::one("S11", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A", super::identity::alice_alone),
];

/// Who the backend is and what became of it is for the operator.
pub(super) fn tells_nothing(answer: &Answer) {
    // Any letters may follow each other in the id of a request.
    let text = answer.text().replace(answer.field("x-request-id").unwrap_or_default(), "").to_ascii_lowercase();
    for word in ["127.0.0.1", "os error", "refused (", "errno", "tcp", "corrupt", "handshake"] {
        assert!(!text.contains(word), "{text}");
    }
}

fn no_cors(answer: &Answer) {
    assert!(answer.head.fields.iter().all(|(name, _)| !name.to_ascii_lowercase().starts_with("access-control-")));
}

fn is_bob(seen: &Seen) {
    assert_eq!(seen.folded("X-User-Name"), ["bob"], "{:#?}", seen.head);
}

/// What the gateway itself says, and what it bounds.
pub(super) const OWN: &[Row] = &[
    Row::stopped("D06", b"GET /auth/login/ HTTP/1.1", &[404]),
    Row::stopped("L05", b"GET /metrics HTTP/1.1", &[404]),
    Row::stopped("L05", b"GET /health HTTP/1.1", &[404]),
    Row::stopped("L05", b"GET /debug HTTP/1.1", &[404]),
    Row::stopped("L05", b"GET /config HTTP/1.1", &[404]),
    Row::refused("L02", b"GET /pub/%0A%1B%5B2J%22%7D HTTP/1.1"),
    Row::one("L02", b"GET /pub/x HTTP/1.1\nUser-Agent: a\"},{\"log\":\"audit\"\\u001b[2J", whatever),
    Row::stopped(
        "R08",
        b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nContent-Encoding: gzip\n\n{}",
        &[415],
    ),
    Row::one(
        "R08",
        b"POST /app/x HTTP/1.1\nAuthorization: Bearer @A\nContent-Encoding: gzip\n\nnot gzip at all",
        as_it_was,
    ),
    Row::stopped("R09", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n@DEEP", &[400, 422]),
    Row::stopped("R09", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n@WIDE", &[400, 422]),
    Row::stopped("R09", b"POST /auth/register HTTP/1.1\nContent-Type: application/json\n\n@LONG", &[400, 422]),
    Row::refused("R11", b"PROXY TCP4 9.9.9.9 10.0.0.1 1 2\nGET /pub HTTP/1.1"),
    Row::stopped("K06", b"GET /.well-known/jwks.json/x HTTP/1.1", &[404]),
];

fn whatever(_: &Seen) {}

fn as_it_was(seen: &Seen) {
    assert_eq!((seen.field("content-encoding"), seen.body.as_slice()), (Some("gzip"), &b"not gzip at all"[..]));
}

/// Handshakes that are none: ordinary requests, or refused.
pub(super) const UPGRADES: &[Row] = &[
    Row::one("W01", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk", plain),
    Row::refused("W03", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nContent-Length: 3\n\nabc"),
    Row::refused("W03", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nTransfer-Encoding: chunked\n\n0\n"),
    Row::one("W04", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 777\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", plain),
    Row::stopped("W05", b"GET /app/x HTTP/1.1\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", &[401]),
    Row::one("W06", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nConnection: upgrade\nUpgrade: foo", plain),
    Row::one("W06", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nConnection: upgrade\nUpgrade: TLS/1.0", plain),
    Row::one("W06", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nConnection: upgrade\nUpgrade: HTTP/2.0", plain),
    Row::one("W06", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A\nConnection: upgrade\nUpgrade: connect-udp", plain),
];

fn plain(seen: &Seen) {
    super::identity::alice_alone(seen);
    for name in ["upgrade", "http2-settings", "connection"] {
        assert_eq!(seen.field(name), None, "{:#?}", seen.head);
    }
}

/// With routes for certain hosts only.
pub(super) const HOSTS: &[Row] = &[
    Row::arrives("P22", b"GET /x HTTP/1.1\nHost: admin.example.org", "/x"),
    Row::arrives("P22", b"GET /x HTTP/1.1\nHost: ADMIN.Example.ORG", "/x"),
    Row::arrives("P22", b"GET /x HTTP/1.1\nHost: ADMIN.Example.ORG:80", "/x"),
    Row::stopped("P22", b"GET /in HTTP/1.1\nHost: admin.example.org", &[401]),
    Row::stopped("P22", b"GET /in HTTP/1.1\nHost: ADMIN.EXAMPLE.ORG", &[401]),
    Row::stopped("P23", b"GET /x HTTP/1.1\nHost: evil.example", &[421]),
    Row::stopped("P23", b"GET /x HTTP/1.1\nHost: 127.0.0.1.nip.io", &[421]),
    Row { saw: Saw::Nothing, ..Row::stopped("P23", b"GET /x HTTP/1.1\nHost: admin.example.org.evil.example", &[421]) },
];
