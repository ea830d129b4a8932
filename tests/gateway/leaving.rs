//! Who hangs up before the answer: what was begun to be written is done whole, with its letter and its audit event, and what was
//! not is left.
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Call, Device, Faults, Gateway, Mailbox, Person, SOON, SentRequest, Site, Upstream, code_of, until,
};

/// What somebody asks for and does not wait for, and what is written down of it.
struct Wish {
    name: &'static str,
    call: for<'a> fn(&'a Gateway, &Person) -> Call<'a>,
    action: &'static str,
}

const WISHES: &[Wish] = &[
    Wish {
        name: "another-address",
        call: |gateway, person| {
            let patch = gateway.call("PATCH", "/auth/me").bearer(&person.access);
            patch.json(&json!({ "email": "thief@example.net" }))
        },
        action: "user_edited",
    },
    Wish {
        name: "another-password",
        call: |gateway, person| {
            let body = json!({ "current_password": person.password, "new_password": "the thief's own 3" });
            gateway.post("/auth/password").bearer(&person.access).json(&body)
        },
        action: "password_changed",
    },
    Wish {
        name: "used-twice",
        call: |gateway, person| {
            gateway.refresh(&person.refresh).expect(200);
            gateway.post("/auth/refresh").json(&json!({ "refresh_token": person.refresh }))
        },
        action: "refresh_reused",
    },
    Wish {
        name: "a-code",
        call: |gateway, person| {
            let made = gateway.post("/auth/mfa/totp").bearer(&person.access).send().expect(200).json();
            let code = json!({ "code": code_of(made["secret"].as_str().unwrap()) });
            gateway.post("/auth/mfa/totp/confirm").bearer(&person.access).json(&code)
        },
        action: "second_factor_added",
    },
    Wish {
        name: "a-passkey",
        call: |gateway, person| {
            let begin = gateway.post("/auth/passkeys/register/begin").bearer(&person.access);
            let made = Device::new(gateway.port).makes(&begin.send().expect(200).json());
            gateway.post("/auth/passkeys/register/finish").bearer(&person.access).json(&made)
        },
        action: "passkey_added",
    },
    Wish {
        name: "away",
        call: |gateway, person| gateway.post("/auth/logout").bearer(&person.access).json(&json!({})),
        action: "signed_out",
    },
];

/// A gateway whose disk can be made slow, and its audit file.
fn slow(site: Site) -> (Gateway, Faults, TempDir) {
    let (faults, folder) = (Faults::none(), tempfile::tempdir().unwrap());
    let file = format!("{:?}", folder.path().join("audit.jsonl").display().to_string());
    (faults.on(site.set("log", "audit_file", &file)).start(), faults, folder)
}

fn with_mail(mailbox: &Mailbox) -> Site {
    let site = Site::fixture(&Upstream::start()).set("mail", "url", &mailbox.url());
    site.set("mail", "from", "\"no-reply@example.org\"")
}

/// Sends a request and hangs up while the disk is about to keep what it changes.
fn leave(faults: &Faults, call: &Call<'_>) {
    let before = faults.commits();
    faults.disk_is_slow(300);
    let sent = SentRequest::of(call);
    until("it is being written", SOON, || faults.commits() > before);
    drop(sent);
    faults.disk_is_slow(0);
}

fn is_audited(folder: &Path, person: &str, action: &str) -> bool {
    let text = std::fs::read_to_string(folder.join("audit.jsonl")).unwrap_or_default();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.into_iter().any(|event| event["action"] == action && event.to_string().contains(person))
}

#[test]
fn a_change_whose_sender_hangs_up_while_it_is_written_is_told_and_audited() {
    let Some(mailbox) = Mailbox::start() else { return };
    let (gateway, faults, folder) = slow(with_mail(&mailbox).set("tokens", "refresh_grace", "\"0s\""));
    for wish in WISHES {
        let name = wish.name;
        let body =
            json!({ "username": name, "email": format!("{name}@example.com"), "password": "a-first-password-1" });
        let made = gateway.post("/auth/register").json(&body).send().expect(201);
        let person = Person { password: "a-first-password-1".to_owned(), ..gateway.person(name, &made) };
        leave(&faults, &(wish.call)(&gateway, &person));
        until(&format!("{name} is audited"), SOON, || is_audited(folder.path(), &person.id, wish.action));
    }
    let letter = mailbox.letter("another-address@example.com", 0);
    assert!(letter["headers"]["subject"].as_str().unwrap().contains("Another e-mail address"), "{letter}");
}

#[test]
fn the_stop_waits_for_a_change_whose_sender_hung_up_and_for_its_letter() {
    let Some(mailbox) = Mailbox::start() else { return };
    let (mut gateway, faults, folder) = slow(with_mail(&mailbox));
    let body = json!({ "username": "ann", "email": "ann@example.com", "password": "a-first-password-1" });
    let ann = gateway.person("ann", &gateway.post("/auth/register").json(&body).send().expect(201));
    let patch = gateway.call("PATCH", "/auth/me").bearer(&ann.access);
    leave(&faults, &patch.json(&json!({ "email": "thief@example.net" })));
    gateway.stop();
    assert!(is_audited(folder.path(), &ann.id, "user_edited"));
    let letters = mailbox.letters();
    assert!(
        letters.iter().any(|letter| letter["to"] == json!(["ann@example.com"])),
        "{letters:?}\n{}",
        gateway.log_text()
    );
}

#[test]
fn an_account_whose_maker_hangs_up_gets_its_letter() {
    let Some(mailbox) = Mailbox::start() else { return };
    let (gateway, faults, folder) = slow(with_mail(&mailbox).set("accounts", "verify_email", "true"));
    let body = json!({ "username": "ann", "email": "ann@example.com", "password": "a-first-password-1" });
    leave(&faults, &gateway.post("/auth/register").json(&body));
    mailbox.token("ann@example.com", 0);
    until("it is audited", SOON, || is_audited(folder.path(), "ann", "registered"));
}

#[test]
fn who_hangs_up_before_the_password_is_hashed_leaves_the_queue() {
    let gateway = Site::fixture(&Upstream::start())
        .set("passwords", "argon2", "{ memory = \"64MiB\", iterations = 3, lanes = 1 }")
        .set("passwords", "parallel_hashes", "1")
        .set("passwords", "hash_queue", "40")
        .start();
    let alice = gateway.register("alice");
    let (hashed, waiting) = ("authgate_password_hash_duration_seconds_count", "authgate_password_hash_queue_length");
    let before = metric(&gateway, hashed);
    let sign_in = json!({ "username": "alice", "password": alice.password });
    let change = json!({ "current_password": alice.password, "new_password": "another good one 2" });
    let sent: Vec<_> = (0..30)
        .map(|turn| match turn % 2 {
            0 => SentRequest::of(&gateway.post("/auth/login").json(&sign_in)),
            _ => SentRequest::of(&gateway.post("/auth/password").bearer(&alice.access).json(&change)),
        })
        .collect();
    until("many wait", SOON, || metric(&gateway, waiting) > 15);
    drop(sent);
    until("nobody waits any more", SOON, || metric(&gateway, waiting) == 0);
    let after = metric(&gateway, hashed) - before;
    assert!(after < 15, "{after} of 30 who left were hashed");
    gateway.sign_in("alice");
}

fn metric(gateway: &Gateway, name: &str) -> u32 {
    let text = gateway.admin("GET", "/metrics").send().expect(200).text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}
