//! Who is asking is said by the gateway alone (catalogue, group I).
use crate::support::{Gateway, Row, Saw, Seen, Site, Upstream, run_rows};

const FIELDS: [&str; 4] = ["X-User-Id", "X-User-Name", "X-User-Email", "X-User-Roles"];

/// Alice, told once, in no other spelling.
fn alice_alone(seen: &Seen) {
    assert_eq!(seen.folded("X-User-Name"), ["alice"], "{:#?}", seen.head);
    assert_eq!(seen.folded("X-User-Roles"), ["user"], "{:#?}", seen.head);
    let ids = seen.folded("X-User-Id");
    assert!(ids.len() == 1 && ids[0].len() == 26, "{:#?}", seen.head);
    assert!(seen.folded("X-User-Email").is_empty(), "{:#?}", seen.head);
    nothing_of_ours_or_hop_by_hop(seen);
}

fn nobody(seen: &Seen) {
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
    for name in
        ["X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-User", "X-Forwarded-Groups", "X-Real-IP", "Forwarded"]
    {
        assert!(seen.folded(name).is_empty(), "{name}: {:#?}", seen.head);
    }
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

const fn row(id: &'static str, sends: &'static [u8], saw: fn(&Seen)) -> Row {
    Row { id, sends, status: &[200], saw: Saw::One(saw), closes: false }
}

const ROWS: &[Row] = &[
    row("I01", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX-User-Id: admin\nX-User-Id: admin", alice_alone),
    row("I01", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nx-USER-id: admin\nX-USER-ROLES: admin", alice_alone),
    row(
        "I02",
        b"GET /pub HTTP/1.1\nX-User-Id: 1\nX-User-Name: root\nX-User-Email: r@x\nX-User-Roles: admin",
        nobody,
    ),
    row("I02", b"GET /pub HTTP/1.1\nX_User_Id: 1\nX.User.Name: root\nx-user_roles: admin", nobody),
    row("I03", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX_User_Id: admin\nX-User_Id: admin\nx_user_id: 1", alice_alone),
    row(
        "I04",
        b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX.User.Id: a\nX~User~Id: a\nX!User!Id: a\nX'User'Id: a\nX|User^Roles: admin",
        alice_alone,
    ),
    row("I05", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX-User-Email: root@x", alice_alone),
    row(
        "I06",
        b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nCookie: app=1\nConnection: x-user-id, X-Forwarded-For, cookie\nConnection: ,X-User-Roles;q=1,,",
        cookie_is_kept,
    ),
    row(
        "I07",
        b"POST /app HTTP/1.1\nAuthorization: Bearer @A\nTrailer: X-User-Id, Authorization\nTE: trailers\nTransfer-Encoding: chunked\n\n3\nabc\n0\nX-User-Id: admin\nX_User_Id: admin\nAuthorization: Bearer x",
        no_trailers,
    ),
    row(
        "I08",
        b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nX-Forwarded-For: 9.9.9.9\nX-Forwarded-Host: evil\nX-Forwarded-Proto: https\nX-Forwarded-Port: 1\nX-Forwarded-Prefix: /pub\nX-Forwarded-User: root\nX-Forwarded-Groups: admin\nX-Real-IP: 9.9.9.9\nForwarded: for=1.1.1.1;proto=https\nX_Forwarded_Proto: https",
        only_what_the_socket_says,
    ),
    row(
        "I15",
        b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nRemote-User: r\nX-Remote-User: r\nX-WebAuth-User: r\nX-Forwarded-User: r\nX-Authentik-Username: r\nX-Skipper-Proxy: r\nX-Middleware-Subrequest: r\nProxy: r\nX-Auth-Request-User: r\nremote_user: r",
        nothing_other_stacks_trust,
    ),
];

#[test]
fn a_spoofed_identity_never_reaches_the_upstream() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    run_rows(&gateway, &upstream, &alice, ROWS);
}

#[test]
fn every_character_a_name_may_hold_is_folded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    for byte in 0x21..0x7f_u8 {
        let separator = char::from(byte);
        let is_token = separator.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(separator);
        if !is_token || separator.is_ascii_alphanumeric() {
            continue;
        }
        let name = format!("X{separator}User-Id");
        let other = format!("X-User{separator}Roles");
        gateway.get("/app").bearer(&alice.access).header(&name, "admin").header(&other, "admin").send().expect(200);
        alice_alone(&upstream.last());
    }
}

#[test]
fn a_trusted_proxy_says_who_the_client_is_and_nobody_else_does() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("server", "trusted_proxies", "[\"127.0.0.1\", \"10.0.0.0/8\"]").start();
    for (said, client) in [
        ("9.9.9.9, 5.5.5.5", "5.5.5.5"),
        ("9.9.9.9, 5.5.5.5, 10.1.1.1", "5.5.5.5"),
        ("5.5.5.5", "5.5.5.5"),
        ("2001:db8::7", "2001:db8::7"),
        ("a", "127.0.0.1"),
        ("unknown", "127.0.0.1"),
        ("1.1.1.1:99999", "127.0.0.1"),
        ("", "127.0.0.1"),
    ] {
        let answer =
            gateway.get("/pub/x").header("X-Forwarded-For", said).header("X-Request-Id", "abc.1").send().expect(200);
        assert_eq!(answer.field("x-request-id"), Some("abc.1"));
        let mut client_logged = String::new();
        crate::support::until("the log line", crate::support::SOON, || {
            let lines = crate::support::log::requests(&gateway.log_text());
            let line = lines.into_iter().rev().find(|line| line["request_id"] == "abc.1");
            client_logged = line.map_or(String::new(), |line| line["client"].as_str().unwrap_or_default().to_owned());
            client_logged == client
        });
    }
    let mut raw = gateway.raw();
    raw.send(format!(
        "GET /pub/x HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 5.5.5.5\r\nX-Forwarded-Proto: https\r\n\r\n",
        gateway.authority()
    ));
    raw.answer().unwrap().expect(200);
    let seen = upstream.last();
    assert_eq!(seen.all("x-forwarded-for"), ["9.9.9.9, 5.5.5.5, 127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["https"]);
}

#[test]
fn an_expired_or_missing_credential_on_an_optional_route_brings_no_identity() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream)
        .route(&format!("prefix = \"/maybe\"\nupstream = \"{}\"\nauth = \"optional\"", upstream.url()))
        .start();
    let alice = gateway.register("alice");
    gateway.get("/maybe").header("X-User-Name", "root").send().expect(200);
    nobody(&upstream.last());
    gateway.get("/maybe").header("X-User-Name", "root").bearer(&alice.access).send().expect(200);
    alice_alone(&upstream.last());
    gateway.get("/pub").header("X-User-Name", "root").bearer(&alice.access).send().expect(200);
    nobody(&upstream.last());
}

#[test]
fn presets_name_the_fields_other_gateways_send() {
    let upstream = Upstream::start();
    let presets: [(&str, &[&str]); 5] = [
        ("remote", &["Remote-User", "Remote-Email", "Remote-Groups", "Remote-Sub"]),
        (
            "x-forwarded",
            &["X-Forwarded-User", "X-Forwarded-Preferred-Username", "X-Forwarded-Email", "X-Forwarded-Groups"],
        ),
        (
            "x-auth-request",
            &[
                "X-Auth-Request-User",
                "X-Auth-Request-Preferred-Username",
                "X-Auth-Request-Email",
                "X-Auth-Request-Groups",
            ],
        ),
        ("x-webauth", &["X-WEBAUTH-USER", "X-WEBAUTH-EMAIL", "X-WEBAUTH-GROUPS"]),
        ("x-user", &["X-User-Name", "X-User-Email", "X-User-Roles", "X-User-Id"]),
    ];
    for (preset, names) in presets {
        let gateway = Site::new()
            .set("identity", "headers", &format!("\"{preset}\""))
            .route(&format!("prefix = \"/\"\nupstream = \"{}\"", upstream.url()))
            .start();
        let form = serde_json::json!({ "username": "ann", "password": "a-Good-Password", "email": "ann@example.com" });
        let ann = gateway.person("ann", &gateway.post("/auth/register").json(&form).send().expect(201));
        gateway.get("/x").bearer(&ann.access).send().expect(200);
        let seen = upstream.last();
        for name in names {
            let value = seen.field(name).unwrap_or_else(|| panic!("{preset}: no {name}: {:#?}", seen.head));
            assert!(["ann", "ann@example.com", "user", ann.id.as_str()].contains(&value), "{preset}: {name}: {value}");
        }
        for (_, others) in presets.iter().filter(|(other, _)| *other != preset) {
            assert!(others.iter().all(|other| seen.field(other).is_none()), "{preset}: {:#?}", seen.head);
        }
    }
}
