//! Several gateways on one database, and a database that goes away.
use std::time::Instant;

use crate::support::servers::{Kind, Server};
use crate::support::{A_BUSY_SECOND, Browser, Gateway, SOON, Site, Upstream, authgate, until};

/// A node in front of `upstream`; all of them issue the same tokens.
fn node(upstream: &Upstream, store: &str) -> Gateway {
    let site = Site::fixture(upstream).set("server", "public_url", "\"http://localhost:8080\"");
    site.set("store", "url", &format!("\"{store}\"")).set("store", "max_connections", "4").start()
}

#[track_caller]
fn in_force(gateway: &Gateway, token: &str, path: &str, status: u16) {
    let begun = Instant::now();
    until(&format!("{path} is {status}"), SOON, || gateway.get(path).bearer(token).send().status == status);
    assert!(begun.elapsed() < A_BUSY_SECOND, "in force after {:?}", begun.elapsed());
}

fn what_one_node_does_is_in_force_on_the_other(kind: Kind) {
    let Some(server) = Server::start(kind) else { return };
    let (upstream, store) = (Upstream::start(), server.database("people"));
    let (here, there) = (node(&upstream, &store), node(&upstream, &store));
    let user = |args: &[&str]| {
        let args: Vec<_> = ["user"].iter().chain(args).copied().collect();
        authgate(here.folder(), here.site().variables(), &args).expect(0);
    };
    let alice = here.register("alice");
    there.get("/app/x").bearer(&alice.access).send().expect(200);
    let made = authgate(here.folder(), here.site().variables(), &["keys", "rotate", "--json"]).expect(0).json();
    let (kid, begun) = (made["kid"].as_str().unwrap(), Instant::now());
    until("the new key is known to all", SOON, || {
        [&here, &there].iter().all(|node| node.get("/.well-known/jwks.json").send().text().contains(kid))
    });
    assert!(begun.elapsed() < A_BUSY_SECOND, "known after {:?}", begun.elapsed());
    there.get("/app/x").bearer(&alice.access).send().expect(200);
    here.get("/app/x").bearer(&there.sign_in("alice").access).send().expect(200);
    here.log_out(&alice.access).expect(204);
    in_force(&there, &alice.access, "/app/x", 401);
    there.refresh(&alice.refresh).expect(401);

    let (browser, elsewhere) = (Browser::new(&here), Browser::new(&there));
    browser.sign_in("alice", "/app").expect(303);
    elsewhere.set_cookie("authgate", &browser.cookie("authgate").unwrap());
    elsewhere.open("/app/x").expect(200);
    browser.send(browser.fetch("POST", "/auth/logout")).expect(204);
    let begun = Instant::now();
    let page = || elsewhere.send(elsewhere.fetch("GET", "/app/x"));
    until("the browser is signed out", SOON, || page().status == 401);
    assert!(begun.elapsed() < A_BUSY_SECOND, "in force after {:?}", begun.elapsed());

    user(&["edit", "alice", "--add-role", "admin"]);
    let admin = there.sign_in("alice");
    here.get("/app/admin").bearer(&admin.access).send().expect(200);
    user(&["edit", "alice", "--remove-role", "admin"]);
    in_force(&there, &admin.access, "/app/admin", 401);
    let renewed = here.refresh(&admin.refresh).expect(200).json();
    let renewed = renewed["access_token"].as_str().unwrap();
    there.get("/app/admin").bearer(renewed).send().refused(403, "missing_role");
    there.get("/app/x").bearer(renewed).send().expect(200);

    user(&["disable", "alice"]);
    in_force(&here, renewed, "/app/x", 401);
    in_force(&there, renewed, "/app/x", 401);
    there.log_in("alice", &alice.password).refused(403, "account_disabled");
}

#[test]
fn what_one_node_ends_is_over_on_the_other_within_a_second_on_postgres() {
    what_one_node_does_is_in_force_on_the_other(Kind::Postgres);
}

#[test]
fn what_one_node_ends_is_over_on_the_other_within_a_second_on_mysql() {
    what_one_node_does_is_in_force_on_the_other(Kind::MySql);
}

fn a_database_that_goes_away_and_comes_back(kind: Kind) {
    let Some(mut server) = Server::start(kind) else { return };
    let (upstream, store) = (Upstream::start(), server.database("people"));
    let (here, there) = (node(&upstream, &store), node(&upstream, &store));
    let (alice, bob) = (here.register("alice"), there.register("bob"));
    for gateway in [&here, &there] {
        gateway.get("/auth/readyz").send().expect(200);
    }
    let browser = Browser::new(&here);
    browser.sign_in("alice", "/app").expect(303);
    browser.open("/app/x").expect(200);
    server.stop();
    browser.open("/app/x").expect(200);
    let unknown = there.get("/app/x").header("Cookie", &browser.cookies().unwrap()).send();
    assert!(unknown.field("retry-after").is_some());
    unknown.refused(503, "unavailable");
    for gateway in [&here, &there] {
        gateway.get("/app/x").bearer(&alice.access).send().expect(200);
        let refused = gateway.log_in("alice", &alice.password);
        assert!(refused.field("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok_and(|wait| wait > 0)));
        refused.refused(503, "unavailable");
        gateway.refresh(&bob.refresh).refused(503, "unavailable");
        gateway.get("/auth/readyz").send().expect(503);
        gateway.get("/auth/healthz").send().expect(200);
        gateway.get("/app/x").bearer(&bob.access).send().expect(200);
    }
    server.run();
    for gateway in [&here, &there] {
        until("the node is ready again", SOON, || gateway.get("/auth/readyz").send().status == 200);
    }
    there.get("/app/x").header("Cookie", &browser.cookies().unwrap()).send().expect(200);
    there.refresh(&bob.refresh).expect(200);
    here.sign_in("alice");
    here.log_out(&alice.access).expect(204);
    let token = &alice.access;
    until("what ends is seen again", SOON, || there.get("/app/x").bearer(token).send().status == 401);
    here.is_alive();
    here.leaks_nothing();
}

#[test]
fn while_postgres_is_away_tokens_hold_and_sign_in_waits_and_all_recovers() {
    a_database_that_goes_away_and_comes_back(Kind::Postgres);
}

#[test]
fn while_mysql_is_away_tokens_hold_and_sign_in_waits_and_all_recovers() {
    a_database_that_goes_away_and_comes_back(Kind::MySql);
}
