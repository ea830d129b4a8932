//! POST /auth/login.
use serde_json::json;

use crate::support::client::password_of;
use crate::support::{Gateway, Upstream, authgate};

#[test]
fn a_right_password_gives_a_token_answer() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let registered = gateway.register("alice");
    let answer = gateway.log_in("alice", &registered.password).expect(200);
    let body = answer.json();
    let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["access_token", "token_type", "expires_in", "refresh_token", "scope", "user"]);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["scope"], "user");
    assert_eq!(body["user"]["id"], registered.id);
    let alice = gateway.person("alice", &answer);
    assert_ne!(alice.access, registered.access);
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    assert_eq!(upstream.only().field("x-user-name"), Some("alice"));
    gateway.stands(&upstream);
}

#[test]
fn the_name_may_stand_under_the_keys_other_clients_use() {
    let gateway = Gateway::start(&Upstream::start());
    let password = password_of("alice");
    let form = json!({ "username": "alice", "password": password, "email": "alice@example.com" });
    gateway.post("/auth/register").json(&form).send().expect(201);
    for key in ["username", "login"] {
        gateway.post("/auth/login").json(&json!({ key: "alice", "password": password })).send().expect(200);
    }
}

#[test]
fn failed_logins_look_alike() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    gateway.register("dora");
    let variables = gateway.site().variables().to_vec();
    authgate(gateway.folder(), &variables, &["user", "disable", "dora"]).expect(0);
    let wrong = "not the password 1";
    let long = "p".repeat(1025);
    let cases =
        [("alice", wrong), ("nobody-here", wrong), ("dora", wrong), ("no name at all", wrong), ("alice", &long)];
    let mut looks = Vec::new();
    for (name, password) in cases {
        let answer = gateway.log_in(name, password).refused(401, "invalid_credentials");
        let mut body = answer.json();
        body["request_id"] = json!("");
        let mut fields = answer.head.fields.clone();
        fields.retain(|(name, _)| !["date", "x-request-id"].contains(&name.to_ascii_lowercase().as_str()));
        looks.push((answer.status, fields, body));
    }
    for look in &looks {
        assert_eq!(look, &looks[0]);
    }
    gateway.leaks_nothing();
}

#[test]
fn a_disabled_account_is_told_so_only_after_the_right_password() {
    let gateway = Gateway::start(&Upstream::start());
    let dora = gateway.register("dora");
    let variables = gateway.site().variables().to_vec();
    authgate(gateway.folder(), &variables, &["user", "disable", "dora"]).expect(0);
    gateway.log_in("dora", "not the password 1").refused(401, "invalid_credentials");
    gateway.log_in("dora", &dora.password).refused(403, "account_disabled");
    authgate(gateway.folder(), &variables, &["user", "enable", "dora"]).expect(0);
    gateway.log_in("dora", &dora.password).expect(200);
}

#[test]
fn a_name_that_is_a_query_finds_nobody() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    for name in ["' OR 1=1--", "*)(uid=*", "alice'--", "alice\0", "%", "_lice"] {
        gateway.log_in(name, &password_of("alice")).refused(401, "invalid_credentials");
    }
}

#[test]
fn a_body_that_is_not_what_it_says_is_refused() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let form = json!({ "username": "alice", "password": password_of("alice") }).to_string();
    gateway.post("/auth/login").body("text/plain", &form).send().expect(415);
    gateway.post("/auth/login").body("multipart/form-data; boundary=x", &form).send().expect(415);
    gateway.post("/auth/login").body("application/json", "{\"username\":").send().refused(400, "bad_json");
    let without = gateway.post("/auth/login").json(&json!({ "username": "alice" })).send();
    assert!([400, 422].contains(&without.status), "{}", without.text());
}

#[test]
fn a_password_of_a_hundred_megabytes_is_refused_by_its_length() {
    let gateway = Gateway::start(&Upstream::start());
    let mut raw = gateway.raw();
    let head = format!(
        "POST /auth/login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n{{",
        gateway.authority()
    );
    raw.send(head);
    raw.answer().unwrap().refused(413, "body_too_large");
    assert!(raw.ends_within(crate::support::SOON));

    let mut raw = gateway.raw();
    raw.send(format!(
        "POST /auth/login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        gateway.authority()
    ));
    for _ in 0..64 {
        if !raw.send(format!("1000\r\n{}\r\n", "x".repeat(4096))) {
            break;
        }
    }
    if let Some(answer) = raw.answer() {
        answer.refused(413, "body_too_large");
    }
    gateway.is_alive();
}

#[test]
fn a_foreign_page_cannot_sign_anybody_in() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let form = json!({ "username": "alice", "password": alice.password });
    let answer = gateway.post("/auth/login").json(&form).header("Origin", "https://evil.example").send().expect(403);
    assert_eq!(answer.field("access-control-allow-origin"), None);
    gateway.post("/auth/login").json(&form).header("Sec-Fetch-Site", "cross-site").send().expect(403);
}

#[test]
fn each_sign_in_is_a_session_of_its_own() {
    let gateway = Gateway::start(&Upstream::start());
    let first = gateway.register("alice");
    let second = gateway.sign_in("alice");
    gateway.log_out(&first.access).expect(204);
    gateway.get("/app").bearer(&first.access).send().refused(401, "session_ended");
    gateway.get("/app").bearer(&second.access).send().expect(200);
}
