//! What people do with their own account, who may make one, and what the operator does with sessions.
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::browser::Form;
use crate::support::{
    A_BUSY_SECOND, Answer, Browser, Faults, Gateway, Ran, SOON, Site, Upstream, authgate_with_input, until,
};

fn run(gateway: &Gateway, args: &[&str]) -> Ran {
    authgate_with_input(gateway.folder(), gateway.site().variables(), args, "")
}

fn change_password(gateway: &Gateway, access: &str, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    gateway.post("/auth/password").bearer(access).json(&body).send()
}

/// The gateway is held to its second.
#[track_caller]
fn dead_within_a_second(gateway: &Gateway, access: &str) {
    let begun = Instant::now();
    until("the token is dead", SOON, || gateway.get("/app").bearer(access).send().status == 401);
    assert!(begun.elapsed() < A_BUSY_SECOND, "in force after {:?}", begun.elapsed());
}

#[test]
fn people_change_their_names_and_taken_ones_are_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    gateway.register("bob");
    let patch = |access: &str, body: Value| gateway.call("PATCH", "/auth/me").bearer(access).json(&body).send();
    let changed = patch(&alice.access, json!({ "name": "Alice Å." })).expect(200).json();
    assert_eq!((&changed["name"], &changed["id"]), (&json!("Alice Å."), &json!(alice.id)));
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    patch(&alice.access, json!({ "username": "bob" })).refused(409, "user_exists");
    let wrong = patch(&alice.access, json!({ "username": "root", "email": "no address" })).expect(422).json();
    let fields: Vec<_> = wrong["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(fields, ["#/username", "#/email"]);
    patch(&alice.access, json!({ "roles": ["admin"] })).refused(400, "bad_json");
    patch(&alice.access, json!({ "username": "Alicia", "email": "Alicia@Example.com" })).expect(200);
    // What the token says is no longer so: a refresh brings one that is right.
    gateway.get("/app").bearer(&alice.access).send().refused(401, "session_ended");
    let again = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    upstream.forget();
    gateway.get("/app").bearer(&again.access).send().expect(200);
    assert_eq!(upstream.seen()[0].field("x-user-name"), Some("alicia"));
    gateway.log_in("alicia", &alice.password).expect(200);
    gateway.log_in("alice", &alice.password).refused(401, "invalid_credentials");
    gateway
        .call("PATCH", "/auth/me")
        .bearer(&again.access)
        .header("Origin", "https://evil.example")
        .json(&json!({ "name": "x" }))
        .send()
        .refused(403, "foreign_origin");
    gateway.leaks_nothing();
}

#[test]
fn a_token_that_was_left_lying_gives_the_account_no_other_name_or_address() {
    let faults = Faults::none();
    let gateway = faults.on(Site::fixture(&Upstream::start())).start();
    let (alice, browser) = (gateway.register("alice"), Browser::new(&gateway));
    browser.sign_in("alice", "/").expect(303);
    let patch = |body: Value| gateway.call("PATCH", "/auth/me").bearer(&alice.access).json(&body).send();
    let page = browser.open("/auth/account").expect(200);
    assert!(!page.text().contains("names-password"), "a moment ago: nothing more is asked");
    faults.clock_is_off_by(11 * 60);
    for wish in [json!({ "email": "thief@example.com" }), json!({ "username": "mallory" })] {
        let old = patch(wish.clone());
        let asks = old.field("www-authenticate").unwrap().to_owned();
        assert!(asks.contains("insufficient_user_authentication") && asks.contains("max_age=\"600\""), "{asks}");
        old.refused(401, "login_too_old");
        let mut guessed = wish;
        guessed["password"] = json!("not it");
        patch(guessed).refused(401, "invalid_credentials");
    }
    patch(json!({ "name": "Alice", "username": "ALICE" })).expect(200);
    // The form of the page that was opened before, and then the one that it is answered with.
    let submit = |page: &Answer, password: &str| {
        let fields = [("name", "Al"), ("email", "al@example.com"), ("password", password)];
        browser.send(browser.fetch("POST", "/auth/account").form(&Form::of(&page.text()).filled(&fields)))
    };
    let again = submit(&page, "").expect(401);
    assert!(again.text().contains("names-password") && again.text().contains("al@example.com"), "{}", again.text());
    let again = submit(&again, "not it").expect(401);
    submit(&again, &alice.password).expect(303);
    let mine = gateway.log_in("alice", &alice.password).expect(200).json();
    assert_eq!((&mine["user"]["email"], &mine["user"]["name"]), (&json!("al@example.com"), &json!("Al")));
    assert!(!gateway.log_text().contains("mail, written here"), "nobody reads a letter in the log");
    gateway.leaks_nothing();
}

#[test]
fn a_new_password_ends_the_other_sessions_with_the_next_request() {
    let gateway = Gateway::start(&Upstream::start());
    let here = gateway.register("alice");
    let there = gateway.sign_in("alice");
    change_password(&gateway, &here.access, "not it", "another good one 2").refused(401, "invalid_credentials");
    let weak = change_password(&gateway, &here.access, &here.password, "alice123").expect(422).json();
    assert_eq!((&weak["error"], &weak["errors"][0]["pointer"]), (&json!("weak_password"), &json!("#/new_password")));
    change_password(&gateway, &here.access, &here.password, &here.password).refused(422, "same_password");
    gateway.get("/app").bearer(&there.access).send().expect(200);
    change_password(&gateway, &here.access, &here.password, "another good one 2").expect(204);
    gateway.keep_secret("another good one 2");
    gateway.get("/app").bearer(&there.access).send().refused(401, "session_ended");
    gateway.refresh(&there.refresh).expect(401);
    gateway.get("/app").bearer(&here.access).send().expect(200);
    gateway.refresh(&here.refresh).expect(200);
    gateway.log_in("alice", &here.password).refused(401, "invalid_credentials");
    gateway.log_in("alice", "another good one 2").expect(200);
    gateway.leaks_nothing();
}

#[test]
fn the_current_password_is_not_guessed_by_changing_it() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("limits", "login_per_account", "\"5/m\"").start();
    let alice = gateway.register("alice");
    for _ in 0..5 {
        change_password(&gateway, &alice.access, "not it", "another good one 2").refused(401, "invalid_credentials");
    }
    let limited = change_password(&gateway, &alice.access, &alice.password, "another good one 2");
    assert!(limited.field("retry-after").is_some());
    limited.refused(429, "too_many_attempts");
}

#[test]
fn by_invitation_only_the_invited_make_an_account_and_once() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("accounts", "registration", "\"invite\"").start();
    let register = |name: &str, invite: Option<&str>| {
        let body = json!({ "username": name, "password": "correct horse 7", "invite": invite });
        gateway.post("/auth/register").json(&body).send()
    };
    register("ann", None).refused(403, "registration_closed");
    register("ann", Some("agi_wrong")).refused(403, "invalid_invite");
    let ran = run(&gateway, &["user", "invite", "--role", "admin", "--expires", "1h"]).expect(0);
    let token = ran.out.trim().to_owned();
    assert!(token.starts_with("agi_") && ran.err.contains("not shown again"), "{ran:?}");
    gateway.keep_secret(&token);
    let made = register("ann", Some(&token)).expect(201).json();
    assert_eq!(made["user"]["roles"], json!(["admin", "user"]));
    register("bob", Some(&token)).refused(403, "invalid_invite");
    let bound = run(&gateway, &["user", "invite", "cy@example.com", "--json"]).expect(0).json();
    register("cy", bound["invite"].as_str()).refused(403, "invalid_invite");
    run(&gateway, &["user", "invite", "--expires", "0s"]).expect(2);
    gateway.leaks_nothing();
}

#[test]
fn a_closed_house_invites_nobody() {
    let gateway = Site::fixture(&Upstream::start()).set("accounts", "registration", "\"closed\"").start();
    let ran = run(&gateway, &["user", "invite"]).expect(1);
    assert!(ran.err.contains("registration"), "{}", ran.err);
}

#[test]
fn only_addresses_of_allowed_domains_make_an_account() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("accounts", "allowed_domains", "[\"Example.com\"]").start();
    let register = |email: Option<&str>| {
        let body = json!({ "username": "ann", "password": "correct horse 7", "email": email });
        gateway.post("/auth/register").json(&body).send()
    };
    for email in [None, Some("ann@example.org"), Some("ann@sub.example.com")] {
        register(email).refused(422, "invalid_fields");
    }
    let made = register(Some("ann@EXAMPLE.com")).expect(201).json();
    let access = made["access_token"].as_str().unwrap();
    gateway
        .call("PATCH", "/auth/me")
        .bearer(access)
        .json(&json!({ "email": "ann@example.org" }))
        .send()
        .refused(422, "invalid_fields");
}

#[test]
fn the_operator_signs_somebody_out_within_a_second() {
    let gateway = Gateway::start(&Upstream::start());
    let (here, there, bob) = (gateway.register("alice"), gateway.sign_in("alice"), gateway.register("bob"));
    run(&gateway, &["user", "logout", "alice"]).expect(0);
    dead_within_a_second(&gateway, &here.access);
    gateway.get("/app").bearer(&there.access).send().refused(401, "session_ended");
    gateway.refresh(&there.refresh).expect(401);
    gateway.get("/app").bearer(&bob.access).send().expect(200);
    run(&gateway, &["user", "logout", "nobody-here"]).expect(1);
}

#[test]
fn the_operator_lists_sessions_and_ends_one_within_a_second() {
    let gateway = Gateway::start(&Upstream::start());
    let (here, bob) = (gateway.register("alice"), gateway.register("bob"));
    let all = run(&gateway, &["session", "list", "--json"]).expect(0).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let hers = run(&gateway, &["session", "list", "alice", "--json"]).expect(0).json();
    assert_eq!((hers.as_array().unwrap().len(), &hers[0]["user"]), (1, &json!(here.id)));
    let id = hers[0]["id"].as_str().unwrap();
    run(&gateway, &["session", "end", id]).expect(0);
    dead_within_a_second(&gateway, &here.access);
    gateway.get("/app").bearer(&bob.access).send().expect(200);
    run(&gateway, &["session", "end", id]).expect(1);
    run(&gateway, &["session", "end", "nonsense"]).expect(2);
    assert_eq!(run(&gateway, &["session", "list"]).expect(0).out.lines().count(), 1);
}
