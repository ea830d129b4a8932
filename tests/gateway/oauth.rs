//! What programs find and ask: discovery, introspection, revocation, and the tokens of machines.
use std::time::Instant;

use serde_json::json;

use crate::support::{A_BUSY_SECOND, Answer, Gateway, Mint, Ran, SOON, Site, Upstream, authgate_with_input, until};

fn run(gateway: &Gateway, args: &[&str]) -> Ran {
    authgate_with_input(gateway.folder(), gateway.site().variables(), args, "")
}

/// A service token, in force in the running gateway: its secret and its id.
fn machine(gateway: &Gateway, scope: &str) -> (String, String) {
    let made = run(gateway, &["token", "create", "--name", "robot", "--scope", scope, "--expires", "1h", "--json"]);
    let made = made.expect(0).json();
    let (token, id) = (made["token"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned());
    gateway.keep_secret(&token);
    let begun = Instant::now();
    until("the token is known", SOON, || gateway.get("/app").bearer(&token).send().status == 200);
    assert!(begun.elapsed() < A_BUSY_SECOND, "in force after {:?}", begun.elapsed());
    (token, id)
}

fn introspect(gateway: &Gateway, caller: &str, token: &str) -> Answer {
    gateway.post("/auth/introspect").bearer(caller).form(&format!("token={token}")).send()
}

fn revoke(gateway: &Gateway, token: &str) -> Answer {
    gateway.post("/auth/revoke").form(&format!("token={token}&token_type_hint=access_token")).send()
}

#[test]
fn discovery_lists_what_exists_and_nothing_else() {
    let upstream = Upstream::start();
    let public = "https://app.example.com";
    let site = Site::fixture(&upstream).set("server", "public_url", &format!("\"{public}\""));
    let gateway = site.set("tokens", "password_grant", "false").start();
    let answer = gateway.get("/.well-known/openid-configuration").send().expect(200);
    let found = answer.json();
    assert_eq!(gateway.get("/.well-known/oauth-authorization-server").send().expect(200).json(), found);
    assert_eq!(found["issuer"], public);
    assert_eq!(found["grant_types_supported"], json!(["refresh_token"]));
    for absent in ["authorization_endpoint", "registration_endpoint", "end_session_endpoint"] {
        assert!(found.get(absent).is_none(), "{absent}");
    }
    for (name, place) in found.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = place.as_str().unwrap().strip_prefix(public).unwrap();
            assert_ne!(gateway.get(path).send().status, 404, "{name} is at {path}");
        }
    }
    let gateway = Site::fixture(&upstream).set("server", "well_known", "false").start();
    gateway.get("/.well-known/openid-configuration").send().refused(404, "no_route");
}

#[test]
fn a_machine_reaches_what_its_scopes_open_and_no_backend_takes_it_for_a_person() {
    let upstream = Upstream::start();
    let scoped = format!("prefix = \"/files\"\nupstream = \"{}\"\nscopes = [\"files:read\"]", upstream.url());
    let gateway = Site::fixture(&upstream).route(&scoped).start();
    let (token, id) = machine(&gateway, "files:read");
    let (other, _) = machine(&gateway, "files:write");
    upstream.forget();
    gateway.get("/files/x").bearer(&token).header("X-User-Name", "root").send().expect(200);
    let seen = &upstream.seen()[0];
    assert_eq!((seen.field("x-user-id"), seen.field("x-user-name")), (Some(id.as_str()), None));
    assert!(seen.field("authorization").is_none());
    gateway.get("/files/x").bearer(&other).send().refused(403, "missing_scope");
    gateway.get("/app/admin").bearer(&token).send().refused(403, "missing_role");
    gateway.get("/auth/me").bearer(&token).send().refused(401, "token_invalid");
    let changed = format!("{}x", &token[..token.len() - 1]);
    gateway.get("/files/x").bearer(&changed).send().refused(401, "token_invalid");
    let listed = run(&gateway, &["token", "list", "--json"]).expect(0);
    assert!(!listed.out.contains(&token) && listed.json().as_array().unwrap().len() == 2, "{}", listed.out);
    run(&gateway, &["token", "revoke", &id]).expect(0);
    let begun = Instant::now();
    until("the token is dead", SOON, || gateway.get("/files/x").bearer(&token).send().status == 401);
    assert!(begun.elapsed() < A_BUSY_SECOND, "in force after {:?}", begun.elapsed());
    run(&gateway, &["token", "revoke", &id]).expect(1);
    gateway.leaks_nothing();
}

#[test]
fn a_revoked_machine_stays_out_after_a_restart_and_a_good_one_in() {
    let mut gateway = Gateway::start(&Upstream::start());
    let ((dead, id), (good, _)) = (machine(&gateway, "a"), machine(&gateway, "a"));
    run(&gateway, &["token", "revoke", &id]).expect(0);
    gateway.kill();
    gateway.run();
    gateway.get("/app").bearer(&dead).send().refused(401, "token_invalid");
    gateway.get("/app").bearer(&good).send().expect(200);
}

#[test]
fn introspection_tells_machines_with_the_scope_and_nobody_else() {
    let gateway = Site::shared_secret(&Upstream::start()).start();
    let (caller, _) = machine(&gateway, "introspect");
    let (stranger, id) = machine(&gateway, "other");
    let alice = gateway.register("alice");
    run(&gateway, &["user", "edit", "alice", "--add-scope", "introspect"]).expect(0);
    let alice = {
        drop(alice);
        gateway.sign_in("alice")
    };
    gateway.post("/auth/introspect").form("token=x").send().refused(401, "invalid_client");
    introspect(&gateway, "nonsense", &alice.access).refused(401, "invalid_token");
    for lacks in [&stranger, &alice.access] {
        let refused = introspect(&gateway, lacks, &alice.access).refused(401, "insufficient_scope");
        let asks = refused.field("www-authenticate").unwrap();
        assert!(asks.contains("error=\"insufficient_scope\", scope=\"introspect\""), "{asks}");
    }
    gateway.post("/auth/introspect").bearer(&caller).form("").send().expect(400);
    let told = introspect(&gateway, &caller, &alice.access).expect(200).json();
    for (name, value) in [
        ("active", json!(true)),
        ("sub", json!(alice.id)),
        ("username", json!("alice")),
        ("scope", json!("introspect")),
        ("aud", json!("authgate")),
        ("token_type", json!("Bearer")),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    let claims = Mint::of(&alice.access).claims;
    for name in ["exp", "iat", "iss", "jti", "sid", "auth_time"] {
        assert_eq!(told[name], claims[name], "{name}");
    }
    assert_eq!(introspect(&gateway, &caller, &stranger).json()["sub"], json!(id));
    assert_eq!(introspect(&gateway, &caller, &alice.refresh).json()["sub"], json!(alice.id));
    gateway.log_out(&alice.access).expect(204);
    let mut past = Mint::of(&gateway.sign_in("alice").access);
    for (name, before) in [("iat", 4000), ("nbf", 4000), ("auth_time", 4000), ("exp", 3100)] {
        past.claims[name] = json!(past.now() - before);
    }
    for dead in [&alice.access, &alice.refresh, &past.resigned(), &"nonsense".to_owned()] {
        assert_eq!(introspect(&gateway, &caller, dead).expect(200).json(), json!({ "active": false }));
    }
    gateway.leaks_nothing();
}

#[test]
fn who_holds_a_token_may_revoke_it() {
    let gateway = Gateway::start(&Upstream::start());
    let (by_access, by_refresh, other) = (gateway.register("alice"), gateway.sign_in("alice"), gateway.register("bob"));
    let (robot, _) = machine(&gateway, "a");
    for unknown in ["nonsense", "agr_nonsense", "ags_nonsense"] {
        assert!(revoke(&gateway, unknown).expect(200).body.is_empty());
    }
    revoke(&gateway, &by_access.access).expect(200);
    gateway.get("/app").bearer(&by_access.access).send().refused(401, "session_ended");
    gateway.refresh(&by_access.refresh).expect(401);
    revoke(&gateway, &by_refresh.refresh).expect(200);
    gateway.get("/app").bearer(&by_refresh.access).send().refused(401, "session_ended");
    revoke(&gateway, &robot).expect(200);
    gateway.get("/app").bearer(&robot).send().refused(401, "token_invalid");
    gateway.get("/app").bearer(&other.access).send().expect(200);
    let missing = gateway.post("/auth/revoke").form("token_type_hint=access_token").send().expect(400).json();
    assert_eq!(missing["error"], "invalid_request");
    assert_eq!(gateway.post("/auth/revoke").send().expect(400).json()["error"], "invalid_request");
}

#[test]
fn a_token_that_another_holder_of_the_key_made_is_revoked_too_and_no_other_one_with_it() {
    let gateway = Site::shared_secret(&Upstream::start()).start();
    let alice = gateway.register("alice");
    let mut elsewhere = Mint::of(&alice.access);
    elsewhere.claims.as_object_mut().unwrap().shift_remove("sid");
    let (one, other) = (elsewhere.claim("jti", json!("one-of-theirs")), elsewhere.claim("jti", json!("another")));
    gateway.get("/app").bearer(&one).send().expect(200);
    revoke(&gateway, &one).expect(200);
    gateway.get("/app").bearer(&one).send().refused(401, "session_ended");
    gateway.get("/app").bearer(&other).send().expect(200);
    gateway.get("/app").bearer(&alice.access).send().expect(200);
}

/// As another holder of the key makes one for somebody of ours, this moment: without a session.
fn made_elsewhere(access: &str) -> String {
    let mut token = Mint::of(access);
    token.claims.as_object_mut().unwrap().shift_remove("sid");
    token.claim("jti", json!("one-of-theirs"))
}

#[test]
fn what_somebody_ends_ends_their_tokens_from_elsewhere_with_the_same_answer() {
    let gateway = Site::shared_secret(&Upstream::start()).start();
    for change in ["/auth/logout-all", "/auth/password"] {
        let name = change.rsplit('/').next().unwrap();
        let person = gateway.register(name);
        let elsewhere = made_elsewhere(&person.access);
        gateway.get("/app").bearer(&elsewhere).send().expect(200);
        let body = if name == "password" {
            json!({ "current_password": person.password, "new_password": "Zirbe-9-Nebel-am-See" })
        } else {
            json!({})
        };
        gateway.post(change).bearer(&person.access).json(&body).send().expect(204);
        gateway.get("/app").bearer(&elsewhere).send().refused(401, "session_ended");
    }
}

#[test]
fn nobody_speaks_of_somebody_who_was_deleted_however_late_the_token_is_made() {
    let gateway = Site::shared_secret(&Upstream::start()).start();
    let alice = gateway.register("alice");
    let elsewhere = made_elsewhere(&alice.access);
    run(&gateway, &["user", "delete", "alice", "--yes"]).expect(0);
    until("the token is dead", SOON, || gateway.get("/app").bearer(&elsewhere).send().status == 401);
    let mut late = Mint::of(&elsewhere);
    for name in ["iat", "nbf", "auth_time"] {
        late.claims[name] = json!(late.now() + 2);
    }
    gateway.get("/app").bearer(&late.resigned()).send().refused(401, "session_ended");
}

#[test]
fn token_inspect_says_what_a_token_is_and_whether_it_is_good() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let look = |token: &str| {
        authgate_with_input(gateway.folder(), gateway.site().variables(), &["token", "inspect", "--json"], token)
    };
    let good = look(&alice.access).expect(0).json();
    assert_eq!(
        (&good["good"], &good["claims"]["sub"], &good["header"]["typ"]),
        (&json!(true), &json!(alice.id), &json!("at+jwt"))
    );
    gateway.log_out(&alice.access).expect(204);
    let ended = look(&alice.access).expect(1).json();
    let failed: Vec<_> = ended["steps"].as_array().unwrap().iter().filter(|step| step["good"] == false).collect();
    assert_eq!((failed.len(), &failed[0]["name"]), (1, &json!("session")));
    let (robot, id) = machine(&gateway, "a");
    look(&robot).expect(0);
    run(&gateway, &["token", "revoke", &id]).expect(0);
    look(&robot).expect(1);
    look("nonsense").expect(1);
}

#[test]
fn every_no_of_the_oauth_endpoints_has_their_two_members_and_its_fields() {
    let gateway = Gateway::start(&Upstream::start());
    for path in ["/auth/token", "/auth/introspect", "/auth/revoke"] {
        let post = || gateway.post(path);
        let large = format!("token={}", "x".repeat(5000));
        for (call, status, error) in [
            (gateway.get(path), 405, "invalid_request"),
            (post().json(&json!({ "token": "x" })), 415, "invalid_request"),
            (post().form(&large), 413, "invalid_request"),
            (post().form("token=%"), 400, "invalid_request"),
        ] {
            // Whoever may not ask is told that first.
            let stranger = path == "/auth/introspect" && status != 405;
            let (status, error) = if stranger { (401, "invalid_client") } else { (status, error) };
            // `send` looks at the fields that belong to each status.
            let refused = call.send().refused(status, error);
            assert_eq!(refused.field("content-type"), Some("application/json"), "{path}");
            let names: Vec<_> = refused.json().as_object().unwrap().keys().cloned().collect();
            assert_eq!(names, ["error", "error_description"], "{path}");
        }
    }
    for path in ["/auth/token", "/auth/revoke"] {
        let foreign = gateway.post(path).header("Origin", "https://evil.example").form("token=x").send();
        foreign.refused(403, "invalid_request");
    }
}
