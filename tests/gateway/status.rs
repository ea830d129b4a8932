//! `authgate status`: what the running gateway says of itself, to whoever can write its store.
use std::thread;

use serde_json::{Value, json};

use crate::support::gateway::free_port;
use crate::support::{Gateway, Ran, SOON, Site, Upstream, authgate, until};

fn status(gateway: &Gateway, args: &[&str]) -> Ran {
    let args = [&["status", "-c", "gateway.toml"], args].concat();
    authgate(gateway.folder(), gateway.site().variables(), &args)
}

fn told(gateway: &Gateway) -> Value {
    status(gateway, &["--json"]).expect(0).json()
}

#[test]
fn the_status_tells_what_was_counted_since_the_start() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let before = told(&gateway);
    for _ in 0..7 {
        gateway.get("/app/x").send().refused(401, "login_required");
    }
    gateway.register("alice");
    gateway.log_in("alice", "wrong password").refused(401, "invalid_credentials");
    for _ in 0..3 {
        gateway.get("/pub/x").send().expect(200);
    }
    let mut after = Value::Null;
    // A request is counted when its answer has ended, which the client may know first.
    until("all is counted", SOON, || {
        after = told(&gateway);
        let counted = |name: &str| after["lately"][name].as_u64().unwrap() - before["lately"][name].as_u64().unwrap();
        counted("requests") >= 12 && counted("unauthorized") == 8
    });
    let lately = &after["lately"];
    assert_eq!((&lately["bad_gateway"], &lately["refused_logins"]), (&json!(0), &json!(1)));
    assert!(lately["requests_per_second"].as_f64().unwrap() > 0.0 && lately["p99_ms"].is_number(), "{lately}");
    assert_eq!(after["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&after["hash_queue"], &after["store"]["state"]), (&json!(0), &json!("ok")));
    let url = upstream.url();
    assert_eq!(after["upstreams"], json!([{ "upstream": url, "address": url, "state": "ok" }]));
    let keys = authgate(gateway.folder(), &[], &["keys", "list", "--json"]).expect(0).json();
    assert_eq!(after["keys"]["signing"], keys[0]["kid"]);
    let day = |time: &Value| time.as_str().unwrap().get(..10).unwrap().parse::<jiff::civil::Date>().unwrap();
    let turns = day(&after["keys"]["next_at"]) - day(&keys[0]["signs_from"]);
    assert_eq!(turns.get_days(), 90);
    let words = status(&gateway, &[]).expect(0).out;
    assert_eq!(words.lines().count(), 3, "{words}");
    assert!(words.starts_with("up ") && words.contains("(reloaded 0 times, last one ok)"), "{words}");
    assert!(words.contains("\nsince the start: requests ") && words.contains("   502 0   p99 "), "{words}");
    assert!(words.contains(&format!("\nupstreams  {url} ok     store ok ")), "{words}");
}

#[test]
fn reloads_and_backends_that_fail_are_told() {
    let upstream = Upstream::start();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let mut gateway = Site::fixture(&upstream)
        .set("upstreams.pair", "urls", &format!("[\"{}\", \"{nobody}\"]", upstream.url()))
        .set("upstreams.pair", "eject_after", "1")
        .set("upstreams.pair", "balance", "\"round_robin\"")
        .route("prefix = \"/pair\"\nupstream = \"pair\"\nauth = \"none\"")
        .route(&format!("prefix = \"/gone\"\nupstream = \"{nobody}\"\nauth = \"none\""))
        .start();
    let state = |gateway: &Gateway, upstream: &str, address: &str| {
        let all = told(gateway)["upstreams"].clone();
        let found = all.as_array().unwrap().iter().find(|one| one["upstream"] == upstream && one["address"] == address);
        found.unwrap_or_else(|| panic!("{upstream} is not in {all}"))["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&gateway, "pair", &nobody), "ok");
    gateway.get("/gone/x").send().refused(502, "upstream_refused");
    gateway.get("/pair/1").send().expect(200);
    gateway.get("/pair/2").send().expect(200);
    assert_eq!(state(&gateway, &nobody, &nobody), "failing");
    assert_eq!(state(&gateway, "pair", &nobody), "left out");
    assert_eq!(state(&gateway, "pair", &upstream.url()), "ok");
    until("the 502 is counted", SOON, || told(&gateway)["lately"]["bad_gateway"] == 1);
    gateway.change(|site| site.set("log", "level", "\"info\""));
    authgate(gateway.folder(), &[], &["reload"]).expect(0);
    let good = told(&gateway);
    assert_eq!(
        (&good["reloads"], &good["refused_reloads"], &good["last_reload"]),
        (&json!(1), &json!(0), &json!("ok"))
    );
    gateway.change(|site| site.set("admin", "allow", "[\"127.0.0.0/8\", \"10.0.0.0/8\"]"));
    authgate(gateway.folder(), &[], &["reload"]).expect(1);
    let bad = told(&gateway);
    assert_eq!(bad["last_reload"], "refused");
    assert_eq!(bad["read_at"], good["read_at"]);
    assert!(status(&gateway, &[]).expect(0).out.contains("last one refused)"));
}

#[test]
fn nobody_else_is_told() {
    let gateway = Gateway::start(&Upstream::start());
    let asked = |headers: &[(&str, &str)]| {
        let call = gateway.admin("GET", "/api/status");
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
    };
    asked(&[]).refused(401, "login_required");
    asked(&[("Authorization", "Bearer made-up-by-somebody")]).refused(401, "token_invalid");
    asked(&[("Origin", "https://evil.example")]).refused(403, "foreign_origin");
    gateway.admin("POST", "/api/status").send().refused(405, "method_not_allowed");
    gateway.get("/api/status").send().refused(404, "no_route");
}

#[test]
fn an_administrator_asks_with_a_token() {
    let gateway = Gateway::start(&Upstream::start());
    let (alice, boss) = (gateway.register("alice"), gateway.add_admin("boss"));
    let robot = |scope: &str| {
        let args = ["token", "create", "--scope", scope, "--expires", "1h"];
        let token = authgate(gateway.folder(), gateway.site().variables(), &args).expect(0).out.trim().to_owned();
        until("the token is known", SOON, || gateway.get("/app").bearer(&token).send().status == 200);
        token
    };
    let (mighty, meek) = (robot("admin"), robot("introspect"));
    for (method, path) in [("GET", "/api/status"), ("POST", "/api/reload")] {
        let ask = |token: &str| gateway.admin(method, path).bearer(token).send();
        ask(&boss.access).expect(200);
        ask(&mighty).expect(200);
        ask(&alice.access).refused(403, "missing_role");
        ask(&meek).refused(403, "missing_role");
        let led = gateway.admin(method, path).bearer(&boss.access).header("Origin", "https://evil.example");
        led.send().refused(403, "foreign_origin");
    }
    gateway.log_out(&boss.access).expect(204);
    gateway.admin("GET", "/api/status").bearer(&boss.access).send().refused(401, "token_invalid");
}

#[test]
fn without_a_gateway_nothing_is_found_out() {
    let mut gateway = Gateway::start(&Upstream::start());
    gateway.stop();
    let ran = status(&gateway, &[]).expect(3);
    assert!(ran.err.contains("no gateway answers at http://127.0.0.1:") && ran.out.is_empty(), "{}", ran.err);
    authgate(gateway.folder(), &[], &["status", "-c", "no-such.toml"]).expect(3);
    // Somebody else's server.
    let listener = std::net::TcpListener::bind(("127.0.0.1", gateway.admin_port)).unwrap();
    let other = thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let _read = stream.read(&mut [0; 1024]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    });
    let ran = status(&gateway, &[]).expect(3);
    assert!(ran.err.contains("is it the gateway of this file"), "{}", ran.err);
    other.join().unwrap();
}
