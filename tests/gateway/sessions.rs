//! Where a person is signed in, and ending it.
use serde_json::json;

use crate::support::{Gateway, Upstream};

#[test]
fn a_person_sees_their_sessions_and_ends_one_of_them() {
    let gateway = Gateway::start(&Upstream::start());
    let here = gateway.register("alice");
    let there = gateway.sign_in("alice");
    let items = gateway.get("/auth/sessions").bearer(&here.access).send().expect(200).json()["items"].clone();
    let items = items.as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items.iter().filter(|item| item["current"] == json!(true)).count(), 1);
    assert!(items.iter().all(|item| item["ip"] == "127.0.0.1" && item["created_at"].is_string()));
    let other = items.iter().find(|item| item["current"] == json!(false)).unwrap()["id"].as_str().unwrap();
    gateway.call("DELETE", &format!("/auth/sessions/{other}")).bearer(&here.access).send().expect(204);
    gateway.get("/app").bearer(&there.access).send().refused(401, "session_ended");
    gateway.get("/app").bearer(&here.access).send().expect(200);
    gateway.call("DELETE", &format!("/auth/sessions/{other}")).bearer(&here.access).send().refused(404, "no_route");
}

#[test]
fn nobody_ends_the_session_of_somebody_else() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let mallory = gateway.register("mallory");
    let items = gateway.get("/auth/sessions").bearer(&alice.access).send().json()["items"].clone();
    let id = items[0]["id"].as_str().unwrap();
    gateway.call("DELETE", &format!("/auth/sessions/{id}")).bearer(&mallory.access).send().refused(404, "no_route");
    gateway.get("/app").bearer(&alice.access).send().expect(200);
}

#[test]
fn signing_out_everywhere_may_spare_the_session_that_asks() {
    let gateway = Gateway::start(&Upstream::start());
    let here = gateway.register("alice");
    let there = gateway.sign_in("alice");
    let spare = json!({ "except_current": true });
    gateway.post("/auth/logout-all").bearer(&here.access).json(&spare).send().expect(204);
    gateway.get("/app").bearer(&here.access).send().expect(200);
    gateway.get("/app").bearer(&there.access).send().refused(401, "session_ended");
    gateway.post("/auth/logout-all").bearer(&here.access).send().expect(204);
    gateway.get("/app").bearer(&here.access).send().refused(401, "session_ended");
}
