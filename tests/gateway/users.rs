//! `authgate user …`: the operator's hand on accounts, in force in a running gateway within a second.
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{A_BUSY_SECOND, Gateway, Ran, SOON, Site, Upstream, authgate_with_input, python_program, until};

fn user(gateway: &Gateway, args: &[&str], input: &str) -> Ran {
    let args: Vec<_> = ["user"].iter().chain(args).copied().collect();
    authgate_with_input(gateway.folder(), gateway.site().variables(), &args, input)
}

/// Waits until the gateway says `status` and holds it to its second.
#[track_caller]
fn in_force(gateway: &Gateway, token: &str, path: &str, status: u16) {
    let begun = Instant::now();
    until(&format!("{path} is {status}"), SOON, || gateway.get(path).bearer(token).send().status == status);
    assert!(begun.elapsed() < A_BUSY_SECOND, "in force after {:?}", begun.elapsed());
}

fn names(listed: &Value) -> Vec<String> {
    let items = listed.get("items").unwrap_or(listed).as_array().unwrap().clone();
    items.iter().map(|item| item["username"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn somebody_is_added_shown_listed_and_signs_in() {
    let gateway = Gateway::start(&Upstream::start());
    let args = [
        "add",
        "ann",
        "--email",
        "ann@example.com",
        "--name",
        "Ann L",
        "--role",
        "admin",
        "--scope",
        "moon:read",
        "--password-stdin",
    ];
    let ran = user(&gateway, &args, "seven green bottles\n").expect(0);
    assert!(ran.out.contains("added ann"), "{}", ran.out);
    let shown = user(&gateway, &["show", "ann", "--json"], "").expect(0).json();
    assert_eq!(shown["email"], "ann@example.com");
    assert_eq!(shown["name"], "Ann L");
    assert!(shown["roles"].as_array().unwrap().contains(&Value::from("admin")), "{shown}");
    assert!(!shown.to_string().contains("argon2"), "{shown}");
    let by_mail = user(&gateway, &["show", "ann@example.com", "--json"], "").expect(0).json();
    assert_eq!(by_mail["id"], shown["id"]);
    assert_eq!(names(&user(&gateway, &["list", "--json"], "").expect(0).json()), ["ann"]);
    let token = gateway.log_in("ann", "seven green bottles").expect(200).json();
    gateway.get("/app/admin").bearer(token["access_token"].as_str().unwrap()).send().expect(200);
}

#[test]
fn somebody_is_added_by_the_address_alone_and_it_is_told_what_they_sign_in_with() {
    let gateway = Gateway::start(&Upstream::start());
    let args = ["add", "ann@example.com", "--password-stdin"];
    let ran = user(&gateway, &args, "seven green bottles\n").expect(0);
    assert!(ran.out.starts_with("added ann@example.com ("), "{}", ran.out);
    assert!(ran.err.contains("[accounts] identifier") && ran.err.contains("\"either\""), "{}", ran.err);
    gateway.log_in("ann@example.com", "seven green bottles").refused(401, "invalid_credentials");
    let either = Site::fixture(&Upstream::start()).set("accounts", "identifier", "\"either\"").start();
    let ran = user(&either, &args, "seven green bottles\n").expect(0);
    assert_eq!(ran.err, "");
    either.log_in("ann@example.com", "seven green bottles").expect(200);
}

/// What a terminal showed where `authgate user ARGS` ran and somebody typed, and its settings afterwards.
fn typed(gateway: &Gateway, args: &[&str], steps: &Value) -> Option<String> {
    let python = python_program("python", "pyotp==2.9.0")?;
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/at_a_terminal.py");
    let mut command = std::process::Command::new(python);
    command.arg(script).arg(steps.to_string()).args([env!("CARGO_BIN_EXE_authgate"), "user"]).args(args);
    command.current_dir(gateway.folder()).envs(gateway.site().variables().iter().cloned());
    let ran = command.output().unwrap();
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{shown}\n{}", String::from_utf8_lossy(&ran.stderr));
    Some(shown)
}

#[test]
fn a_password_is_typed_unseen_and_ctrl_c_leaves_the_terminal_as_it_was() {
    let gateway = Gateway::start(&Upstream::start());
    let steps = json!([["Password: ", "seven grey\u{7f}en bottles\n"], ["Again: ", "seven green bottles\n"]]);
    let Some(shown) = typed(&gateway, &["add", "ann"], &steps) else { return };
    assert!(shown.contains("added ann") && shown.contains("ended with 0") && !shown.contains("bottles"), "{shown}");
    gateway.log_in("ann", "seven green bottles").expect(200);
    for steps in [
        json!([["Password: ", "seven gr\u{3}"]]),
        json!([["Password: ", "\u{3}"]]),
        json!([["Password: ", "seven green bottles\n"], ["Again: ", "seven\u{3}"]]),
    ] {
        let shown = typed(&gateway, &["add", "bob"], &steps).unwrap();
        assert!(shown.contains("ended with 130") && !shown.contains("seven"), "{shown}");
        let echoes = shown.split_whitespace().any(|word| word == "echo");
        assert!(echoes && shown.contains("eol = <undef>"), "{shown}");
    }
    user(&gateway, &["show", "bob"], "").expect(1);
    let steps = json!([["Password: ", "seven green bottles\n"], ["Again: ", "seven blue bottles\n"]]);
    let shown = typed(&gateway, &["add", "bob"], &steps).unwrap();
    assert!(shown.contains("not the same") && shown.contains("ended with 1\r"), "{shown}");
}

#[test]
fn a_change_is_in_force_within_a_second() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    user(&gateway, &["edit", "alice", "--add-role", "admin"], "").expect(0);
    let admin = gateway.sign_in("alice");
    gateway.get("/app/admin").bearer(&admin.access).send().expect(200);
    user(&gateway, &["edit", "alice", "--remove-role", "admin"], "").expect(0);
    let begun = Instant::now();
    until("the role is gone", SOON, || gateway.get("/app/admin").bearer(&admin.access).send().status != 200);
    assert!(begun.elapsed() < A_BUSY_SECOND);
    let again = gateway.sign_in("alice");
    user(&gateway, &["disable", "alice"], "").expect(0);
    in_force(&gateway, &again.access, "/app/x", 401);
    user(&gateway, &["enable", "alice"], "").expect(0);
    gateway.get("/app/x").bearer(&again.access).send().refused(401, "session_ended");
    gateway.sign_in("alice");
    gateway.keep_secret(&alice.access);
    gateway.leaks_nothing();
}

#[test]
fn a_new_password_ends_the_old_sessions() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    user(&gateway, &["password", "alice", "--password-stdin"], "another long one 2").expect(0);
    in_force(&gateway, &alice.access, "/app/x", 401);
    gateway.log_in("alice", &alice.password).refused(401, "invalid_credentials");
    gateway.log_in("alice", "another long one 2").expect(200);
}

#[test]
fn who_is_deleted_is_gone_and_the_id_does_not_come_back() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let refused = user(&gateway, &["delete", "alice"], "no\n");
    assert_ne!(refused.code, 0, "without the name again nothing is deleted");
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    user(&gateway, &["delete", "alice", "-y"], "").expect(0);
    in_force(&gateway, &alice.access, "/app/x", 401);
    gateway.log_in("alice", &alice.password).refused(401, "invalid_credentials");
    gateway.refresh(&alice.refresh).expect(401);
    assert_ne!(gateway.register("alice").id, alice.id);
    gateway.get("/app/x").bearer(&alice.access).send().expect(401);
}

#[test]
fn what_cannot_be_done_is_said_and_is_1() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    for args in [
        &["show", "nobody-here"] as &[&str],
        &["edit", "nobody-here", "--add-role", "x"],
        &["disable", "nobody-here"],
        &["delete", "nobody-here", "-y"],
        &["add", "alice", "--password-stdin"],
        &["add", "a b", "--password-stdin"],
    ] {
        let ran = user(&gateway, args, "seven green bottles").expect(1);
        assert!(!ran.err.is_empty() && !ran.err.contains("panicked"), "{args:?}: {}", ran.err);
    }
    user(&gateway, &["add", "bob", "--password-stdin", "--role", "a,b"], "seven green bottles").expect(2);
    user(&gateway, &["add", "bob", "--password-stdin"], "short").expect(1);
}
