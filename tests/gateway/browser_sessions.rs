//! Signing in with a browser: the cookie, what ends it, and what it is good for.
use std::process::Command;

use serde_json::json;

use crate::support::{Browser, Faults, SOON, Site, Upstream, authgate, python_program, until};

/// An open, an optional and a protected route; the backend tells what it saw.
fn house(upstream: &Upstream) -> Site {
    let url = upstream.url();
    Site::fixture(upstream)
        .route(&format!("prefix = \"/maybe\"\nupstream = \"{url}\"\nauth = \"optional\""))
        .route(&format!("prefix = \"/told\"\nupstream = \"{url}\"\nforward_token = true"))
}

#[test]
fn a_person_signs_in_with_the_form_and_comes_back_to_the_page_first_asked_for() {
    let upstream = Upstream::start();
    let gateway = house(&upstream).start();
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let (at, page) = browser.follow("/app/a%20b?q=1&r=%2F%25");
    assert_eq!(at, "/auth/login?return_to=/app/a%2520b%3Fq%3D1%26r%3D%252F%2525");
    let wrong = browser.submit(&page, &[("username", "al<ice"), ("password", "wrong one")]).expect(401);
    assert!(wrong.text().contains("al&lt;ice") && !wrong.text().contains("wrong one"), "{}", wrong.text());
    let answer = browser.submit(&wrong, &[("username", "alice"), ("password", &password())]).expect(303);
    assert_eq!(answer.field("location"), Some("/app/a%20b?q=1&r=%2F%25"));
    let cookie = answer.field("set-cookie").unwrap();
    assert!(cookie.starts_with("authgate=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"));
    browser.open("/app/a%20b?q=1&r=%2F%25").expect(200);
    assert_eq!(upstream.last().field("x-user-name"), Some("alice"));
    assert_eq!(upstream.last().target, "/app/a%20b?q=1&r=%2F%25");
    gateway.stands(&upstream);
    gateway.leaks_nothing();
}

fn password() -> String {
    crate::support::client::password_of("alice")
}

#[test] // S01
fn on_https_the_cookie_is_held_to_its_host() {
    let upstream = Upstream::start();
    let https = |site: Site| site.set("server", "public_url", "\"https://app.example.com\"").start();
    for (site, name, attributes) in [
        (house(&upstream), "__Host-authgate", "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=2592000"),
        (
            house(&upstream).set("sessions", "cookie", "\"sid\"").set("sessions", "max", "\"1h\"").set(
                "sessions",
                "same_site",
                "\"strict\"",
            ),
            "__Host-sid",
            "; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=3600",
        ),
        (
            house(&upstream).set("sessions", "domain", "\"example.com\""),
            "__Secure-authgate",
            "; Path=/; HttpOnly; SameSite=Lax; Secure; Domain=example.com; Max-Age=2592000",
        ),
    ] {
        let gateway = https(site.set("server", "trusted_proxies", "[\"127.0.0.1\"]"));
        gateway.register("alice");
        let page = gateway.get("/auth/login").header("X-Forwarded-Proto", "https").send().expect(200);
        let form_cookie = page.field("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        assert!(form_cookie.starts_with(&format!("{name}-form=")), "{form_cookie}");
        let form = crate::support::browser::Form::of(&page.text());
        let body = form.filled(&[("username", "alice"), ("password", &password())]);
        let post =
            gateway.post("/auth/login").header("Origin", "https://app.example.com").header("Cookie", &form_cookie);
        let answer = post.form(&body).send().expect(303);
        let cookie = answer.field("set-cookie").unwrap();
        assert!(cookie.starts_with(&format!("{name}=")) && cookie.ends_with(attributes), "{cookie}");
        let cookie = cookie.split(';').next().unwrap();
        gateway.get("/app").header("Cookie", cookie).send().expect(200);
        let out = gateway.post("/auth/logout").header("Origin", "https://app.example.com").header("Cookie", cookie);
        let cleared = out.send().expect(204).field("set-cookie").unwrap().to_owned();
        let expected = attributes.rsplit_once("Max-Age").unwrap().0;
        assert_eq!(cleared, format!("{name}={expected}Max-Age=0"));
        gateway.get("/app").header("Cookie", cookie).send().refused(401, "session_ended");
    }
}

#[test]
fn the_session_cookie_reaches_no_backend_and_other_cookies_stay_byte_for_byte() {
    let upstream = Upstream::start();
    let gateway = house(&upstream).start();
    let browser = Browser::signed_in(&gateway);
    browser.set_cookie("a", "\"1\"");
    browser.set_cookie("zz", "x=y");
    for path in ["/app", "/maybe", "/pub", "/told"] {
        browser.open(path).expect(200);
        assert_eq!(upstream.last().all("cookie"), ["a=\"1\"; zz=x=y"], "{path}");
    }
    assert_eq!(upstream.last().field("x-user-name"), Some("alice"));
    let session = format!("authgate={}", browser.cookie("authgate").unwrap());
    gateway.get("/app").header("Cookie", &session).send().expect(200);
    assert_eq!(upstream.last().field("cookie"), None);
    gateway.get("/app").header("Cookie", "a=1").header("Cookie", &session).send().expect(200);
    assert_eq!(upstream.last().all("cookie"), ["a=1"]);
}

#[test]
fn a_backend_that_wants_the_token_gets_one_for_the_cookie_too() {
    let upstream = Upstream::start();
    let gateway = house(&upstream).start();
    let browser = Browser::signed_in(&gateway);
    browser.open("/told").expect(200);
    let token = upstream.last().field("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    gateway.get("/app").bearer(&token).send().expect(200);
    browser.open("/app").expect(200);
    assert_eq!(upstream.last().field("authorization"), None);
}

#[test]
fn a_backend_cannot_set_the_session_cookie() {
    let lines = "Set-Cookie: authgate=evil; Path=/\r\nSet-Cookie: a=1\r\nSet-Cookie: =authgate=evil\r\n";
    let upstream = Upstream::answering(move |_| crate::support::Reply::new("200 OK", lines, "x"));
    let gateway = house(&upstream).start();
    let answer = gateway.get("/pub/x").send().expect(200);
    assert_eq!(answer.head.all("set-cookie"), ["a=1"]);
}

#[test] // S07, S08
fn two_cookies_of_the_name_are_refused_and_other_names_are_none() {
    let upstream = Upstream::start();
    let gateway = house(&upstream).start();
    let (one, other) = (Browser::signed_in(&gateway), Browser::new(&gateway));
    other.sign_in("alice", "/app").expect(303);
    let (one, other) = (one.cookie("authgate").unwrap(), other.cookie("authgate").unwrap());
    let with = |cookies: &[&str]| {
        let call = cookies.iter().fold(gateway.get("/app/x"), |call, cookies| call.header("Cookie", cookies));
        call.send()
    };
    with(&[&format!("authgate={one}")]).expect(200);
    upstream.forget();
    for cookies in [
        vec![format!("authgate={one}; authgate={other}")],
        vec![format!("authgate={one}"), format!("authgate={one}")],
        vec![format!("authgate={one}; authgate=garbage")],
    ] {
        let cookies: Vec<_> = cookies.iter().map(String::as_str).collect();
        with(&cookies).refused(400, "double_credentials");
    }
    for name in ["Authgate", "__Host-authgate", "authgate ", "authgate%20", "\"authgate\"", "xauthgate"] {
        with(&[&format!("{name}={one}")]).refused(401, "login_required");
    }
    for value in ["%%%", "", &one[1..], &format!("{one}A"), &format!("\"{one}\""), &"x".repeat(9000)] {
        with(&[&format!("authgate={value}")]).refused(401, "token_invalid");
        gateway.get("/pub/x").header("Cookie", &format!("authgate={value}")).send().expect(200);
        assert!(upstream.last().folded("x-user-name").is_empty());
        upstream.forget();
    }
    with(&[&format!("authgate={}", "A".repeat(43))]).refused(401, "session_ended");
    assert!(upstream.seen().is_empty());
    let alice = gateway.sign_in("alice");
    gateway
        .get("/app")
        .bearer(&alice.access)
        .header("Cookie", &format!("authgate={one}"))
        .send()
        .refused(400, "double_credentials");
    gateway.get("/app").header("Cookie", &format!("authgate={}", alice.access)).send().refused(401, "token_invalid");
    gateway.stands(&upstream);
}

#[test] // S02
fn each_sign_in_is_a_session_of_its_own_and_ends_the_one_before_in_that_browser() {
    let gateway = house(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    let first = browser.cookie("authgate").unwrap();
    browser.set_cookie("authgate", &"F".repeat(43));
    browser.sign_in("alice", "/app").expect(303);
    assert_ne!(browser.cookie("authgate").unwrap(), "F".repeat(43));
    gateway.get("/app").header("Cookie", &format!("authgate={first}")).send().expect(200);
    let second = browser.cookie("authgate").unwrap();
    let page = browser.open("/auth/login?prompt=login").expect(200);
    browser.submit(&page, &[("username", "alice"), ("password", &password())]).expect(303);
    gateway.get("/app").header("Cookie", &format!("authgate={second}")).send().refused(401, "session_ended");
    browser.open("/app").expect(200);
}

/// Only signing in ended the session of before; its cookie was gone from the browser, and good for whoever had a copy.
#[test]
fn signing_up_and_signing_in_for_tokens_end_the_session_of_before_too() {
    let gateway = house(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    let before = browser.cookie("authgate").unwrap();
    let page = browser.open("/auth/register").expect(200);
    browser.submit(&page, &[("username", "bob"), ("password", "another good one 2")]).expect(303);
    gateway.get("/app").header("Cookie", &format!("authgate={before}")).send().refused(401, "session_ended");
    browser.open("/app").expect(200);
    let site = Site::shared_secret(&Upstream::start()).set("tokens", "format", "\"flask-jwt-extended\"");
    let gateway = site.set("tokens", "locations", "[\"header\", \"cookie\"]").start();
    let browser = Browser::signed_in(&gateway);
    let before = browser.cookie("authgate").unwrap();
    let body = json!({ "username": "alice", "password": password() });
    browser.send(browser.fetch("POST", "/auth/login").json(&body)).expect(200);
    assert!(browser.cookie("authgate").is_none() && browser.cookie("access_token_cookie").is_some());
    gateway.get("/app").header("Cookie", &format!("authgate={before}")).send().expect(401);
}

#[test]
fn a_sign_in_counts_although_the_session_before_it_cannot_be_ended() {
    let Some(python) = python_program("python", "pyotp==2.9.0") else { return };
    let gateway = house(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    let first = browser.cookie("authgate").unwrap();
    let trouble = "import sqlite3,sys; sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None).execute(\"CREATE TRIGGER \
        trouble BEFORE UPDATE OF ended_at ON sessions BEGIN SELECT RAISE(ABORT, 'trouble'); END\")";
    let store = gateway.folder().join("authgate.db");
    let ran = Command::new(python).args(["-c", trouble]).arg(store).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let page = browser.open("/auth/login?prompt=login").expect(200);
    browser.submit(&page, &[("username", "alice"), ("password", &password())]).expect(303);
    assert_ne!(browser.cookie("authgate").unwrap(), first);
    browser.open("/app").expect(200);
    until("the log tells of it", SOON, || gateway.log_text().contains("could not be ended"));
}

#[test] // S11
fn a_session_that_ends_is_over_at_once_however_it_ends_and_after_a_restart() {
    let upstream = Upstream::start();
    for revoke in ["now", "at_expiry"] {
        let mut gateway = house(&upstream).set("tokens", "revoke", &format!("\"{revoke}\"")).start();
        let cookies = {
            let (browser, other) = (Browser::signed_in(&gateway), Browser::new(&gateway));
            other.sign_in("alice", "/app").expect(303);
            let session = browser.cookies().unwrap();
            browser.open("/app").expect(200);
            let page = gateway.get("/auth/login").header("Cookie", &session).send();
            assert_eq!((page.status, page.field("location")), (303, Some("/")));
            browser.send(browser.fetch("POST", "/auth/logout")).expect(204);
            assert!(browser.cookie("authgate").is_none());
            gateway.get("/app").header("Cookie", &session).send().refused(401, "session_ended");
            other.open("/app").expect(200);
            let all = other.cookies().unwrap();
            other.send(other.fetch("POST", "/auth/logout-all")).expect(204);
            gateway.get("/app").header("Cookie", &all).send().refused(401, "session_ended");
            [session, all]
        };
        gateway.kill();
        gateway.run();
        for cookies in cookies {
            gateway.get("/app").header("Cookie", &cookies).send().refused(401, "session_ended");
        }
    }
}

#[test] // S12
fn roles_and_disabling_are_in_force_within_a_second_and_a_session_outlives_a_new_role() {
    let gateway = house(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    browser.open("/app").expect(200);
    let script = |path: &str| browser.send(browser.fetch("GET", path));
    script("/app/admin").refused(403, "missing_role");
    let run = |args: &[&str]| authgate(gateway.folder(), gateway.site().variables(), args).expect(0);
    run(&["user", "edit", "alice", "--add-role", "admin"]);
    until("the role is in force", SOON, || script("/app/admin").status == 200);
    run(&["user", "disable", "alice"]);
    until("the account is closed", SOON, || script("/app").status == 401);
    script("/app").refused(401, "session_ended");
}

#[test]
fn a_session_is_renewed_unseen_and_ends_when_it_is_not_used_and_at_its_end() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let gateway =
        faults.on(house(&upstream).set("sessions", "idle", "\"1h\"").set("sessions", "max", "\"3h\"")).start();
    gateway.register("alice");
    let (used, idle) = (Browser::new(&gateway), Browser::new(&gateway));
    idle.sign_in("alice", "/app").expect(303);
    idle.open("/app").expect(200);
    used.sign_in("alice", "/app").expect(303);
    for minutes in (0..180).step_by(5) {
        faults.clock_is_off_by(minutes * 60);
        used.open("/app").expect(200);
        if minutes == 50 {
            idle.send(idle.fetch("HEAD", "/app")).expect(200);
        }
    }
    idle.send(idle.fetch("GET", "/app")).refused(401, "session_ended");
    faults.clock_is_off_by(181 * 60);
    used.send(used.fetch("GET", "/app")).refused(401, "session_ended");
}

#[test]
fn one_visit_in_minutes_asks_the_store_and_the_rest_do_not() {
    let upstream = Upstream::start();
    let gateway = house(&upstream).start();
    let browser = Browser::signed_in(&gateway);
    browser.open("/app").expect(200);
    let operations = || {
        let text = gateway.admin("GET", "/metrics").send().expect(200).text();
        let line =
            text.lines().find(|line| line.contains("store_operation_duration_seconds_count{operation=\"write\"}"));
        line.and_then(|line| line.rsplit(' ').next()).unwrap().parse::<f64>().unwrap()
    };
    let before = operations();
    for _ in 0..20 {
        browser.open("/app").expect(200);
    }
    assert!(operations() - before < 2.0, "only what is tidied up beside it");
}

#[test]
fn what_people_do_themselves_works_with_the_cookie() {
    let gateway = house(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    assert_eq!(browser.send(browser.fetch("GET", "/auth/me")).expect(200).json()["username"], "alice");
    let sessions = browser.send(browser.fetch("GET", "/auth/sessions")).expect(200).json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2);
    assert_eq!(sessions["items"][0]["current"], true);
    let renamed = browser.fetch("PATCH", "/auth/me").json(&json!({ "username": "alison" }));
    browser.send(renamed).expect(200);
    assert_eq!(browser.send(browser.fetch("GET", "/auth/verify")).expect(200).field("x-user-name"), Some("alison"));
    let tokens = browser.send(browser.fetch("POST", "/auth/refresh")).expect(200).json();
    assert_eq!((&tokens["token_type"], &tokens["user"]["username"]), (&json!("Bearer"), &json!("alison")));
    assert!(tokens["refresh_token"].is_null() && tokens["expires_in"].as_u64().unwrap() > 400, "{tokens}");
    gateway.get("/app").bearer(tokens["access_token"].as_str().unwrap()).send().expect(200);
    Browser::new(&gateway).send(gateway.post("/auth/refresh")).refused(401, "invalid_refresh_token");
    gateway.post("/auth/refresh").header("Cookie", "authgate=x").send().refused(401, "token_invalid");
}

#[test]
fn json_gets_tokens_as_ever_and_no_cookie() {
    let gateway = house(&Upstream::start()).start();
    gateway.register("alice");
    let answer = gateway.log_in("alice", &password()).expect(200);
    assert!(answer.field("set-cookie").is_none() && answer.json()["refresh_token"].is_string());
}

#[test]
fn where_cookies_are_no_credential_there_is_no_page_and_the_cookie_still_reaches_nobody() {
    let upstream = Upstream::start();
    let gateway = house(&upstream).set("tokens", "locations", "[\"header\"]").start();
    gateway.get("/auth/login").send().refused(404, "no_route");
    gateway.get("/app").header("Sec-Fetch-Mode", "navigate").send().refused(401, "login_required");
    gateway.post("/auth/login").form("username=a&password=b").send().refused(415, "unsupported_media_type");
    gateway.get("/pub").header("Cookie", "authgate=x; a=1").send().expect(200);
    assert_eq!(upstream.last().field("cookie"), Some("a=1"));
}
