//! The network to the store falls silent, or the store is held by somebody else.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// As behind a firewall that forgot its connections: nobody is told, and who dials anew gets through. Everybody refreshes, so that
/// connections are lost wherever a writer may be.
fn connections_that_are_lost(kind: Kind) {
    let Some(server) = Server::start(kind) else { return };
    let (upstream, store) = (Upstream::start(), server.database("people"));
    let (relay, store) = Relay::before(&store);
    let site = Site::fixture(&upstream).set("store", "url", &format!("{store:?}"));
    let mut gateway = site.set("store", "max_connections", "6").start();
    let alice = gateway.register("alice");
    let everybody: Vec<_> = (0..24).map(|_| gateway.sign_in("alice").refresh).collect();
    let (lost, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for first in &everybody {
            let (gateway, lost, done) = (&gateway, &lost, &done);
            scope.spawn(move || {
                let mut token = first.clone();
                while !lost.load(Ordering::SeqCst) {
                    let answer = gateway.refresh(&token);
                    match answer.status {
                        200 => {
                            token = answer.json()["refresh_token"].as_str().unwrap().to_owned();
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                        status => assert!(status == 503 && lost.load(Ordering::SeqCst), "{status}"),
                    }
                }
            });
        }
        until("all are at it", SOON, || done.load(Ordering::SeqCst) > 100);
        relay.loses_whoever_is_connected();
        lost.store(true, Ordering::SeqCst);
        // A statement may take ten seconds, and what is silent then is given up five later; MySQL keeps a lock for half a minute
        // whose owner does not speak.
        let mut in_a_row = 0;
        until("twenty in a row get in", Duration::from_secs(60), || {
            in_a_row = if gateway.log_in("alice", &alice.password).status == 200 { in_a_row + 1 } else { 0 };
            in_a_row == 20
        });
    });
    relay.loses_whoever_is_connected();
    let begun = Instant::now();
    gateway.stop();
    assert!(begun.elapsed() < Duration::from_secs(20), "stopping took {:?}", begun.elapsed());
}

#[test]
fn connections_to_postgres_that_are_lost_without_a_word_are_given_up_and_made_anew() {
    connections_that_are_lost(Kind::Postgres);
}

#[test]
fn connections_to_mysql_that_are_lost_without_a_word_are_given_up_and_made_anew() {
    connections_that_are_lost(Kind::MySql);
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
