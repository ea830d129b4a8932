//! Networks that are late, that break, and that say nothing.
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::servers::{Kind, Server};
use crate::support::{Mood, Relay, Reply, SOON, Site, Upstream, until};

#[test]
fn through_a_bad_network_to_the_backend_answers_are_whole_or_errors_and_nothing_hangs() {
    let body = "0123456789".repeat(2000);
    let said = body.clone();
    let upstream = Upstream::answering(move |_| Reply::new("200 OK", "", &said));
    let relay = Relay::to(upstream.port);
    let gateway = Site::fixture(&upstream)
        .set("upstreams.far", "urls", &format!("[\"http://127.0.0.1:{}\"]", relay.port))
        .set("upstreams.far", "response_timeout", "\"3s\"")
        .set("upstreams.far", "idle_timeout", "\"3s\"")
        .route("prefix = \"/far\"\nupstream = \"far\"\nauth = \"none\"")
        .start();
    for mood in [Mood::Late, Mood::Sliced, Mood::Resets, Mood::Closes, Mood::LosesAnswers, Mood::Well] {
        relay.is(mood);
        upstream.forget();
        for turn in 0..5 {
            let begun = Instant::now();
            let mut raw = gateway.raw();
            raw.send(gateway.get("/far/x").bytes());
            let answer = raw.answer().unwrap_or_else(|| panic!("{mood:?} {turn}: no answer"));
            assert!(begun.elapsed() < Duration::from_secs(10), "{mood:?} {turn}: {:?}", begun.elapsed());
            match mood {
                Mood::Resets | Mood::LosesAnswers => {
                    assert!(answer.status == 502 || !answer.whole, "{turn}: {}", answer.status)
                }
                Mood::Closes => assert_eq!(answer.status, 502, "{turn}"),
                Mood::Late | Mood::Sliced | Mood::Well => {
                    // The first after the bad times may find a connection of theirs.
                    assert_eq!(answer.status, 200, "{mood:?} {turn}");
                    assert!(answer.whole && answer.body == body.as_bytes(), "{mood:?} {turn}");
                }
            }
        }
        // What changes something is never done twice, though nobody knows whether it was done.
        let mut raw = gateway.raw();
        raw.send(gateway.post("/far/once").body("text/plain", "a".repeat(200)).bytes());
        drop(raw.answer());
        let done = upstream.seen().iter().filter(|seen| seen.target == "/far/once").count();
        assert!(done <= 1, "{mood:?}: done {done} times");
        gateway.get("/pub/x").send().expect(200);
    }
    gateway.is_alive();
}

#[test]
fn through_a_bad_network_to_postgres_what_is_acknowledged_is_there() {
    let Some(server) = Server::start(Kind::Postgres) else { return };
    let (upstream, store) = (Upstream::start(), server.database("people"));
    let (relay, store) = Relay::before(&store);
    let gateway = Site::fixture(&upstream).set("store", "url", &format!("{store:?}")).start();
    let alice = gateway.register("alice");
    let mut kept = Vec::new();
    for mood in [Mood::Late, Mood::Sliced, Mood::Resets, Mood::Closes, Mood::LosesAnswers, Mood::Well] {
        relay.is(mood);
        for turn in 0..3 {
            let begun = Instant::now();
            let name = format!("{mood:?}{turn}").to_lowercase();
            let body = serde_json::json!({ "username": name, "password": "a-first-password-1" });
            let status = gateway.post("/auth/register").json(&body).send().status;
            assert!(begun.elapsed() < Duration::from_secs(20), "{mood:?}: {:?}", begun.elapsed());
            assert!([201, 503].contains(&status), "{mood:?}: {status}");
            if status == 201 {
                kept.push(name);
            }
            gateway.get("/app/x").bearer(&alice.access).send().expect(200);
        }
    }
    until("the node is ready again", SOON, || gateway.get("/auth/readyz").send().status == 200);
    assert!(kept.len() >= 3, "{kept:?}");
    for name in &kept {
        gateway.log_in(name, "a-first-password-1").expect(200);
    }
}

/// It accepts and never shakes hands. Those who wait for the first handshake do not each begin their own wait after it.
#[test]
fn a_backend_that_never_shakes_hands_holds_nobody_longer_than_two_connections_take() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("[\"https://{}\"]", silent.local_addr().unwrap());
    let gateway = Site::fixture(&Upstream::start())
        .set("upstreams.silent", "urls", &url)
        .set("upstreams.silent", "verify_tls", "false")
        .set("upstreams.silent", "connect_timeout", "\"1s\"")
        .route("prefix = \"/silent\"\nupstream = \"silent\"\nauth = \"none\"")
        .start();
    let begun = Instant::now();
    let mut waiting: Vec<_> = (0..12).map(|_| gateway.raw()).collect();
    for raw in &mut waiting {
        raw.send(gateway.get("/silent/x").bytes());
    }
    for raw in &mut waiting {
        let status = raw.answer().expect("an answer").status;
        assert!([502, 503, 504].contains(&status), "{status}");
    }
    assert!(begun.elapsed() < Duration::from_secs(6), "the last waited {:?}", begun.elapsed());
}

/// Cookies that nobody holds, and a store that says nothing: the waits do not add up.
#[test]
fn browsers_that_wait_for_a_silent_store_wait_together() {
    let Some(server) = Server::start(Kind::Postgres) else { return };
    let (upstream, store) = (Upstream::start(), server.database("people"));
    let (relay, store) = Relay::before(&store);
    let gateway = Site::fixture(&upstream).set("store", "url", &format!("{store:?}")).start();
    relay.is_silent(true);
    let begun = Instant::now();
    let mut waiting: Vec<_> = (0..8).map(|_| gateway.raw()).collect();
    for raw in &mut waiting {
        raw.send(gateway.get("/app/x").header("Cookie", &format!("authgate={}", "a".repeat(43))).bytes());
    }
    for raw in &mut waiting {
        raw.answer().expect("an answer").refused(503, "unavailable");
    }
    assert!(begun.elapsed() < Duration::from_secs(18), "the last waited {:?}", begun.elapsed());
    relay.is_silent(false);
    until("the node is ready again", SOON, || gateway.get("/auth/readyz").send().status == 200);
}
