//! What is bounded, and what one hears beyond the bound.
use std::thread;

use serde_json::json;

use crate::support::client::password_of;
use crate::support::{Gateway, Raw, SOON, Site, Upstream, until};

#[test]
fn guessing_is_slowed_down_by_address() {
    let gateway = Site::fixture(&Upstream::start()).set("limits", "login_per_ip", "\"5/m\"").start();
    let alice = gateway.register("alice");
    let mut statuses = Vec::new();
    for number in 0..8 {
        let name = format!("nobody-{number}");
        let body = json!({ "username": name, "password": "wrong one 1" });
        let turned = format!("203.0.113.{number}");
        let answer = gateway.post("/auth/login").json(&body).header("X-Forwarded-For", &turned).send();
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    gateway.log_in("alice", &alice.password).refused(429, "too_many_attempts");
}

#[test]
fn guessing_is_slowed_down_by_account_under_all_its_names() {
    let gateway = Site::fixture(&Upstream::start())
        .set("limits", "login_per_account", "\"4/m\"")
        .set("accounts", "identifier", "\"either\"")
        .start();
    let form = json!({ "username": "alice", "password": password_of("alice"), "email": "alice@example.com" });
    gateway.post("/auth/register").json(&form).send().expect(201);
    gateway.register("bob");
    for name in ["alice", "ALICE", "alice@example.com", "Alice@Example.com"] {
        gateway.log_in(name, "wrong one 1").refused(401, "invalid_credentials");
    }
    for name in ["alice", "alice@example.com"] {
        let right = gateway.log_in(name, &password_of("alice")).refused(429, "too_many_attempts");
        let wrong = gateway.log_in(name, "wrong one 1").refused(429, "too_many_attempts");
        assert_eq!(right.json()["detail"], wrong.json()["detail"], "the right password is not revealed");
    }
    gateway.sign_in("bob");
}

#[test]
fn while_many_try_a_name_its_owner_comes_in_from_home_also_after_a_restart() {
    let mut gateway = Site::fixture(&Upstream::start())
        .set("server", "trusted_proxies", "[\"127.0.0.1\"]")
        .set("limits", "login_per_account", "\"2/h\"")
        .start();
    let password = password_of("alice");
    let form = json!({ "username": "alice", "password": password });
    gateway.post("/auth/register").json(&form).header("X-Forwarded-For", "192.0.2.1").send().expect(201);
    let sign_in = |gateway: &Gateway, password: &str, ip: &str| {
        let form = json!({ "username": "alice", "password": password });
        gateway.post("/auth/login").json(&form).header("X-Forwarded-For", ip).send().status
    };
    for _ in 0..2 {
        let tried: Vec<_> =
            (0..25).map(|number| sign_in(&gateway, "wrong one 1", &format!("198.51.100.{number}"))).collect();
        assert_eq!((tried[0], tried[24]), (401, 429));
        assert_eq!(sign_in(&gateway, &password, "203.0.113.5"), 429, "a stranger's place");
        assert_eq!(sign_in(&gateway, &password, "192.0.2.1"), 200, "home");
        gateway.kill();
        gateway.run();
    }
}

#[test]
fn unknown_names_are_slowed_down_like_known_ones() {
    let gateway = Site::fixture(&Upstream::start()).set("limits", "login_per_account", "\"2/m\"").start();
    let statuses: Vec<_> = (0..3).map(|_| gateway.log_in("nobody-here", "wrong one 1").status).collect();
    assert_eq!(statuses, [401, 401, 429]);
}

#[test]
fn the_token_endpoint_is_no_way_round_the_limit() {
    let gateway = Site::fixture(&Upstream::start()).set("limits", "login_per_ip", "\"3/m\"").start();
    for _ in 0..3 {
        gateway.log_in("alice", "wrong one 1").expect(401);
    }
    let answer = gateway.post("/auth/token").form("grant_type=password&username=alice&password=wrong").send();
    assert_eq!(answer.status, 429, "{}", answer.text());
}

#[test]
fn registering_is_slowed_down_by_address() {
    let gateway = Site::fixture(&Upstream::start()).set("limits", "register_per_ip", "\"3/h\"").start();
    for number in 0..3 {
        gateway.register(&format!("person-{number}"));
    }
    let form = json!({ "username": "one-more", "password": password_of("one-more") });
    let answer = gateway.post("/auth/register").json(&form).send().expect(429);
    assert!(answer.field("retry-after").unwrap().parse::<u32>().unwrap() > 0);
}

#[test]
fn a_body_over_the_routes_bound_is_refused_before_the_upstream_is_asked() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream)
        .route(&format!("prefix = \"/small\"\nupstream = \"{}\"\nauth = \"none\"\nmax_body = \"1KiB\"", upstream.url()))
        .start();
    gateway.post("/small/x").body("text/plain", "x".repeat(1024)).send().expect(200);
    let before = upstream.bytes();
    gateway.post("/small/x").body("text/plain", "x".repeat(1025)).send().refused(413, "body_too_large");
    assert_eq!(upstream.bytes(), before);
    let mut raw = gateway.raw();
    raw.send(format!("POST /small/x HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n", gateway.authority()));
    for _ in 0..5 {
        raw.send(format!("100\r\n{}\r\n", "x".repeat(256)));
    }
    raw.answer().unwrap().refused(413, "body_too_large");
    assert!(raw.ends_within(SOON));
    assert!(upstream.seen().iter().all(|seen| seen.body.len() <= 1024 && (seen.whole || seen.body.len() < 1025)));
    gateway.is_alive();
}

#[test]
fn one_address_holds_only_so_many_connections() {
    let gateway = Site::fixture(&Upstream::start()).set("limits", "max_connections_per_ip", "4").start();
    let mut kept: Vec<Raw> = Vec::new();
    // The connection that asked whether the gateway is up may still be on its way out.
    until("four connections are let in", SOON, || {
        let mut raw = gateway.raw();
        raw.send(gateway.get("/pub/x").bytes());
        if raw.answer().is_some_and(|answer| answer.status == 200) {
            kept.push(raw);
        }
        kept.len() == 4
    });
    let mut fifth = gateway.raw();
    fifth.send(gateway.get("/pub/x").bytes());
    assert!(fifth.answer().is_none_or(|answer| answer.status == 503 || answer.status == 429));
    for raw in &mut kept {
        gateway.get("/pub/x").send_on(raw).expect(200);
    }
    drop(kept);
    until("a place is free again", SOON, || {
        let mut raw = gateway.raw();
        raw.send(gateway.get("/pub/x").bytes());
        raw.answer().is_some_and(|answer| answer.status == 200)
    });
}

#[test]
fn when_all_connections_are_taken_the_next_waits_its_turn() {
    let gateway = Site::fixture(&Upstream::start()).set("limits", "max_connections", "3").start();
    let mut kept: Vec<_> = (0..3).map(|_| gateway.raw()).collect();
    for raw in &mut kept {
        gateway.get("/pub/x").send_on(raw).expect(200);
    }
    let mut waiting = gateway.raw();
    waiting.send(gateway.get("/pub/x").bytes());
    kept.pop();
    waiting.answer().unwrap().expect(200);
}

#[test]
fn a_flood_of_logins_is_refused_and_the_rest_goes_on() {
    let gateway = Site::fixture(&Upstream::start())
        .set("passwords", "argon2", "{ memory = \"64MiB\", iterations = 3, lanes = 1 }")
        .set("passwords", "parallel_hashes", "1")
        .set("passwords", "hash_queue", "2")
        .start();
    let alice = gateway.register("alice");
    let statuses: Vec<u16> = thread::scope(|scope| {
        let calls: Vec<_> = (0..30).map(|_| scope.spawn(|| gateway.log_in("alice", &alice.password).status)).collect();
        for _ in 0..10 {
            gateway.get("/app/x").bearer(&alice.access).send().expect(200);
        }
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&503) && statuses.contains(&200), "{statuses:?}");
    gateway.sign_in("alice");
}

#[test]
fn the_store_and_its_companions_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let mut found = 0;
    for file in std::fs::read_dir(gateway.folder()).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("authgate.db") {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
            found += 1;
        }
    }
    assert!(found > 0);
}
