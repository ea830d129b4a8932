//! Accounts, sessions, own answers and bounds, as far as one request or a few say it.
use crate::support::{Row, Saw, Seen};

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
    Row::stopped("S06", b"GET /auth/logout HTTP/1.1\nAuthorization: Bearer @A", &[405]),
    Row::stopped("S06", b"HEAD /auth/logout HTTP/1.1\nAuthorization: Bearer @A", &[405]),
    Row::stopped("S06", b"GET /auth/refresh HTTP/1.1\nAuthorization: Bearer @A", &[405]),
    Row::one("S06", b"GET /app/still HTTP/1.1\nAuthorization: Bearer @A", super::identity::alice_alone),
    Row::stopped("S08", b"GET /app/x HTTP/1.1\nCookie: __host-gw_at=@A; gw_at=@A; authgate=@A", &[401]),
    Row::stopped("S08", b"GET /app/x HTTP/1.1\nCookie: __Host-authgate =@A; __Host-authgate%20=@A", &[401]),
    Row::answered("S13", b"GET /auth/me HTTP/1.1\nAuthorization: Bearer @A\nOrigin: https://evil.example", &[200]),
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
