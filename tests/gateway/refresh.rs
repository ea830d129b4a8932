//! POST /auth/refresh: rotation, repeats and theft.
use std::collections::HashSet;
use std::thread;

use serde_json::json;

use crate::support::{Browser, Faults, Gateway, SOON, Site, Upstream, authgate, until};

#[test]
fn a_refresh_token_gives_a_new_pair() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let first = gateway.register("alice");
    let second = gateway.person("alice", &gateway.refresh(&first.refresh).expect(200));
    let third = gateway.person("alice", &gateway.refresh(&second.refresh).expect(200));
    assert_eq!(HashSet::from([&first.refresh, &second.refresh, &third.refresh]).len(), 3);
    for person in [&first, &second, &third] {
        gateway.get("/app").bearer(&person.access).send().expect(200);
    }
    gateway.stands(&upstream);
}

#[test]
fn a_repeat_within_the_grace_gets_the_same_successor() {
    let gateway = Site::fixture(&Upstream::start()).set("tokens", "refresh_grace", "\"60s\"").start();
    let alice = gateway.register("alice");
    let first = gateway.refresh(&alice.refresh).expect(200).json();
    let second = gateway.refresh(&alice.refresh).expect(200).json();
    assert_eq!(first["refresh_token"], second["refresh_token"]);
}

#[test]
fn a_repeat_after_the_grace_is_theft_and_ends_the_session() {
    let gateway = Site::fixture(&Upstream::start()).set("tokens", "refresh_grace", "\"0s\"").start();
    let alice = gateway.register("alice");
    let next = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    gateway.refresh(&alice.refresh).refused(401, "refresh_token_reused");
    let dead = gateway.refresh(&next.refresh).expect(401);
    assert!(["invalid_refresh_token", "refresh_token_reused"].contains(&dead.code().as_str()));
    gateway.get("/app").bearer(&next.access).send().refused(401, "session_ended");
    gateway.get("/app").bearer(&alice.access).send().refused(401, "session_ended");
    gateway.sign_in("alice");
}

#[test]
fn fifty_refreshes_at_once_make_one_lineage() {
    let gateway = Site::fixture(&Upstream::start()).set("tokens", "refresh_grace", "\"60s\"").start();
    let mut token = gateway.register("alice").refresh;
    for _ in 0..4 {
        let successors: HashSet<String> = thread::scope(|scope| {
            let calls: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        gateway.refresh(&token).expect(200).json()["refresh_token"].as_str().unwrap().to_owned()
                    })
                })
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert_eq!(successors.len(), 1, "one successor for all");
        token = successors.into_iter().next().unwrap();
    }
}

#[test]
fn what_is_no_refresh_token_of_ours_is_refused() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let changed = format!(
        "{}{}",
        &alice.refresh[..alice.refresh.len() - 1],
        if alice.refresh.ends_with('A') { "B" } else { "A" }
    );
    for wrong in ["", "agr_", "nonsense", &alice.access, &changed, &format!(" {}", alice.refresh), &"x".repeat(3000)] {
        gateway.refresh(wrong).refused(401, "invalid_refresh_token");
    }
    gateway.refresh(&alice.refresh).expect(200);
}

#[test]
fn a_refresh_token_is_no_bearer_token() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.get("/app").bearer(&alice.refresh).send().refused(401, "token_invalid");
}

#[test]
fn a_refresh_token_dies_with_its_time() {
    let faults = Faults::none();
    let gateway = faults.on(Site::fixture(&Upstream::start()).set("tokens", "refresh_ttl", "\"2h\"")).start();
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    faults.clock_is_off_by(119 * 60);
    gateway.refresh(&bob.refresh).expect(200);
    faults.clock_is_off_by(120 * 60);
    gateway.refresh(&alice.refresh).refused(401, "invalid_refresh_token");
}

#[test]
fn roles_are_read_afresh_at_each_refresh() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    gateway.get("/app/admin").bearer(&alice.access).send().refused(403, "missing_role");
    let variables = gateway.site().variables().to_vec();
    authgate(gateway.folder(), &variables, &["user", "edit", "alice", "--add-role", "admin"]).expect(0);
    let promoted = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    gateway.get("/app/admin").bearer(&promoted.access).send().expect(200);
    authgate(gateway.folder(), &variables, &["user", "edit", "alice", "--remove-role", "admin"]).expect(0);
    until("the role is gone from tokens that are still out", SOON, || {
        gateway.get("/app/admin").bearer(&promoted.access).send().status != 200
    });
    let demoted = gateway.person("alice", &gateway.refresh(&promoted.refresh).expect(200));
    gateway.get("/app/admin").bearer(&demoted.access).send().refused(403, "missing_role");
}

#[test]
fn a_disabled_person_gets_no_successor_and_their_tokens_are_dead_within_a_second() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    let variables = gateway.site().variables().to_vec();
    authgate(gateway.folder(), &variables, &["user", "disable", "alice"]).expect(0);
    let begun = std::time::Instant::now();
    until("the token is dead", SOON, || gateway.get("/app").bearer(&alice.access).send().status == 401);
    assert!(begun.elapsed().as_millis() < 1500, "in force after {:?}", begun.elapsed());
    gateway.refresh(&alice.refresh).expect(401);
}

#[test]
fn the_store_holds_no_refresh_token() {
    let mut gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let next = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    gateway.stop();
    for file in std::fs::read_dir(gateway.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [&alice.refresh, &next.refresh, &alice.access, &alice.password] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

#[test]
fn a_body_is_wanted_and_nothing_happens_by_get() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.get("/auth/refresh").send().expect(405);
    gateway.call("HEAD", "/auth/refresh").send().expect(405);
    gateway
        .post("/auth/refresh")
        .body("text/plain", json!({ "refresh_token": alice.refresh }).to_string())
        .send()
        .expect(415);
    gateway.post("/auth/refresh").body("application/json", "{").send().refused(400, "bad_json");
    gateway.refresh(&alice.refresh).expect(200);
}

#[test]
fn nothing_shown_is_no_refresh_token_and_a_cookie_is_enough_with_whatever_body() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.post("/auth/refresh").send().refused(401, "invalid_refresh_token");
    gateway.post("/auth/refresh").json(&json!({})).send().refused(401, "invalid_refresh_token");
    gateway.post("/auth/refresh").json(&json!({ "refresh_token": 1 })).send().refused(400, "bad_json");
    let browser = Browser::signed_in(&gateway);
    for call in [browser.fetch("POST", "/auth/refresh"), browser.fetch("POST", "/auth/refresh").json(&json!({}))] {
        let token = browser.send(call).expect(200).json()["access_token"].as_str().unwrap().to_owned();
        gateway.keep_secret(&token);
        gateway.get("/app").bearer(&token).send().expect(200);
    }
}
