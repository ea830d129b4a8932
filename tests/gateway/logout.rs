//! POST and DELETE /auth/logout.
use serde_json::json;

use crate::support::{Faults, Gateway, SOON, Site, Upstream, authgate, until};

#[test]
fn after_logout_the_next_request_is_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for method in ["POST", "DELETE"] {
        let name = format!("alice-{}", method.to_ascii_lowercase());
        let alice = gateway.register(&name);
        gateway.get("/app").bearer(&alice.access).send().expect(200);
        let answer = gateway.call(method, "/auth/logout").bearer(&alice.access).send().expect(204);
        assert!(answer.body.is_empty());
        gateway.get("/app").bearer(&alice.access).send().refused(401, "session_ended");
        gateway.get("/auth/me").bearer(&alice.access).send().refused(401, "session_ended");
        gateway.refresh(&alice.refresh).expect(401);
    }
    assert_eq!(upstream.seen().len(), 2);
    gateway.stands(&upstream);
}

#[test]
fn a_session_that_ended_stays_ended_after_a_restart() {
    let mut gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let other = gateway.sign_in("alice");
    gateway.log_out(&alice.access).expect(204);
    gateway.kill();
    gateway.run();
    gateway.get("/app").bearer(&alice.access).send().refused(401, "session_ended");
    gateway.refresh(&alice.refresh).expect(401);
    gateway.get("/app").bearer(&other.access).send().expect(200);
}

#[test]
fn who_is_not_signed_in_is_signed_out_already() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.post("/auth/logout").send().expect(204);
    gateway.call("DELETE", "/auth/logout").send().expect(204);
    gateway.post("/auth/logout").bearer("nonsense").send().expect(204);
    let alice = gateway.register("alice");
    gateway.log_out(&alice.access).expect(204);
    gateway.log_out(&alice.access).expect(204);
}

#[test]
fn a_refresh_token_alone_ends_its_session() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.post("/auth/logout").json(&json!({ "refresh_token": alice.refresh })).send().expect(204);
    gateway.get("/app").bearer(&alice.access).send().refused(401, "session_ended");
    gateway.refresh(&alice.refresh).expect(401);
}

#[test]
fn a_token_that_is_over_still_ends_its_session() {
    let faults = Faults::none();
    let gateway = faults.on(Site::fixture(&Upstream::start())).start();
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    faults.clock_is_off_by(20 * 60);
    for person in [&alice, &bob] {
        gateway.get("/app").bearer(&person.access).send().refused(401, "token_expired");
    }
    // Nobody else's token does, and none that was changed.
    let (head, _) = alice.access.rsplit_once('.').unwrap();
    gateway.log_out(&format!("{head}.AAAA")).expect(204);
    let alice = gateway.refresh(&alice.refresh).expect(200).json();
    gateway.log_out(alice["access_token"].as_str().unwrap()).expect(204);
    gateway.refresh(alice["refresh_token"].as_str().unwrap()).expect(401);
    gateway.log_out(&bob.access).expect(204);
    gateway.refresh(&bob.refresh).expect(401);
}

#[test]
fn a_token_from_before_a_change_of_roles_still_ends_its_session() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    authgate(gateway.folder(), gateway.site().variables(), &["user", "edit", "alice", "--add-role", "staff"]).expect(0);
    until("the old token is refused", SOON, || gateway.get("/app").bearer(&alice.access).send().status == 401);
    gateway.log_out(&alice.access).expect(204);
    gateway.refresh(&alice.refresh).expect(401);
}

#[test]
fn nothing_happens_by_get_or_from_a_foreign_page() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let answer = gateway.get("/auth/logout").bearer(&alice.access).send().expect(405);
    let allow = answer.field("allow").unwrap().to_owned();
    assert!(allow.contains("POST") && allow.contains("DELETE"), "{allow}");
    gateway.call("HEAD", "/auth/logout").bearer(&alice.access).send().expect(405);
    gateway.post("/auth/logout").bearer(&alice.access).header("Origin", "https://evil.example").send().expect(403);
    gateway.post("/auth/logout").bearer(&alice.access).body("text/plain", "{}").send().expect(415);
    gateway.get("/app").bearer(&alice.access).send().expect(200);
}
