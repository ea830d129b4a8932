//! The network to the store falls silent, or the store is held by somebody else.
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::servers::{Kind, Server};
use crate::support::{HeldStore, Relay, SOON, SentRequest, Site, Upstream, until};

fn a_database_that_says_nothing(kind: Kind) {
    let Some(server) = Server::start(kind) else { return };
    let (upstream, store) = (Upstream::start(), server.database("people"));
    let (relay, store) = Relay::before(&store);
    let gateway = Site::fixture(&upstream).set("store", "url", &format!("{store:?}")).start();
    let alice = gateway.register("alice");
    gateway.get("/auth/readyz").send().expect(200);
    relay.is_silent(true);
    for _ in 0..2 {
        let begun = Instant::now();
        gateway.get("/app/x").bearer(&alice.access).send().expect(200);
        assert!(begun.elapsed() < Duration::from_secs(2), "a known token waited for the store: {:?}", begun.elapsed());
        gateway.log_in("alice", &alice.password).refused(503, "unavailable");
        assert!(begun.elapsed() < Duration::from_secs(16), "took {:?}", begun.elapsed());
    }
    gateway.get("/auth/readyz").send().expect(503);
    gateway.get("/auth/healthz").send().expect(200);
    relay.is_silent(false);
    until("the node is ready again", SOON, || gateway.get("/auth/readyz").send().status == 200);
    let next = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    gateway.log_out(&next.access).expect(204);
    gateway.get("/app/x").bearer(&next.access).send().refused(401, "session_ended");
    gateway.sign_in("alice");
    gateway.leaks_nothing();
}

#[test]
fn a_silent_network_to_postgres_holds_up_nobody_who_is_known_and_passes() {
    a_database_that_says_nothing(Kind::Postgres);
}

#[test]
fn a_silent_network_to_mysql_holds_up_nobody_who_is_known_and_passes() {
    a_database_that_says_nothing(Kind::MySql);
}

/// As a backup program that was stopped in the middle would.
#[test]
fn a_store_that_somebody_else_holds_is_waited_for_and_then_given_up() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let alice = gateway.register("alice");
    let Some(held) = HeldStore::of(&gateway) else { return };
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    gateway.log_out(&alice.access).refused(503, "unavailable");
    gateway.get("/auth/me").bearer(&alice.access).send().expect(200);
    // Whoever waits is served as soon as it is let go.
    let body = json!({ "username": "alice", "password": alice.password });
    let waiting = SentRequest::of(&gateway.post("/auth/login").json(&body));
    held.let_go();
    waiting.answer().expect(200);
    gateway.log_out(&alice.access).expect(204);
    gateway.get("/app/x").bearer(&alice.access).send().refused(401, "session_ended");
}
