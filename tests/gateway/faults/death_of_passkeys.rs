//! The process dies between any two writes while a passkey is added, shown, named and taken away.
use std::cell::RefCell;

use serde_json::{Value, json};

use super::sudden_death::{acknowledged, dies_at_each_write};
use crate::support::{Device, Gateway, Person, Site, Upstream};

/// What was asked for last, and which of all these was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Begun,
    Add,
    Show,
    Name,
    Remove,
}

#[derive(Debug)]
struct Known {
    person: Person,
    device: RefCell<Device>,
    asked: Step,
    done: Step,
    made: Option<Value>,
    shown: Option<Value>,
}

impl Known {
    /// Asked for, and nobody knows what came of it.
    fn is_open(&self, step: Step) -> bool {
        self.asked == step && self.done < step
    }
}

#[test]
fn killed_at_any_write_of_a_passkey_it_is_there_whole_or_not_at_all_and_nobody_gets_in_with_one_that_is_gone() {
    let deaths = dies_at_each_write(Site::fixture(&Upstream::start()), prepared, live, is_kept);
    assert!(deaths > 15, "it died only {deaths} times");
}

fn prepared(gateway: &Gateway, name: &str) -> Known {
    let (person, device) = (gateway.register(name), Device::new(gateway.port).into());
    Known { person, device, asked: Step::Begun, done: Step::Begun, made: None, shown: None }
}

fn live(gateway: &Gateway, _: &str, known: &mut Known) -> Option<()> {
    let access = known.person.access.clone();
    let asked = acknowledged(&gateway.post("/auth/passkeys/register/begin").bearer(&access))?;
    let made = known.device.borrow().makes(&asked);
    known.made = Some(made.clone());
    known.asked = Step::Add;
    let added = acknowledged(&gateway.post(ADD).bearer(&access).json(&made))?;
    known.done = Step::Add;
    let asked = acknowledged(&gateway.post("/auth/passkeys/login/begin"))?;
    let shown = known.device.borrow_mut().shows(&asked, &known.person.id);
    known.shown = Some(shown.clone());
    known.asked = Step::Show;
    acknowledged(&gateway.post(SHOW).json(&shown))?;
    known.done = Step::Show;
    known.asked = Step::Name;
    let place = format!("/auth/passkeys/{}", added["id"].as_str().unwrap());
    acknowledged(&gateway.call("PATCH", &place).bearer(&access).json(&json!({ "name": "another" })))?;
    known.done = Step::Name;
    known.asked = Step::Remove;
    acknowledged(&gateway.call("DELETE", &place).bearer(&access))?;
    known.done = Step::Remove;
    Some(())
}

fn is_kept(gateway: &Gateway, name: &str, known: &Known) {
    gateway.sign_in(name);
    let there = listed(gateway, known);
    assert!(there.len() <= 1, "{there:?}");
    let Some(kept) = there.first() else {
        assert!(known.done < Step::Add || known.asked == Step::Remove, "the passkey is gone: {known:?}");
        // Gone is gone: also for what was signed before, and it may be made again.
        gets_in(gateway, known, false);
        is_refused(gateway, known.shown.as_ref());
        if known.is_open(Step::Add) {
            let first = gateway.post(ADD).bearer(&known.person.access).json(known.made.as_ref().unwrap()).send().status;
            assert!([201, 400].contains(&first), "{first}");
            added_again(gateway, known, if first == 201 { 409 } else { 201 });
            gets_in(gateway, known, true);
        }
        return;
    };
    assert!(known.done < Step::Remove && known.asked >= Step::Add, "a passkey that was never made, or removed");
    let renamed = kept["name"] == "another";
    assert!(renamed == (known.done >= Step::Name) || known.is_open(Step::Name), "{kept}: {known:?}");
    if let Some(shown) = &known.shown {
        let used = kept["last_used_at"] != Value::Null;
        let good = || gateway.post(SHOW).json(shown).send().status == 200;
        assert!(used || known.is_open(Step::Show), "a use that was acknowledged is forgotten: {known:?}");
        assert!(!good() || !used, "shown twice");
        assert!(!good(), "shown twice after the restart");
    }
    gets_in(gateway, known, true);
    added_again(gateway, known, 409);
    let place = format!("/auth/passkeys/{}", kept["id"].as_str().unwrap());
    gateway.call("DELETE", &place).bearer(&known.person.access).send().expect(204);
    assert!(listed(gateway, known).is_empty());
    gets_in(gateway, known, false);
}

fn listed(gateway: &Gateway, known: &Known) -> Vec<Value> {
    let list = gateway.get("/auth/passkeys").bearer(&known.person.access).send().expect(200);
    list.json()["items"].as_array().unwrap().clone()
}

/// In a ceremony of its own, so that only the passkey decides.
fn gets_in(gateway: &Gateway, known: &Known, right: bool) {
    let asked = gateway.post("/auth/passkeys/login/begin").send().expect(200).json();
    let shown = known.device.borrow_mut().shows(&asked, &known.person.id);
    let answer = gateway.post(SHOW).json(&shown).send();
    if right {
        assert_eq!(answer.expect(200).json()["user"]["id"], known.person.id.as_str());
    } else {
        answer.refused(401, "invalid_passkey");
    }
}

fn is_refused(gateway: &Gateway, shown: Option<&Value>) {
    if let Some(shown) = shown {
        gateway.post(SHOW).json(shown).send().refused(401, "invalid_passkey");
    }
}

fn added_again(gateway: &Gateway, known: &Known, status: u16) {
    let begin = gateway.post("/auth/passkeys/register/begin").bearer(&known.person.access);
    let made = known.device.borrow().makes(&begin.send().expect(200).json());
    gateway.post(ADD).bearer(&known.person.access).json(&made).send().expect(status);
}

const ADD: &str = "/auth/passkeys/register/finish";
const SHOW: &str = "/auth/passkeys/login/finish";
