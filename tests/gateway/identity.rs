//! Who is asking is said by the gateway alone; the rows of the catalogue are in `cases`.
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::json;

use crate::cases::identity::{alice_alone, nobody};
use crate::support::client::password_of;
use crate::support::{Gateway, Mint, SOON, Site, Upstream, authgate, until};

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
        until("the log line", SOON, || {
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

#[test]
fn whoever_has_only_an_address_is_called_by_it() {
    let upstream = Upstream::start();
    let gateway = Site::shared_secret(&upstream).set("accounts", "identifier", "\"email\"").start();
    let form = json!({ "email": "Ann@Example.com", "password": password_of("ann") });
    let answer = gateway.post("/auth/register").json(&form).send().expect(201);
    let ann = gateway.person("ann", &answer);
    gateway.get("/app").bearer(&ann.access).header("X-User-Name", "root").send().expect(200);
    assert_eq!(upstream.last().all("x-user-name"), ["ann@example.com"]);
    let verified = gateway.get("/auth/verify").bearer(&ann.access).send().expect(200);
    assert_eq!(verified.field("x-user-name"), Some("ann@example.com"));
    let made = ["token", "create", "--name", "robot", "--scope", "introspect", "--expires", "1h", "--json"];
    let made = authgate(gateway.folder(), gateway.site().variables(), &made).expect(0).json();
    let robot = made["token"].as_str().unwrap();
    until("the token is known", SOON, || gateway.get("/app").bearer(robot).send().status == 200);
    assert!(upstream.last().all("x-user-name").is_empty(), "a machine is nobody of that name");
    for token in [&ann.access, &ann.refresh] {
        let told = gateway.post("/auth/introspect").bearer(robot).form(&format!("token={token}")).send().expect(200);
        assert_eq!(told.json()["username"], "ann@example.com");
    }
    // No username looks like an address.
    let form = json!({ "email": "eve@example.com", "username": "ann@example.com", "password": password_of("eve") });
    gateway.post("/auth/register").json(&form).send().refused(422, "invalid_fields");
    let mut forged = Mint::of(&ann.access);
    forged.claims["preferred_username"] = json!("bob@example.com");
    gateway.get("/app").bearer(&forged.resigned()).send().refused(401, "token_invalid");
}

#[test]
fn a_proxy_at_a_unix_socket_is_believed_where_the_file_says_so() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let (socket, file) = (gateway.folder().join("gate.sock"), gateway.folder().join("gateway.toml"));
    let text = fs::read_to_string(&file).unwrap();
    let listen = format!("listen = \"127.0.0.1:{}\"", gateway.port);
    assert!(text.contains(&listen), "{text}");
    let both = format!("listen = [\"127.0.0.1:{}\", \"unix:{}\"]", gateway.port, socket.display());
    for (more, told) in [("", None), ("\ntrusted_proxies = [\"unix:\"]", Some("9.9.9.9, 5.5.5.5"))] {
        fs::write(&file, text.replace(&listen, &format!("{both}{more}"))).unwrap();
        gateway.signal("HUP");
        until("the backend hears what is believed", SOON, || {
            let Ok(mut stream) = UnixStream::connect(&socket) else { return false };
            let head = format!("GET /pub/x HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", gateway.authority());
            write!(stream, "{head}X-Forwarded-For: 9.9.9.9, 5.5.5.5\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            upstream.last().field("x-forwarded-for") == told
        });
    }
}
