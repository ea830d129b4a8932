//! `[accounts] migrate_from`: people whom only the old login knows are asked about there once, and then never again.
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::gateway::free_port;
use crate::support::{Gateway, Reply, Site, Upstream};

const PASSWORD: &str = "seven green bottles";

/// Of somebody else, whom the old login calls ANN.
const THEIRS: &str = "eight brown bottles";

/// An old server that knows ann.
fn old_server() -> Upstream {
    Upstream::answering(|seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        match (seen.path(), body["user"].as_str(), body["pass"].as_str()) {
            ("/old/login", Some("ann" | "ben"), Some(PASSWORD)) => {
                Reply::new("200 OK", "Content-Type: application/json\r\n", r#"{"token":"old"}"#)
            }
            ("/old/login", Some("ANN"), Some(THEIRS)) => Reply::new("200 OK", "", ""),
            _ => Reply::new("401 Unauthorized", "", ""),
        }
    })
}

fn behind(url: &str) -> Gateway {
    site_behind(url).start()
}

fn site_behind(url: &str) -> Site {
    let value = format!("{{ url = \"{url}/old/login\", username_field = \"user\", password_field = \"pass\" }}");
    let site = Site::fixture(&Upstream::start()).set("accounts", "registration", "\"invite\"");
    site.set("accounts", "migrate_from", &value)
}

#[test]
fn somebody_the_old_login_knows_is_kept_and_never_asked_about_again() {
    let old = old_server();
    let gateway = behind(&old.url());
    gateway.keep_secret(PASSWORD);
    gateway.log_in("ann", "a wrong password").refused(401, "invalid_credentials");
    assert_eq!(old.seen().len(), 1);
    assert_eq!(old.last().method, "POST");
    let token = gateway.log_in("ann", PASSWORD).expect(200).json();
    gateway.get("/app/x").bearer(token["access_token"].as_str().unwrap()).send().expect(200);
    // Once, and once more with a wrong password: an address that takes everything is no login.
    assert_eq!(old.seen().len(), 3);
    gateway.log_in("ann", PASSWORD).expect(200);
    gateway.log_in("ann", "a wrong password").refused(401, "invalid_credentials");
    // What cannot be a name is nobody's there either.
    gateway.log_in("not a name", PASSWORD).refused(401, "invalid_credentials");
    assert_eq!(old.seen().len(), 3);
    // That it says no to a wrong password is known by now.
    gateway.log_in("ben", PASSWORD).expect(200);
    assert_eq!(old.seen().len(), 4);
    gateway.leaks_nothing();
}

/// It was asked by the name as it was typed, and who was known as ANN there became ann here.
#[test]
fn the_old_login_is_asked_by_the_spelling_that_is_kept() {
    let old = old_server();
    let gateway = behind(&old.url());
    gateway.log_in("ANN", THEIRS).refused(401, "invalid_credentials");
    assert!(gateway.log_text().contains("cannot come over by themselves"), "{}", gateway.log_text());
    assert_eq!(serde_json::from_slice::<Value>(&old.last().body).unwrap()["user"], "ann");
    gateway.log_in("Ann", PASSWORD).expect(200);
}

/// A stranger made an account called ann, and the old login was not asked about her any more.
#[test]
fn nobody_takes_the_name_of_somebody_who_has_not_moved_yet() {
    let old = old_server();
    let gateway = behind(&old.url());
    let body = json!({ "username": "ann", "password": "a-stranger's own 1" });
    gateway.post("/auth/register").json(&body).send().refused(403, "registration_closed");
    let bob = gateway.add_admin("bob");
    let patch = |body: Value| gateway.call("PATCH", "/auth/me").bearer(&bob.access).json(&body).send();
    let refused = patch(json!({ "username": "ann" })).refused(422, "invalid_fields").json();
    assert_eq!(refused["errors"][0]["pointer"], "#/username", "{refused}");
    patch(json!({ "username": "BOB", "name": "Bob" })).expect(200);
    gateway.log_in("ann", PASSWORD).expect(200);
    // Nobody comes over by an address here.
    patch(json!({ "email": "bob@example.com", "password": bob.password })).expect(200);
    let by_either = site_behind(&old.url()).set("accounts", "identifier", "\"either\"").start();
    let bob = by_either.add_admin("bob");
    for (field, value) in [("username", "ann"), ("email", "ann@example.com")] {
        let body = json!({ field: value, "password": bob.password });
        let refused = by_either.call("PATCH", "/auth/me").bearer(&bob.access).json(&body).send();
        let refused = refused.refused(422, "invalid_fields").json();
        assert_eq!(refused["errors"][0]["pointer"], format!("#/{field}"), "{refused}");
    }
}

#[test]
fn a_login_that_takes_everything_or_answers_with_a_page_lets_nobody_in() {
    for reply in
        [Reply::new("200 OK", "", "{}"), Reply::new("200 OK", "Content-Type: text/html; charset=utf-8\r\n", "<form>")]
    {
        let (bytes, close) = (reply.bytes, reply.close);
        let old = Upstream::answering(move |_| Reply { bytes: bytes.clone(), close });
        let gateway = behind(&old.url());
        gateway.log_in("ann", PASSWORD).refused(401, "invalid_credentials");
        // A page is a no; a yes to everything is found out once.
        let asked = old.seen().len();
        gateway.log_in("ben", PASSWORD).refused(401, "invalid_credentials");
        assert_eq!(old.seen().len(), if asked == 2 { 2 } else { 2 * asked });
    }
}

#[test]
fn an_old_login_that_is_dead_or_silent_holds_up_nobody_else() {
    let dead = behind(&format!("http://127.0.0.1:{}", free_port()));
    dead.log_in("ann", PASSWORD).refused(401, "invalid_credentials");
    let silent = Upstream::talking(|_| thread::sleep(Duration::from_secs(20)));
    let gateway = behind(&silent.url());
    gateway.add_admin("bob");
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let begun = Instant::now();
            gateway.log_in("ann", PASSWORD).refused(401, "invalid_credentials");
            begun.elapsed()
        });
        let begun = Instant::now();
        gateway.sign_in("bob");
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        let took = asked.join().unwrap();
        assert!((Duration::from_secs(4)..Duration::from_secs(9)).contains(&took), "{took:?}");
    });
}
