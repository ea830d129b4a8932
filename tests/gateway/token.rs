//! POST /auth/token: OAuth 2.0, in its own words.
use crate::support::client::password_of;
use crate::support::{Answer, Gateway, Site, Upstream};

/// RFC 6749, section 5.2: exactly `error` and `error_description`.
#[track_caller]
fn oauth_refused(answer: Answer, status: u16, code: &str) {
    let answer = answer.refused(status, code);
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let body = answer.json();
    let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["error", "error_description"]);
}

#[test]
fn the_password_grant_gives_a_token_answer() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let form = format!("grant_type=password&username=alice&password={}", password_of("alice"));
    let answer = gateway.post("/auth/token").form(&form).send().expect(200);
    let alice = gateway.person("alice", &answer);
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    gateway.leaks_nothing();
}

#[test]
fn without_a_grant_type_a_name_and_a_password_are_the_password_grant() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let form = format!("username=alice&password={}", password_of("alice"));
    gateway.post("/auth/token").form(&form).send().expect(200);
    oauth_refused(gateway.post("/auth/token").form("username=alice&password=wrong-one").send(), 400, "invalid_grant");
}

#[test]
fn the_refresh_grant_gives_the_successor() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let form = format!("grant_type=refresh_token&refresh_token={}", alice.refresh);
    let answer = gateway.post("/auth/token").form(&form).send().expect(200);
    let next = gateway.person("alice", &answer);
    assert_ne!(next.refresh, alice.refresh);
    gateway.get("/app").bearer(&next.access).send().expect(200);
    gateway.refresh(&next.refresh).expect(200);
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_the_standard() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let send = |form: &str| gateway.post("/auth/token").form(form).send();
    oauth_refused(send(""), 400, "invalid_request");
    oauth_refused(gateway.post("/auth/token").send(), 400, "invalid_request");
    oauth_refused(send("grant_type=password"), 400, "invalid_request");
    oauth_refused(send("grant_type=password&username=alice"), 400, "invalid_request");
    oauth_refused(send("grant_type=refresh_token"), 400, "invalid_request");
    oauth_refused(send("grant_type=password&grant_type=password&username=alice&password=x"), 400, "invalid_request");
    oauth_refused(send("grant_type=password&username=alice&password=wrong-one"), 400, "invalid_grant");
    oauth_refused(send("grant_type=password&username=nobody-here&password=wrong-one"), 400, "invalid_grant");
    oauth_refused(send("grant_type=refresh_token&refresh_token=agr_nonsense"), 400, "invalid_grant");
    oauth_refused(send("grant_type=client_credentials"), 400, "unsupported_grant_type");
    oauth_refused(send("grant_type=authorization_code&code=x"), 400, "unsupported_grant_type");
}

#[test]
fn a_scope_that_nobody_gave_is_refused() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let form = format!("grant_type=password&username=alice&password={}&scope=moon:read", password_of("alice"));
    oauth_refused(gateway.post("/auth/token").form(&form).send(), 400, "invalid_scope");
    let sessions = gateway.get("/auth/sessions").bearer(&alice.access).send().expect(200).json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "none goes on that nobody holds: {sessions}");
}

#[test]
fn the_password_grant_can_be_switched_off() {
    let gateway = Site::fixture(&Upstream::start()).set("tokens", "password_grant", "false").start();
    let alice = gateway.register("alice");
    let form = format!("grant_type=password&username=alice&password={}", alice.password);
    oauth_refused(gateway.post("/auth/token").form(&form).send(), 400, "unsupported_grant_type");
    let form = format!("grant_type=refresh_token&refresh_token={}", alice.refresh);
    gateway.post("/auth/token").form(&form).send().expect(200);
}

#[test]
fn escapes_of_a_form_are_read() {
    let gateway = Gateway::start(&Upstream::start());
    let body = serde_json::json!({ "username": "alice", "password": "a+b & c=d %41 ü" });
    gateway.post("/auth/register").json(&body).send().expect(201);
    let form = "grant_type=password&username=%61lice&password=a%2Bb+%26+c%3Dd+%2541+%C3%BC";
    gateway.post("/auth/token").form(form).send().expect(200);
}

#[test]
fn a_refresh_that_asks_for_more_than_was_granted_uses_nothing_up() {
    let gateway = Site::fixture(&Upstream::start()).set("tokens", "refresh_grace", "\"0s\"").start();
    let alice = gateway.register("alice");
    let form = |scope: &str| format!("grant_type=refresh_token&refresh_token={}&scope={scope}", alice.refresh);
    for scope in ["moon:read", "user+moon:read"] {
        oauth_refused(gateway.post("/auth/token").form(&form(scope)).send(), 400, "invalid_scope");
    }
    let answer = gateway.post("/auth/token").form(&form("user")).send().expect(200);
    assert_eq!(answer.json()["scope"], "user");
}
