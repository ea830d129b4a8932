//! The process dies between any two writes of the account flows.
use serde_json::{Value, json};

use crate::support::client::password_of;
use crate::support::{Answer, Call, Faults, Gateway, Raw, Site, Upstream, Wire, authgate};

/// What somebody's program knows: only what was acknowledged, and what it asked for last.
#[derive(Debug, Default)]
struct Known {
    registered: bool,
    password: Option<Password>,
    refresh: Option<String>,
    signed_out: Option<String>,
}

#[derive(Debug)]
enum Password {
    Asked,
    Changed,
}

#[test]
fn killed_at_any_write_of_the_account_flows_it_keeps_what_was_acknowledged() {
    let site = Site::fixture(&Upstream::start()).set("tokens", "refresh_grace", "\"60s\"");
    let deaths = dies_at_each_write(site, |_, _| Known::default(), live, is_kept);
    assert!(deaths > 30, "it died only {deaths} times");
}

/// Each round it dies a write later, until everything was done; how often it died. What `prepare` gives is what somebody knows, `live`
/// gives `None` when the gateway died under it, and `is_kept` asks the next process.
pub(super) fn dies_at_each_write<K>(
    site: Site,
    prepare: impl Fn(&Gateway, &str) -> K,
    live: impl Fn(&Gateway, &str, &mut K) -> Option<()>,
    is_kept: impl Fn(&Gateway, &str, &K),
) -> i64 {
    let faults = Faults::none();
    let mut gateway = faults.on(site).start();
    let mut writes = 1;
    loop {
        let name = format!("d{writes}");
        let mut known = prepare(&gateway, &name);
        faults.dies_at_write(writes);
        let ended = live(&gateway, &name, &mut known).is_some();
        faults.dies_at_write(0);
        if ended {
            authgate(gateway.folder(), gateway.site().variables(), &["store", "check"]).expect(0);
            gateway.is_alive();
            gateway.leaks_nothing();
            return writes - 1;
        }
        assert_eq!(gateway.wait_for_end(), None, "killed");
        gateway.run();
        is_kept(&gateway, &name, &known);
        writes += 1;
    }
}

/// Registers, refreshes, changes the password, signs in and out; `None` when the gateway died under it.
fn live(gateway: &Gateway, name: &str, known: &mut Known) -> Option<()> {
    let (old, new) = (password_of(name), password_of(&format!("new{name}")));
    let body = acknowledged(&gateway.post("/auth/register").json(&json!({ "username": name, "password": old })))?;
    known.registered = true;
    known.refresh = Some(text(&body, "refresh_token"));
    let refresh = known.refresh.clone();
    let body = acknowledged(&gateway.post("/auth/refresh").json(&json!({ "refresh_token": refresh })))?;
    known.refresh = Some(text(&body, "refresh_token"));
    let access = text(&body, "access_token");
    known.password = Some(Password::Asked);
    let change = json!({ "current_password": old, "new_password": new });
    acknowledged(&gateway.post("/auth/password").bearer(&access).json(&change))?;
    known.password = Some(Password::Changed);
    let body = acknowledged(&gateway.post("/auth/login").json(&json!({ "username": name, "password": new })))?;
    let access = text(&body, "access_token");
    acknowledged(&gateway.post("/auth/logout").bearer(&access))?;
    known.signed_out = Some(access);
    Some(())
}

fn is_kept(gateway: &Gateway, name: &str, known: &Known) {
    if !known.registered {
        // All of it or nothing: whoever was not told may try again.
        let again = json!({ "username": name, "password": password_of(name) });
        let again = gateway.post("/auth/register").json(&again).send();
        assert!(again.status == 201 || gateway.log_in(name, &password_of(name)).status == 200, "{}", again.text());
        return;
    }
    let old = gateway.log_in(name, &password_of(name)).status;
    let new = gateway.log_in(name, &password_of(&format!("new{name}"))).status;
    match known.password {
        None => assert_eq!((old, new), (200, 401)),
        Some(Password::Asked) => assert!([(200, 401), (401, 200)].contains(&(old, new)), "old {old}, new {new}"),
        Some(Password::Changed) => assert_eq!((old, new), (401, 200)),
    }
    if let (Some(refresh), None) = (&known.refresh, &known.password) {
        gateway.refresh(refresh).expect(200);
    }
    if let Some(access) = &known.signed_out {
        gateway.get("/app/x").bearer(access).send().refused(401, "session_ended");
    }
}

/// A whole answer, if one came.
pub(super) fn answered(call: &Call<'_>) -> Option<Answer> {
    let stream = std::net::TcpStream::connect(("127.0.0.1", call.port())).ok()?;
    let mut raw = Raw { wire: Wire::new(stream) };
    raw.send(call.bytes());
    raw.answer().filter(|answer| answer.whole)
}

pub(super) fn acknowledged(call: &Call<'_>) -> Option<Value> {
    let answer = answered(call)?;
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    if answer.body.is_empty() { Some(Value::Null) } else { Some(answer.json()) }
}

pub(super) fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}
