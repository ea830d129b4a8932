//! Tokens and answers of two other stacks, held against the real libraries from PyPI.
//!
//! `scripts/python-libraries` puts them under target/; where that cannot be, each test says loudly that it did nothing.
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::client::password_of;
use crate::support::gateway::free_port;
use crate::support::mint::part;
use crate::support::site::TEST_SECRET;
use crate::support::{Gateway, SOON, Site, Upstream, authgate, until};

#[test]
fn a_flask_backend_takes_our_tokens_and_we_take_its() {
    let Some(python) = python() else { return };
    let upstream = Upstream::start();
    let gateway = site(&upstream, "flask-jwt-extended").start();
    let alice = gateway.register("alice");
    let taken = stacks(&python, &["flask", TEST_SECRET, "check", &alice.access]);
    assert_eq!((&taken["status"], &taken["body"]["identity"]), (&json!(200), &json!("alice")), "{taken}");
    assert_eq!(taken["fresh"], 200, "made by showing a password");
    let claims = &taken["body"]["claims"];
    assert_eq!(
        (&claims["type"], &claims["fresh"], &claims["roles"]),
        (&json!("access"), &json!(true), &json!(["user"]))
    );
    assert!(claims["csrf"].is_string() && claims.get("aud").is_none() && claims.get("iss").is_none(), "{claims}");
    assert_eq!(part(&alice.access, 0)["typ"], "JWT");
    let renewed = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    let taken = stacks(&python, &["flask", TEST_SECRET, "check", &renewed.access]);
    assert_eq!((&taken["status"], &taken["fresh"]), (&json!(200), &json!(401)), "renewed is not fresh: {taken}");
    let made = stacks(&python, &["flask", TEST_SECRET, "make", "alice"]);
    gateway.get("/app/x").bearer(text(&made, "plain")).send().expect(200);
    assert_eq!(upstream.seen().last().unwrap().field("x-user-id"), Some("alice"));
    gateway.get("/app/admin").bearer(text(&made, "access")).send().expect(200);
    gateway.get("/app/admin").bearer(text(&made, "plain")).send().expect(403);
    gateway.get("/app/x").bearer(text(&made, "refresh")).send().expect(422);
    gateway.get("/app/x").bearer(text(&made, "expired")).send().expect(401);
    gateway.stands(&upstream);
}

#[test]
fn a_token_that_flask_made_ends_by_its_id_and_with_its_person() {
    let Some(python) = python() else { return };
    let mut gateway = site(&Upstream::start(), "flask-jwt-extended").start();
    gateway.register("alice");
    let made = stacks(&python, &["flask", TEST_SECRET, "make", "alice"]);
    let (one, other) = (text(&made, "access"), text(&made, "plain"));
    let ask = |gateway: &Gateway, token: &str| gateway.get("/app/x").bearer(token).send().status;
    let me = gateway.get("/auth/me").bearer(other).send().expect(200).json();
    assert_eq!(me["username"], "alice");
    gateway.log_out(one).expect(204);
    assert_eq!((ask(&gateway, one), ask(&gateway, other)), (401, 200), "only this one");
    gateway.kill();
    gateway.run();
    assert_eq!((ask(&gateway, one), ask(&gateway, other)), (401, 200), "after a restart too");
    user(&gateway, &["disable", "alice"]);
    until("the person's tokens are refused", SOON, || ask(&gateway, other) == 401);
    let late = stacks(&python, &["flask", TEST_SECRET, "make", "alice"]);
    assert_eq!(ask(&gateway, text(&late, "plain")), 401, "made for somebody who is disabled");
    user(&gateway, &["edit", "alice", "--add-role", "staff"]);
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert_eq!(ask(&gateway, text(&late, "plain")), 401, "and whatever is changed about them");
    user(&gateway, &["enable", "alice"]);
    let again = || text(&stacks(&python, &["flask", TEST_SECRET, "make", "alice"]), "plain").to_owned();
    until("a token from after that is taken", SOON, || ask(&gateway, &again()) == 200);
    assert_eq!(ask(&gateway, other), 401, "one from before is not");
}

#[test]
fn a_password_that_its_owner_changes_ends_the_tokens_that_a_backend_made() {
    let Some(python) = python() else { return };
    let gateway = site(&Upstream::start(), "flask-jwt-extended").start();
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    let ask = |token: &str| gateway.get("/app/x").bearer(token).send().status;
    let [hers, his] = ["alice", "bob"]
        .map(|name| stacks(&python, &["flask", TEST_SECRET, "make", name]))
        .map(|made| (text(&made, "plain").to_owned(), text(&made, "refresh").to_owned()));
    for token in [&hers.0, &his.0] {
        assert_eq!(ask(token), 200);
    }
    let body = json!({ "current_password": alice.password, "new_password": "another good one 2" });
    gateway.post("/auth/password").bearer(&alice.access).json(&body).send().expect(204);
    until("the token made elsewhere is refused", SOON, || ask(&hers.0) == 401);
    gateway.post("/auth/refresh").bearer(&hers.1).send().expect(401);
    assert_eq!((ask(&alice.access), ask(&bob.access), ask(&his.0)), (200, 200, 200));
}

#[test]
fn a_refresh_token_that_flask_made_renews_here_again_and_again_until_it_is_ended() {
    let Some(python) = python() else { return };
    let mut gateway = site(&Upstream::start(), "flask-jwt-extended").start();
    gateway.register("alice");
    let make = |name: &str| stacks(&python, &["flask", TEST_SECRET, "make", name]);
    let made = make("alice");
    let shown = |gateway: &Gateway, token: &str| gateway.post("/auth/refresh").bearer(token).send();
    let first = shown(&gateway, text(&made, "refresh")).expect(200).json();
    gateway.kill();
    gateway.run();
    let second = shown(&gateway, text(&made, "refresh")).expect(200).json();
    assert_eq!((text(&first, "refresh_token"), text(&second, "refresh_token")), {
        let same = text(&made, "refresh");
        (same, same)
    });
    let (first, second) = (text(&first, "access_token"), text(&second, "access_token"));
    assert_eq!(part(first, 1)["sid"], part(second, 1)["sid"], "one session, however often it is renewed");
    assert_eq!(part(second, 1)["fresh"], false);
    let taken = stacks(&python, &["flask", TEST_SECRET, "check", second]);
    assert_eq!((&taken["status"], &taken["fresh"]), (&json!(200), &json!(401)), "{taken}");
    gateway.get("/app/x").bearer(first).send().expect(200);
    gateway.call("DELETE", "/auth/logout").bearer(second).send().expect(200);
    gateway.get("/app/x").bearer(first).send().expect(401);
    let ended = shown(&gateway, text(&made, "refresh")).expect(401);
    assert_eq!(ended.json(), json!({ "msg": "Token has been revoked" }));
    for end in ["DELETE /auth/logout", "POST /auth/revoke"] {
        let other = make("alice");
        let refresh = text(&other, "refresh");
        shown(&gateway, refresh).expect(200);
        let (method, target) = end.split_once(' ').unwrap();
        let call = gateway.call(method, target);
        let call = if method == "POST" { call.form(&format!("token={refresh}")) } else { call.bearer(refresh) };
        assert_eq!(call.send().status, 200, "{end}");
        shown(&gateway, refresh).expect(401);
    }
    let made = make("alice");
    let sessions: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let at_once: Vec<_> =
            (0..8).map(|_| scope.spawn(|| shown(&gateway, text(&made, "refresh")).expect(200).json())).collect();
        let answers = at_once.into_iter().map(|one| one.join().unwrap());
        answers.map(|answer| part(text(&answer, "access_token"), 1)["sid"].to_string()).collect()
    });
    assert_eq!(sessions.len(), 1, "also of eight first uses at once");
    let before = make("alice");
    user(&gateway, &["logout", "alice"]);
    user(&gateway, &["disable", "alice"]);
    let refresh = text(&before, "refresh");
    until("what names somebody disabled is refused", SOON, || shown(&gateway, refresh).status == 401);
    assert_eq!(shown(&gateway, text(&make("nobody"), "refresh")).status, 422);
}

#[test]
fn what_is_no_refresh_token_of_flask_is_refused_as_the_library_does() {
    let Some(python) = python() else { return };
    let gateway = site(&Upstream::start(), "flask-jwt-extended").start();
    let alice = gateway.register("alice");
    let theirs = &stacks(&python, &["flask", TEST_SECRET, "answers"])["refresh"];
    let made = stacks(&python, &["flask", TEST_SECRET, "make", "alice"]);
    let spoilt = spoilt(text(&made, "refresh"));
    for (token, case) in [
        (alice.access.as_str(), "access"),
        (text(&made, "access"), "access"),
        (text(&made, "old_refresh"), "expired"),
        (&spoilt, "invalid"),
    ] {
        let ours = gateway.post("/auth/refresh").bearer(token).send();
        assert_eq!(json!({ "status": ours.status, "body": ours.json() }), theirs[case], "{case}");
    }
    let native = Site::shared_secret(&Upstream::start()).set("tokens", "subject", "\"username\"").start();
    let alice = native.register("alice");
    // What UserInfo calls a person is what the token does.
    assert_eq!(native.get("/auth/userinfo").bearer(&alice.access).send().expect(200).json()["sub"], "alice");
    let form = json!({ "refresh_token": text(&made, "refresh") });
    native.post("/auth/refresh").json(&form).send().refused(401, "invalid_refresh_token");
}

#[test]
fn tokens_stand_in_the_cookies_of_flask_where_the_file_says_so() {
    let Some(python) = python() else { return };
    let (upstream, port) = (Upstream::start(), free_port());
    let backend = format!("upstream = \"http://127.0.0.1:{port}\"\nforward_token = true");
    let gateway = site(&upstream, "flask-jwt-extended")
        .set("tokens", "locations", "[\"header\", \"cookie\"]")
        .route(&format!("prefix = \"/backend\"\n{backend}"))
        .route(&format!("prefix = \"/backend/login\"\nauth = \"none\"\n{backend}"))
        .start();
    gateway.register("alice");
    let args = [port.to_string(), gateway.port.to_string(), TEST_SECRET.to_owned(), password_of("alice")];
    let ran = Command::new(&python).arg(script("flask_cookies.py")).args(args).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let seen = upstream.seen();
    let last = seen.last().unwrap();
    let cookies = last.field("cookie").unwrap();
    assert!(!cookies.contains("_token_cookie") && cookies.contains("other=1"), "without forward_token: {cookies}");
    gateway.stands(&upstream);
}

#[test]
fn cookies_of_flask_are_anybodys_where_nobody_asked_for_them() {
    let upstream = Upstream::start();
    for format in ["flask-jwt-extended", "native"] {
        let gateway = site(&upstream, format).start();
        gateway.register("alice");
        let signed_in = gateway.log_in("alice", &password_of("alice")).expect(200);
        assert_eq!(signed_in.field("set-cookie"), None);
        let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
        let cookie = format!("access_token_cookie={token}");
        assert_eq!(gateway.get("/app/x").header("Cookie", &cookie).send().status, 401, "no credential");
        gateway.get("/pub/x").header("Cookie", &cookie).send().expect(200);
        assert_eq!(upstream.seen().last().unwrap().field("cookie"), Some(cookie.as_str()), "the backend's own");
    }
}

#[test]
fn refusals_of_flask_are_those_of_the_library() {
    let Some(python) = python() else { return };
    let gateway = site(&Upstream::start(), "flask-jwt-extended").start();
    let alice = gateway.register("alice");
    let theirs = stacks(&python, &["flask", TEST_SECRET, "answers"]);
    let made = stacks(&python, &["flask", TEST_SECRET, "make", "alice"]);
    same(&gateway, None, &theirs["missing"]);
    same(&gateway, Some(&spoilt(&alice.access)), &theirs["invalid"]);
    same(&gateway, Some(text(&made, "expired")), &theirs["expired"]);
    gateway.log_out(&alice.access).expect(204);
    same(&gateway, Some(&alice.access), &theirs["revoked"]);
    let wrong = gateway.post("/auth/login").json(&json!({ "username": "alice", "password": "wrong-wrong" })).send();
    assert_eq!((wrong.status, wrong.json()), (401, json!({ "msg": "Bad username or password" })));
}

#[test]
fn a_django_backend_takes_our_tokens_and_we_take_its() {
    let Some(python) = python() else { return };
    let upstream = Upstream::start();
    let gateway = site(&upstream, "simplejwt").start();
    let alice = gateway.register("alice");
    let taken = stacks(&python, &["simple", TEST_SECRET, "check", &alice.access]);
    assert_eq!((&taken["status"], &taken["body"]["identity"]), (&json!(200), &json!("alice")), "{taken}");
    let claims = &taken["body"]["claims"];
    assert_eq!((&claims["token_type"], &claims["user_id"]), (&json!("access"), &json!("alice")));
    assert!(claims.get("sub").is_none() && claims["jti"].is_string(), "{claims}");
    let made = stacks(&python, &["simple", TEST_SECRET, "make", "alice"]);
    gateway.get("/app/x").bearer(text(&made, "access")).send().expect(200);
    assert_eq!(upstream.seen().last().unwrap().field("x-user-id"), Some("alice"));
    gateway.get("/app/x").bearer(text(&made, "refresh")).send().expect(401);
    gateway.get("/app/x").bearer(text(&made, "expired")).send().expect(401);
    // The two addresses of its manual.
    let person = json!({ "username": "alice", "password": password_of("alice") });
    let pair = gateway.post("/auth/token/").json(&person).send().expect(200).json();
    let renewed = gateway.post("/auth/token/refresh/").json(&json!({ "refresh": pair["refresh"] })).send().expect(200);
    gateway.get("/app/x").bearer(text(&renewed.json(), "access")).send().expect(200);
    // And with a token that the library made.
    for _ in 0..2 {
        let theirs = json!({ "refresh": text(&made, "refresh") });
        let renewed = gateway.post("/auth/token/refresh/").json(&theirs).send().expect(200).json();
        gateway.get("/app/x").bearer(text(&renewed, "access")).send().expect(200);
        let taken = stacks(&python, &["simple", TEST_SECRET, "check", text(&renewed, "access")]);
        assert_eq!(taken["status"], 200, "{taken}");
    }
    gateway.log_out(text(&made, "access")).expect(204);
    gateway.get("/app/x").bearer(text(&made, "access")).send().expect(401);
    gateway.stands(&upstream);
}

#[test]
fn refusals_of_django_are_those_of_the_library() {
    let Some(python) = python() else { return };
    let gateway = site(&Upstream::start(), "simplejwt").start();
    let alice = gateway.register("alice");
    let theirs = stacks(&python, &["simple", TEST_SECRET, "answers"]);
    let made = stacks(&python, &["simple", TEST_SECRET, "make", "alice"]);
    same(&gateway, None, &theirs["missing"]);
    same(&gateway, Some(&spoilt(&alice.access)), &theirs["invalid"]);
    same(&gateway, Some(text(&made, "expired")), &theirs["expired"]);
    let wrong = gateway.post("/auth/token/").json(&json!({ "username": "alice", "password": "wrong-wrong" })).send();
    assert_eq!(json!({ "status": wrong.status, "body": wrong.json() }), theirs["wrong"]);
    let wrong = gateway.post("/auth/token/refresh/").json(&json!({ "refresh": "nonsense" })).send();
    assert_eq!(json!({ "status": wrong.status, "body": wrong.json() }), theirs["refresh"]);
    assert_eq!(theirs["pair"], json!(["access", "refresh"]));
}

#[test]
fn a_token_of_another_stack_is_nothing_to_a_native_gateway_and_the_other_way_round() {
    let upstream = Upstream::start();
    let native = Site::shared_secret(&upstream).set("tokens", "subject", "\"username\"").start();
    let (flask, django) = (site(&upstream, "flask-jwt-extended").start(), site(&upstream, "simplejwt").start());
    let (a, b, c) = (native.register("alice").access, flask.register("alice").access, django.register("alice").access);
    for (gateway, token, status) in [
        (&native, &a, 200),
        (&native, &b, 401),
        (&native, &c, 401),
        (&flask, &a, 422),
        (&flask, &b, 200),
        (&flask, &c, 422),
        (&django, &a, 401),
        (&django, &b, 401),
        (&django, &c, 200),
    ] {
        assert_eq!(gateway.get("/app/x").bearer(token).send().status, status);
    }
}

#[test]
fn an_issuer_and_an_audience_that_were_asked_for_must_be_there() {
    let Some(python) = python() else { return };
    let gateway = site(&Upstream::start(), "flask-jwt-extended").set("tokens", "audience", "\"shop\"").start();
    let alice = gateway.register("alice");
    assert_eq!(part(&alice.access, 1)["aud"], "shop");
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    let made = stacks(&python, &["flask", TEST_SECRET, "make", "alice"]);
    gateway.get("/app/x").bearer(text(&made, "plain")).send().expect(422);
}

#[test]
fn the_clients_of_the_usual_tutorials_are_served_at_the_root() {
    let Some(python) = python() else { return };
    let upstream = Upstream::start();
    for (client, format) in [("tutorial_flask.py", "flask-jwt-extended"), ("tutorial_fastapi.py", "native")] {
        let gateway = site(&upstream, format).set("server", "auth_prefix", "\"/\"").start();
        let base = format!("http://{}", gateway.authority());
        let ran = Command::new(&python).arg(script(client)).arg(&base).output().unwrap();
        assert!(ran.status.success(), "{client}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

/// The fixture with the secret that the backend has too, and people called by the names they sign in with.
fn site(upstream: &Upstream, format: &str) -> Site {
    Site::shared_secret(upstream).set("tokens", "format", &format!("\"{format}\"")).set(
        "tokens",
        "subject",
        "\"username\"",
    )
}

/// What we answer is what the library answered.
#[track_caller]
fn same(gateway: &Gateway, token: Option<&str>, theirs: &Value) {
    let call = gateway.get("/app/x");
    let ours = match token {
        Some(token) => call.bearer(token),
        None => call,
    };
    let ours = ours.send();
    assert_eq!(json!({ "status": ours.status, "body": ours.json() }), *theirs);
    assert_eq!(ours.field("content-type"), Some("application/json"));
}

fn spoilt(token: &str) -> String {
    let (kept, end) = token.split_at(token.len() - 8);
    format!("{kept}{}", if end == "AAAAAAAA" { "BBBBBBBB" } else { "AAAAAAAA" })
}

#[track_caller]
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[track_caller]
fn user(gateway: &Gateway, args: &[&str]) {
    authgate(gateway.folder(), gateway.site().variables(), &[&["user"], args].concat()).expect(0);
}

#[track_caller]
fn stacks(python: &Path, args: &[&str]) -> Value {
    let ran = Command::new(python).arg(script("stacks.py")).args(args).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name)
}

/// Python with the libraries, made when it is not there; `None` where it cannot be.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/python/bin/python");
    if root.join("target/python/.made-from").exists() {
        return Some(python);
    }
    eprintln!("!! SKIPPED: the real libraries are not there; scripts/python-libraries puts them under target/");
    None
}
