//! Identity headers: who is asking is said by the gateway alone.
use crate::support::{Row, Seen};

const FIELDS: [&str; 4] = ["X-User-Id", "X-User-Name", "X-User-Email", "X-User-Roles"];

/// Alice, told once, in no other spelling.
pub(crate) fn alice_alone(seen: &Seen) {
    assert_eq!(seen.folded("X-User-Name"), ["alice"], "{:#?}", seen.head);
    assert_eq!(seen.folded("X-User-Roles"), ["user"], "{:#?}", seen.head);
    let ids = seen.folded("X-User-Id");
    assert!(ids.len() == 1 && ids[0].len() == 26, "{:#?}", seen.head);
    assert!(seen.folded("X-User-Email").is_empty(), "{:#?}", seen.head);
    nothing_of_ours_or_hop_by_hop(seen);
}

pub(crate) fn nobody(seen: &Seen) {
    for name in FIELDS {
        assert!(seen.folded(name).is_empty(), "{name}: {:#?}", seen.head);
    }
    nothing_of_ours_or_hop_by_hop(seen);
}

fn nothing_of_ours_or_hop_by_hop(seen: &Seen) {
    for name in ["te", "trailer", "upgrade", "proxy", "expect", "authorization"] {
        assert!(seen.folded(name).is_empty(), "{name}: {:#?}", seen.head);
    }
}

fn cookie_is_kept(seen: &Seen) {
    alice_alone(seen);
    assert_eq!(seen.field("cookie"), Some("app=1"));
    assert!(!seen.all("connection").iter().any(|value| value.contains("user")), "{:#?}", seen.head);
}

/// Known by the session's cookie, which goes no further.
pub(super) fn cookie_of_alice(seen: &Seen) {
    alice_alone(seen);
    assert_eq!(seen.all("cookie"), ["a=1"], "{:#?}", seen.head);
}

fn no_trailers(seen: &Seen) {
    alice_alone(seen);
    assert!(seen.trailers.is_empty(), "{:?}", seen.trailers);
    assert_eq!(seen.body, b"abc");
}

fn only_what_the_socket_says(seen: &Seen) {
    alice_alone(seen);
    assert_eq!(seen.folded("X-Forwarded-For"), ["127.0.0.1"]);
    assert_eq!(seen.folded("X-Forwarded-Proto"), ["http"]);
    assert_eq!(seen.folded("X-Forwarded-Host"), seen.all("host"));
    let host = seen.field("host").unwrap();
    assert_eq!(seen.folded("Forwarded"), [format!("for=127.0.0.1;host=\"{host}\";proto=http")]);
    for name in ["X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-User", "X-Forwarded-Groups", "X-Real-IP"] {
        assert!(seen.folded(name).is_empty(), "{name}: {:#?}", seen.head);
    }
}

/// What a backend decides by, it sees whole.
fn every_line(seen: &Seen) {
    alice_alone(seen);
    assert_eq!(seen.all("x-team"), ["a", "admin"]);
}

fn both_in_one(seen: &Seen) {
    alice_alone(seen);
    assert_eq!(seen.all("x-team"), ["a,admin"]);
}

fn nothing_other_stacks_trust(seen: &Seen) {
    alice_alone(seen);
    for name in [
        "Remote-User",
        "X-Remote-User",
        "X-WebAuth-User",
        "X-Forwarded-User",
        "X-Authentik-Username",
        "X-Skipper-Proxy",
        "X-Middleware-Subrequest",
        "Proxy",
        "X-Auth-Request-User",
    ] {
        assert!(seen.folded(name).is_empty(), "{name}: {:#?}", seen.head);
    }
}

pub(super) const ROWS: &[Row] = &[
    Row::one("I01", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX-User-Id: admin\nX-User-Id: admin", alice_alone),
    Row::one("I01", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nx-USER-id: admin\nX-USER-ROLES: admin", alice_alone),
    Row::one(
        "I02",
        b"GET /pub HTTP/1.1\nX-User-Id: 1\nX-User-Name: root\nX-User-Email: r@x\nX-User-Roles: admin",
        nobody,
    ),
    Row::one("I02", b"GET /pub HTTP/1.1\nX_User_Id: 1\nX.User.Name: root\nx-user_roles: admin", nobody),
    Row::one("I03", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX_User_Id: admin\nX-User_Id: admin\nx_user_id: 1", alice_alone),
    Row::one(
        "I04",
        b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX.User.Id: a\nX~User~Id: a\nX!User!Id: a\nX'User'Id: a\nX|User^Roles: admin",
        alice_alone,
    ),
    Row::one("I05", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX-User-Email: root@x", alice_alone),
    Row::one(
        "I06",
        b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nCookie: app=1\nConnection: x-user-id, X-Forwarded-For, cookie\nConnection: ,X-User-Roles;q=1,,",
        cookie_is_kept,
    ),
    Row::one(
        "I07",
        b"POST /app HTTP/1.1\nAuthorization: Bearer @A\nTrailer: X-User-Id, Authorization\nTE: trailers\nTransfer-Encoding: chunked\n\n3\nabc\n0\nX-User-Id: admin\nX_User_Id: admin\nAuthorization: Bearer x",
        no_trailers,
    ),
    Row::one(
        "I08",
        b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX-Forwarded-For: 9.9.9.9\nX-Forwarded-Host: evil\nX-Forwarded-Proto: https\nX-Forwarded-Port: 1\nX-Forwarded-Prefix: /pub\nX-Forwarded-User: root\nX-Forwarded-Groups: admin\nX-Real-IP: 9.9.9.9\nForwarded: for=1.1.1.1;proto=https\nX_Forwarded_Proto: https",
        only_what_the_socket_says,
    ),
    Row::one("I13", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX-Team: a\nX-Team: admin", every_line),
    Row::one("I13", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX-Team: a,admin", both_in_one),
    Row::one("I14", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nCookie: app=1", cookie_is_kept),
    Row::one(
        "I15",
        b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nRemote-User: r\nX-Remote-User: r\nX-WebAuth-User: r\nX-Forwarded-User: r\nX-Authentik-Username: r\nX-Skipper-Proxy: r\nX-Middleware-Subrequest: r\nProxy: r\nX-Auth-Request-User: r\nremote_user: r",
        nothing_other_stacks_trust,
    ),
];

/// Before a gateway that trusts us: `/here`, `/five` and `/nine` are each for clients of one network.
pub(super) const FORWARDED: &[Row] = &[
    comes_from_us("I09", b"GET /here/x HTTP/1.1"),
    comes_from_us("I09", b"GET /here/x HTTP/1.1\nX-Forwarded-For: a"),
    comes_from_us("I09", b"GET /here/x HTTP/1.1\nX-Forwarded-For: unknown"),
    comes_from_us("I09", b"GET /here/x HTTP/1.1\nX-Forwarded-For: 1.1.1.1:99999"),
    comes_from_us("I09", b"GET /here/x HTTP/1.1\nX-Forwarded-For: "),
    comes_from_us("I09", b"GET /here/x HTTP/1.1\nX-Forwarded-For: 5.5.5.5, a"),
    Row::stopped("I09", b"GET /five/x HTTP/1.1\nX-Forwarded-For: a", &[403]),
    Row::stopped("I09", b"GET /five/x HTTP/1.1\nX-Forwarded-For: 5.5.5.5, a", &[403]),
    Row::stopped("I09", b"GET /five/x HTTP/1.1\nX-Forwarded-For: @300", &[403]),
    Row::stopped("I09", b"GET /five/x HTTP/1.1\nX_Forwarded_For: 5.5.5.5", &[403]),
    Row::stopped("I09", b"GET /five/x HTTP/1.1\nX-Real-IP: 5.5.5.5", &[403]),
    Row::arrives("I10", b"GET /five/x HTTP/1.1\nX-Forwarded-For: 5.5.5.5", "/five/x"),
    Row::arrives("I10", b"GET /five/x HTTP/1.1\nX-Forwarded-For: 9.9.9.9, 5.5.5.5", "/five/x"),
    Row::arrives("I10", b"GET /five/x HTTP/1.1\nX-Forwarded-For: 9.9.9.9\nX-Forwarded-For: 5.5.5.5", "/five/x"),
    Row::arrives("I10", b"GET /five/x HTTP/1.1\nX-Forwarded-For: 9.9.9.9, 5.5.5.5, 10.1.1.1", "/five/x"),
    Row::stopped("I10", b"GET /nine/x HTTP/1.1\nX-Forwarded-For: 9.9.9.9, 5.5.5.5", &[403]),
    Row::stopped("I10", b"GET /nine/x HTTP/1.1\nX-Forwarded-For: 9.9.9.9\nX-Forwarded-For: 5.5.5.5", &[403]),
    Row::stopped("I10", b"GET /here/x HTTP/1.1\nX-Forwarded-For: 5.5.5.5, 127.0.0.1", &[403]),
];

/// No address that can be read: the client is who holds the socket.
const fn comes_from_us(id: &'static str, sends: &'static [u8]) -> Row {
    Row::arrives(id, sends, "/here/x")
}
