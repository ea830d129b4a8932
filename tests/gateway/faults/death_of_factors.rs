//! The process dies between any two writes while a second factor is added, used and taken away.
use serde_json::{Value, json};

use super::sudden_death::{acknowledged, answered, dies_at_each_write, text};
use crate::support::{Answer, Gateway, Person, Site, Upstream, code_of};

/// What was asked for last, and which of all these was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Begun,
    Confirm,
    Use,
    NewCodes,
    Remove,
}

#[derive(Debug)]
struct Known {
    person: Person,
    asked: Step,
    done: Step,
    codes: Vec<String>,
    newer: Vec<String>,
}

impl Known {
    fn is_done(&self, step: Step) -> bool {
        self.done >= step
    }

    /// Asked for, and nobody knows what came of it.
    fn is_open(&self, step: Step) -> bool {
        self.asked == step && self.done < step
    }
}

#[test]
fn killed_at_any_write_of_a_second_factor_nothing_is_good_twice_and_nothing_is_half_there() {
    let deaths = dies_at_each_write(Site::fixture(&Upstream::start()), prepared, live, is_kept);
    assert!(deaths > 15, "it died only {deaths} times");
}

fn prepared(gateway: &Gateway, name: &str) -> Known {
    let person = gateway.register(name);
    Known { person, asked: Step::Begun, done: Step::Begun, codes: Vec::new(), newer: Vec::new() }
}

fn live(gateway: &Gateway, name: &str, known: &mut Known) -> Option<()> {
    let (access, password) = (known.person.access.clone(), known.person.password.clone());
    let made = acknowledged(&gateway.post("/auth/mfa/totp").bearer(&access))?;
    let code = code_of(&text(&made, "secret"));
    known.asked = Step::Confirm;
    let confirm = gateway.post("/auth/mfa/totp/confirm").bearer(&access).json(&json!({ "code": code }));
    known.codes = codes_in(&acknowledged(&confirm)?);
    known.done = Step::Confirm;
    let challenge = challenge(gateway, name, &password)?;
    known.asked = Step::Use;
    acknowledged(&shown(gateway, &challenge, &known.codes[0]))?;
    known.done = Step::Use;
    known.asked = Step::NewCodes;
    known.newer = codes_in(&acknowledged(&gateway.post("/auth/mfa/recovery-codes").bearer(&access))?);
    known.done = Step::NewCodes;
    known.asked = Step::Remove;
    let remove = gateway.call("DELETE", "/auth/mfa/totp").bearer(&access);
    acknowledged(&remove.json(&json!({ "password": password })))?;
    known.done = Step::Remove;
    Some(())
}

fn is_kept(gateway: &Gateway, name: &str, known: &Known) {
    let answer = gateway.log_in(name, &known.person.password);
    if known.is_done(Step::Remove) || !known.is_done(Step::Confirm) && !known.is_open(Step::Confirm) {
        answer.expect(200);
        return;
    }
    if answer.status == 200 {
        assert!(known.is_open(Step::Confirm) || known.is_open(Step::Remove), "the second factor is gone: {known:?}");
        return;
    }
    answer.refused(401, "mfa_required");
    // Who confirmed and did not hear of it may take it back and begin anew.
    if known.codes.is_empty() {
        let remove = gateway.call("DELETE", "/auth/mfa/totp").bearer(&known.person.access);
        remove.json(&json!({ "password": known.person.password })).send().expect(204);
        gateway.sign_in(name);
        return;
    }
    let good = |code: &str| {
        let challenge = challenge(gateway, name, &known.person.password).expect("an answer");
        shown(gateway, &challenge, code).send().status == 200
    };
    assert!(!(known.is_done(Step::Use) && good(&known.codes[0])), "a recovery code was good twice");
    if known.is_open(Step::Use) {
        let first = good(&known.codes[0]);
        assert!(!good(&known.codes[0]), "good twice, at first {first}");
    }
    let old = good(&known.codes[1]);
    if known.is_done(Step::NewCodes) {
        assert!(!old, "codes that were replaced");
        assert!(good(&known.newer[0]) && !good(&known.newer[0]));
    } else if !known.is_open(Step::NewCodes) {
        assert!(old && !good(&known.codes[1]));
    }
}

/// What a right password is answered with; `None` when nothing came.
fn challenge(gateway: &Gateway, name: &str, password: &str) -> Option<String> {
    let login = gateway.post("/auth/login").json(&json!({ "username": name, "password": password }));
    let answer: Answer = answered(&login)?.refused(401, "mfa_required");
    Some(text(&answer.json(), "challenge"))
}

fn shown<'a>(gateway: &'a Gateway, challenge: &str, code: &str) -> crate::support::Call<'a> {
    gateway.post("/auth/mfa").json(&json!({ "challenge": challenge, "code": code }))
}

fn codes_in(body: &Value) -> Vec<String> {
    body["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}
