//! Changes of one's own account that are held up, by their body or by the store, while something else ends what they were
//! asked with.
use serde_json::{Value, json};

use crate::support::browser::Form;
use crate::support::{
    Browser, Call, Device, Gateway, HeldRequest, HeldStore, Mailbox, Person, SOON, SentRequest, Site, Upstream,
    code_of, token_in, until,
};

const NEW: &str = "another good one 2";

/// What somebody asks about the own account; `@ID` is the passkey, and bodies are made when all is prepared.
struct Wish {
    /// Also what the person is called who has it.
    name: &'static str,
    method: &'static str,
    path: &'static str,
    prepare: fn(&Gateway, &Person) -> Value,
}

const WISHES: &[Wish] = &[
    Wish {
        name: "another-address",
        method: "PATCH",
        path: "/auth/me",
        prepare: |_, person| json!({ "email": "thief@example.net", "password": person.password }),
    },
    Wish {
        name: "another-password",
        method: "POST",
        path: "/auth/password",
        prepare: |_, person| json!({ "current_password": person.password, "new_password": "the thief's own 3" }),
    },
    Wish { name: "a-key", method: "POST", path: "/auth/mfa/totp", prepare: password },
    Wish {
        name: "a-code-of-it",
        method: "POST",
        path: "/auth/mfa/totp/confirm",
        prepare: |gateway, person| {
            let made = gateway.post("/auth/mfa/totp").bearer(&person.access).send().expect(200).json();
            json!({ "code": code_of(made["secret"].as_str().unwrap()) })
        },
    },
    Wish { name: "no-key", method: "DELETE", path: "/auth/mfa/totp", prepare: with_factor },
    Wish { name: "other-codes", method: "POST", path: "/auth/mfa/recovery-codes", prepare: with_factor },
    Wish { name: "a-challenge", method: "POST", path: "/auth/passkeys/register/begin", prepare: password },
    Wish {
        name: "a-passkey",
        method: "POST",
        path: "/auth/passkeys/register/finish",
        prepare: |gateway, person| {
            let begin = gateway.post("/auth/passkeys/register/begin").bearer(&person.access);
            Device::new(gateway.port).makes(&begin.send().expect(200).json())
        },
    },
    Wish {
        name: "another-name",
        method: "PATCH",
        path: "/auth/passkeys/@ID",
        prepare: |gateway, person| {
            add_passkey(gateway, person);
            json!({ "name": "the thief's" })
        },
    },
    Wish {
        name: "no-passkey",
        method: "DELETE",
        path: "/auth/passkeys/@ID",
        prepare: |gateway, person| {
            add_passkey(gateway, person);
            password(gateway, person)
        },
    },
    Wish { name: "nobody-else", method: "POST", path: "/auth/logout-all", prepare: |_, _| json!({}) },
];

fn password(_: &Gateway, person: &Person) -> Value {
    json!({ "password": person.password })
}

fn with_factor(gateway: &Gateway, person: &Person) -> Value {
    let made = gateway.post("/auth/mfa/totp").bearer(&person.access).send().expect(200).json();
    let code = json!({ "code": code_of(made["secret"].as_str().unwrap()) });
    gateway.post("/auth/mfa/totp/confirm").bearer(&person.access).json(&code).send().expect(200);
    password(gateway, person)
}

fn add_passkey(gateway: &Gateway, person: &Person) {
    let asked = gateway.post("/auth/passkeys/register/begin").bearer(&person.access).send().expect(200).json();
    let made = Device::new(gateway.port).makes(&asked);
    gateway.post("/auth/passkeys/register/finish").bearer(&person.access).json(&made).send().expect(201);
}

impl Wish {
    fn call<'a>(&self, gateway: &'a Gateway, owner: &Person, access: &str) -> Call<'a> {
        let body = (self.prepare)(gateway, owner);
        let passkeys = gateway.get("/auth/passkeys").bearer(&owner.access).send().expect(200).json();
        let path = self.path.replace("@ID", passkeys["items"][0]["id"].as_str().unwrap_or_default());
        gateway.call(self.method, &path).bearer(access).json(&body)
    }
}

fn change_password<'a>(gateway: &'a Gateway, person: &Person) -> Call<'a> {
    let body = json!({ "current_password": person.password, "new_password": NEW });
    gateway.post("/auth/password").bearer(&person.access).json(&body)
}

/// What somebody could have changed about a person.
fn what_there_is(gateway: &Gateway, person: &Person) -> Value {
    let read = |path: &str| gateway.get(path).bearer(&person.access).send().expect(200).json();
    let me = read("/auth/me");
    json!([me["email"], me["username"], read("/auth/mfa"), read("/auth/passkeys")])
}

#[test]
fn a_body_that_comes_after_its_session_was_ended_changes_nothing() {
    let gateway = Gateway::start(&Upstream::start());
    for wish in WISHES {
        let owner = gateway.register(wish.name);
        let thief = gateway.sign_in(wish.name);
        let held = HeldRequest::of(wish.call(&gateway, &owner, &thief.access));
        let before = what_there_is(&gateway, &owner);
        change_password(&gateway, &owner).send().expect(204);
        let answer = held.go_on();
        assert_eq!((answer.status, answer.code().as_str()), (401, "session_ended"), "{}", wish.name);
        assert_eq!(what_there_is(&gateway, &owner), before, "{}", wish.name);
    }
    gateway.leaks_nothing();
}

/// The session that the password is changed in goes on, and whoever has its token with it.
#[test]
fn a_body_that_comes_after_a_new_password_proves_nothing_with_the_old_one() {
    let gateway = Gateway::start(&Upstream::start());
    let by_password =
        ["another-address", "another-password", "a-key", "no-key", "other-codes", "a-challenge", "no-passkey"];
    for wish in WISHES.iter().filter(|wish| by_password.contains(&wish.name)) {
        let owner = gateway.register(wish.name);
        let held = HeldRequest::of(wish.call(&gateway, &owner, &owner.access));
        let before = what_there_is(&gateway, &owner);
        change_password(&gateway, &owner).send().expect(204);
        let answer = held.go_on();
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_credentials"), "{}", wish.name);
        assert_eq!(what_there_is(&gateway, &owner), before, "{}", wish.name);
    }
    gateway.leaks_nothing();
}

#[test]
fn what_a_machine_asks_is_answered_by_what_it_may_when_all_of_it_is_there() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let run = |args: &[&str]| crate::support::authgate(gateway.folder(), gateway.site().variables(), args).expect(0);
    let machine =
        run(&["token", "create", "--name", "robot", "--scope", "introspect", "--expires", "1h", "--json"]).json();
    let (id, token) = (machine["id"].as_str().unwrap(), machine["token"].as_str().unwrap());
    let ask = || gateway.post("/auth/introspect").bearer(token).form(&format!("token={}", alice.access));
    until("the token is known", SOON, || ask().send().status == 200);
    let held = HeldRequest::of(ask());
    run(&["token", "revoke", id]);
    until("the token is revoked", SOON, || ask().send().status == 401);
    held.go_on().expect(401);
}

/// The password was right when it was hashed, and is not when the change is written.
#[test]
fn a_change_that_waits_for_the_store_behind_a_new_password_is_not_made() {
    let gateway = Gateway::start(&Upstream::start());
    let owner = gateway.register("alice");
    let thief = gateway.sign_in("alice");
    let Some(held) = HeldStore::of(&gateway) else { return };
    let before = hashes(&gateway);
    let changed = SentRequest::of(&change_password(&gateway, &owner));
    until("the new password is to be written", SOON, || hashes(&gateway) >= before + 3);
    let patch = |access: &str, email: &str| {
        let body = json!({ "email": email, "password": owner.password });
        SentRequest::of(&gateway.call("PATCH", "/auth/me").bearer(access).json(&body))
    };
    let (elsewhere, here) = (patch(&thief.access, "a@example.net"), patch(&owner.access, "b@example.net"));
    until("the old one was found right twice", SOON, || hashes(&gateway) >= before + 5);
    held.let_go();
    changed.answer().expect(204);
    elsewhere.answer().refused(401, "session_ended");
    here.answer().refused(401, "invalid_credentials");
    assert_eq!(gateway.get("/auth/me").bearer(&owner.access).send().expect(200).json()["email"], Value::Null);
}

/// The page shows nothing of an account to a browser whose session has ended meanwhile.
#[test]
fn a_form_that_waits_for_the_store_while_its_session_ends_leads_to_the_sign_in() {
    let gateway = Gateway::start(&Upstream::start());
    let browser = Browser::signed_in(&gateway);
    let owner = gateway.sign_in("alice");
    let form = Form::of(&browser.open("/auth/account").expect(200).text());
    let Some(held) = HeldStore::of(&gateway) else { return };
    let before = hashes(&gateway);
    let changed = SentRequest::of(&change_password(&gateway, &owner));
    until("the new password is to be written", SOON, || hashes(&gateway) >= before + 3);
    let cookies = browser.cookies().unwrap();
    let sent = ["/auth/account", "/auth/mfa/totp"].map(|path| {
        let fields = [("name", "Al"), ("email", "thief@example.net"), ("password", owner.password.as_str())];
        let call = browser.fetch("POST", path).header("Cookie", &cookies);
        SentRequest::of(&call.form(&form.filled(&fields)))
    });
    until("the old one was found right twice", SOON, || hashes(&gateway) >= before + 5);
    held.let_go();
    changed.answer().expect(204);
    for answer in sent.map(SentRequest::answer) {
        assert_eq!(answer.expect(303).field("location"), Some("/auth/login?return_to=/auth/account"));
    }
}

/// Whoever has a token of the session that the password is changed in goes on in it; what was begun before does not.
#[test]
fn what_was_begun_before_a_new_password_is_begun_again_after_it() {
    let gateway = Gateway::start(&Upstream::start());
    let (alice, device) = (gateway.register("alice"), Device::new(gateway.port));
    let post = |path: &str| gateway.post(path).bearer(&alice.access);
    let begin = || {
        let made = post("/auth/mfa/totp").send().expect(200).json();
        let asked = post("/auth/passkeys/register/begin").send().expect(200).json();
        (json!({ "code": code_of(made["secret"].as_str().unwrap()) }), device.makes(&asked))
    };
    let (code, made) = begin();
    change_password(&gateway, &alice).send().expect(204);
    post("/auth/mfa/totp/confirm").json(&code).send().refused(404, "no_second_factor");
    post("/auth/passkeys/register/finish").json(&made).send().refused(400, "passkey_refused");
    let (code, made) = begin();
    post("/auth/mfa/totp/confirm").json(&code).send().expect(200);
    post("/auth/passkeys/register/finish").json(&made).send().expect(201);
}

#[test]
fn the_link_to_an_address_is_no_later_than_the_wish_for_it() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).set("accounts", "verify_email", "true").start();
    for (number, way) in ["everywhere else", "there"].into_iter().enumerate() {
        let (name, theirs) = (format!("ann-{number}"), format!("thief-{number}@example.net"));
        let (owner, thief) = confirmed_twice(&gateway, &mailbox, &name);
        let sessions = gateway.get("/auth/sessions").bearer(&thief.access).send().expect(200).json();
        let here =
            sessions["items"].as_array().unwrap().iter().find(|item| item["current"] == true).unwrap()["id"].clone();
        let Some(held) = HeldStore::of(&gateway) else { return };
        let before = hashes(&gateway);
        let body = json!({ "email": theirs, "password": owner.password });
        let wish = SentRequest::of(&gateway.call("PATCH", "/auth/me").bearer(&thief.access).json(&body));
        until("it is to be written", SOON, || hashes(&gateway) > before);
        let ended = SentRequest::of(&match way {
            "there" => {
                gateway.call("DELETE", &format!("/auth/sessions/{}", here.as_str().unwrap())).bearer(&owner.access)
            }
            _ => gateway.post("/auth/logout-all").bearer(&owner.access).json(&json!({ "except_current": true })),
        });
        until("both wait", SOON, || metric(&gateway, "authgate_http_requests_in_flight") >= 2);
        held.let_go();
        let wished = wish.answer();
        ended.answer().expect(204);
        if wished.status != 200 {
            // The other one was quicker.
            wished.refused(401, "session_ended");
            continue;
        }
        let token = mailbox.token(&theirs, 0);
        gateway.post("/auth/verify-email").json(&json!({ "token": token })).send().refused(400, "invalid_token");
    }
}

#[test]
fn the_second_of_two_right_confirmations_is_told_that_it_is_there() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let made = gateway.post("/auth/mfa/totp").bearer(&alice.access).send().expect(200).json();
    let code = json!({ "code": code_of(made["secret"].as_str().unwrap()) });
    let confirm = || gateway.post("/auth/mfa/totp/confirm").bearer(&alice.access).json(&code);
    let Some(held) = HeldStore::of(&gateway) else { return };
    let both = [(); 2].map(|()| SentRequest::of(&confirm()));
    until("both wait", SOON, || metric(&gateway, "authgate_http_requests_in_flight") >= 2);
    held.let_go();
    let mut both = both.map(SentRequest::answer);
    both.sort_by_key(|answer| answer.status);
    let [first, second] = both;
    assert_eq!(first.expect(200).json()["recovery_codes"].as_array().unwrap().len(), 10);
    second.refused(409, "second_factor_exists");
}

/// Somebody whose address was confirmed, in two sessions.
fn confirmed_twice(gateway: &Gateway, mailbox: &Mailbox, name: &str) -> (Person, Person) {
    let (email, password) = (format!("{name}@example.com"), crate::support::client::password_of(name));
    let body = json!({ "username": name, "email": email, "password": password });
    gateway.post("/auth/register").json(&body).send().expect(202);
    let token = token_in(mailbox.letter(&email, 0)["text"].as_str().unwrap());
    gateway.post("/auth/verify-email").json(&json!({ "token": token })).send().expect(204);
    (gateway.sign_in(name), gateway.sign_in(name))
}

fn with_mail(mailbox: &Mailbox) -> Site {
    let site = Site::fixture(&Upstream::start()).set("mail", "url", &mailbox.url());
    site.set("mail", "from", "\"no-reply@example.org\"")
}

/// How many passwords were hashed.
fn hashes(gateway: &Gateway) -> u32 {
    metric(gateway, "authgate_password_hash_duration_seconds_count")
}

fn metric(gateway: &Gateway, name: &str) -> u32 {
    let text = gateway.admin("GET", "/metrics").send().expect(200).text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}
