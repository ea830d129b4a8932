//! Mail: a forgotten password, an address to be verified; sent to a real SMTP server and followed.
use std::net::TcpListener;
use std::time::Instant;

use serde_json::json;

use crate::support::browser::Form;
use crate::support::{
    A_BUSY_SECOND, Answer, Browser, Device, Gateway, Mailbox, SOON, Site, Upstream, code_of, token_in, until,
};

const NEW: &str = "ein-neues-Wort-42";

fn register(gateway: &Gateway, name: &str) -> Answer {
    let email = format!("{name}@example.com");
    let body = json!({ "username": name, "email": email, "password": "a-first-password-1" });
    gateway.post("/auth/register").json(&body).send()
}

fn forgot(gateway: &Gateway, email: &str) -> Answer {
    gateway.post("/auth/password/forgot").json(&json!({ "email": email })).send()
}

fn reset(gateway: &Gateway, token: &str, new: &str) -> Answer {
    gateway.post("/auth/password/reset").json(&json!({ "token": token, "new_password": new })).send()
}

fn verify(gateway: &Gateway, token: &str) -> Answer {
    gateway.post("/auth/verify-email").json(&json!({ "token": token })).send()
}

fn with_mail(mailbox: &Mailbox) -> Site {
    Site::fixture(&Upstream::start()).set("mail", "url", &mailbox.url()).set(
        "mail",
        "from",
        "\"Exämple <no-reply@example.org>\"",
    )
}

#[test]
fn a_forgotten_password_is_replaced_by_the_link_in_a_mail() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).start();
    let ann = gateway.person("ann", &register(&gateway, "ann").expect(201));
    let known = forgot(&gateway, "Ann@example.com").expect(202);
    let unknown = forgot(&gateway, "nobody@example.com").expect(202);
    assert_eq!(plain(&known), plain(&unknown), "nothing tells who has an account");
    let letter = mailbox.letter("ann@example.com", 0);
    assert_eq!(letter["from"], "no-reply@example.org");
    assert_eq!(letter["headers"]["from"], "Exämple <no-reply@example.org>");
    assert_eq!(letter["headers"]["subject"], format!("A new password for http://localhost:{}", gateway.port));
    assert_eq!(letter["headers"]["auto-submitted"], "auto-generated");
    let link = format!("http://localhost:{}/auth/password/reset?token=agl_", gateway.port);
    assert!(letter["text"].as_str().unwrap().contains(&link), "{letter}");
    let token = mailbox.token("ann@example.com", 0);
    gateway.keep_secret(&token);
    reset(&gateway, &token, "short").refused(422, "weak_password");
    reset(&gateway, &token, NEW).expect(204);
    reset(&gateway, &token, NEW).refused(400, "invalid_token");
    gateway.get("/app").bearer(&ann.access).send().refused(401, "session_ended");
    gateway.refresh(&ann.refresh).refused(401, "invalid_refresh_token");
    gateway.log_in("ann", "a-first-password-1").refused(401, "invalid_credentials");
    gateway.log_in("ann", NEW).expect(200);
    assert_eq!(mailbox.letters().len(), 1, "nothing is sent to strangers");
    gateway.leaks_nothing();
}

#[test]
fn a_letter_is_written_in_the_language_of_whoever_asked_for_it() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).set("pages", "languages", "[\"en\", \"de\", \"ar\"]").start();
    register(&gateway, "ann").expect(201);
    let site = format!("http://localhost:{}", gateway.port);
    for (number, (languages, subject)) in [
        ("de-AT, en;q=0.5", format!("Ein neues Passwort für {site}")),
        ("fr, ar;q=0.5", format!("كلمة مرور جديدة لموقع {site}")),
        ("fr", format!("A new password for {site}")),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = gateway.post("/auth/password/forgot").header("Accept-Language", languages);
        asked.json(&json!({ "email": "ann@example.com" })).send().expect(202);
        let letter = mailbox.letter("ann@example.com", number);
        assert_eq!(letter["headers"]["subject"], subject);
        gateway.keep_secret(&mailbox.token("ann@example.com", number));
    }
    gateway.leaks_nothing();
}

#[test]
fn a_person_with_a_browser_follows_the_link_and_opening_it_uses_nothing_up() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).set("accounts", "verify_email", "true").start();
    register(&gateway, "ann").expect(202);
    let browser = Browser::new(&gateway);
    let link = |number| {
        let text = mailbox.letter("ann@example.com", number)["text"].as_str().unwrap().to_owned();
        let at = text.find("/auth/").expect("a link");
        text[at..].split_whitespace().next().unwrap().to_owned()
    };
    let page = (0..3).map(|_| browser.open(&link(0)).expect(200)).next_back().unwrap();
    let done = browser.submit(&page, &[]).expect(200);
    assert!(done.text().contains("/auth/login"), "{}", done.text());
    browser.submit(&page, &[]).expect(400);
    gateway.log_in("ann", "a-first-password-1").expect(200);
    let page = browser.open("/auth/password/forgot").expect(200);
    browser.submit(&page, &[("email", "nobody@example.com")]).expect(200);
    browser.submit(&page, &[("email", "ann@example.com")]).expect(200);
    let page = browser.open(&link(1)).expect(200);
    let again = browser.submit(&page, &[("new_password", "short")]).expect(422);
    browser.submit(&again, &[("new_password", NEW)]).expect(200);
    gateway.log_in("ann", NEW).expect(200);
    // A form of another site has no token of ours.
    gateway.post("/auth/password/forgot").form("email=ann%40example.com").send().expect(403);
    gateway.leaks_nothing();
}

#[test]
fn no_answer_waits_for_a_mail_server_that_is_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("\"smtp://127.0.0.1:{}\"", silent.local_addr().unwrap().port());
    let mut gateway = Site::fixture(&Upstream::start()).set("mail", "url", &url).start();
    register(&gateway, "ann").expect(201);
    let begun = Instant::now();
    for address in ["ann@example.com", "nobody@example.com", "ann@example.com"] {
        forgot(&gateway, address).expect(202);
    }
    assert!(begun.elapsed() < A_BUSY_SECOND, "{:?}", begun.elapsed());
    gateway.is_alive();
    // Nor does the stop wait for it for long; how many letters are lost it says.
    gateway.stop();
    assert!(gateway.log_text().contains(r#"mails are lost","lost":2"#), "{}", gateway.log_text());
}

#[test]
fn a_mail_that_is_not_taken_at_first_is_tried_again() {
    let Some(mailbox) = Mailbox::with(&["1", "authgate", "mail word"]) else { return };
    let url = format!("\"smtp://authgate@127.0.0.1:{}\"", mailbox.port);
    let site = Site::fixture(&Upstream::start()).set("mail", "url", &url).set("mail", "password", "\"${SMTP_WORD}\"");
    let gateway = site.env("SMTP_WORD", "mail word").start();
    gateway.keep_secret("mail word");
    register(&gateway, "ann").expect(201);
    forgot(&gateway, "ann@example.com").expect(202);
    let letter = mailbox.letter("ann@example.com", 0);
    assert_eq!(letter["signed_in"], true);
    assert!(gateway.log_text().contains("it will be tried again"));
    gateway.leaks_nothing();
}

#[test]
fn without_a_server_mails_are_written_to_the_log() {
    let gateway = Gateway::start(&Upstream::start());
    register(&gateway, "ann").expect(201);
    forgot(&gateway, "ann@example.com").expect(202);
    until("the mail is in the log", SOON, || gateway.log_text().contains("/auth/password/reset?token=agl_"));
    reset(&gateway, &token_in(&gateway.log_text()), NEW).expect(204);
    gateway.log_in("ann", NEW).expect(200);
}

#[test]
fn letters_to_one_address_and_from_one_source_are_counted() {
    let gateway = Site::fixture(&Upstream::start()).set("limits", "register_per_ip", "\"8/h\"").start();
    for turn in 0..6 {
        let answer = forgot(&gateway, "nobody@example.com");
        if turn < 5 { drop(answer.expect(202)) } else { drop(answer.refused(429, "too_many_attempts")) }
    }
    for turn in 0..4 {
        let answer = forgot(&gateway, &format!("nobody-{turn}@example.com"));
        if turn < 2 { drop(answer.expect(202)) } else { drop(answer.refused(429, "too_many_attempts")) }
    }
}

#[test]
fn nobody_comes_in_before_the_link_was_followed() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).set("accounts", "verify_email", "true").start();
    let first = register(&gateway, "ann").expect(202);
    let token = mailbox.token("ann@example.com", 0);
    let again = register(&gateway, "ann").expect(202);
    assert_eq!(plain(&first), plain(&again), "nothing tells who has an account");
    assert!(mailbox.letter("ann@example.com", 1)["headers"]["subject"].as_str().unwrap().contains("have an account"));
    gateway.log_in("ann", "not the password").refused(401, "invalid_credentials");
    gateway.log_in("ann", "a-first-password-1").refused(403, "email_unverified");
    let grant = "grant_type=password&username=ann&password=a-first-password-1";
    let refused = gateway.post("/auth/token").form(grant).send().expect(400);
    assert_eq!(refused.json()["error"], "invalid_grant");
    verify(&gateway, "agl_nonsense").refused(400, "invalid_token");
    verify(&gateway, &token).expect(204);
    verify(&gateway, &token).refused(400, "invalid_token");
    let ann = gateway.log_in("ann", "a-first-password-1").expect(200);
    let access = ann.json()["access_token"].as_str().unwrap().to_owned();
    let me = gateway.get("/auth/me").bearer(&access).send().expect(200).json();
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("ann@example.com"), &json!(true)));
    // Another address is used when its own link was followed.
    let changed = gateway.call("PATCH", "/auth/me").bearer(&access).json(&json!({ "email": "a@example.net" })).send();
    let changed = changed.expect(200).json();
    assert_eq!((&changed["email"], &changed["pending_email"]), (&json!("ann@example.com"), &json!("a@example.net")));
    gateway.get("/app").bearer(&access).send().expect(200);
    verify(&gateway, &mailbox.token("a@example.net", 0)).expect(204);
    gateway.get("/app").bearer(&access).send().refused(401, "session_ended");
    let refreshed = gateway.refresh(ann.json()["refresh_token"].as_str().unwrap()).expect(200).json();
    assert_eq!(refreshed["user"]["email"], "a@example.net");
    // Whom the operator adds need not wait for a letter.
    gateway.add_admin("boss");
}

/// The link proves the address for the first time, and whoever made the account by it may be a stranger: their code was asked for
/// after the new password, and their passkey still signed in.
#[test]
fn what_a_stranger_proves_themselves_with_ends_when_the_owner_of_the_address_comes() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).start();
    let stranger = gateway.person("ann", &register(&gateway, "ann").expect(201));
    let mut key = Device::new(gateway.port);
    let add = |access: &str, key: &Device| {
        let post = |path: &str| gateway.post(path).bearer(access);
        let asked = post("/auth/passkeys/register/begin").send().expect(200).json();
        post("/auth/passkeys/register/finish").json(&key.makes(&asked)).send().expect(201);
        let made = post("/auth/mfa/totp").send().expect(200).json();
        let code = json!({ "code": code_of(made["secret"].as_str().unwrap()) });
        post("/auth/mfa/totp/confirm").json(&code).send().expect(200);
    };
    add(&stranger.access, &key);
    forgot(&gateway, "ann@example.com").expect(202);
    reset(&gateway, &mailbox.token("ann@example.com", 0), NEW).expect(204);
    let owner = gateway.person("ann", &gateway.log_in("ann", NEW).expect(200));
    let left = gateway.get("/auth/passkeys").bearer(&owner.access).send().expect(200).json();
    assert_eq!(left["items"], json!([]));
    let asked = gateway.post("/auth/passkeys/login/begin").send().expect(200).json();
    let shown = key.shows(&asked, &stranger.id);
    gateway.post("/auth/passkeys/login/finish").json(&shown).send().refused(401, "invalid_passkey");
    for action in ["second_factor_removed", "passkey_removed"] {
        until(&format!("{action} is audited"), SOON, || gateway.log_text().contains(action));
    }
    // What is added to a proved address is the owner's, and stays.
    add(&owner.access, &Device::new(gateway.port));
    forgot(&gateway, "ann@example.com").expect(202);
    reset(&gateway, &mailbox.token("ann@example.com", 1), "noch-ein-Wort-43").expect(204);
    gateway.log_in("ann", "noch-ein-Wort-43").refused(401, "mfa_required");
}

#[test]
fn the_account_page_says_that_an_address_waits_for_its_link() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).set("accounts", "verify_email", "true").start();
    register(&gateway, "ann").expect(202);
    verify(&gateway, &mailbox.token("ann@example.com", 0)).expect(204);
    let browser = Browser::new(&gateway);
    let page = browser.open("/auth/login?return_to=/auth/account").expect(200);
    browser.submit(&page, &[("username", "ann"), ("password", "a-first-password-1")]).expect(303);
    let form = Form::of(&browser.open("/auth/account").expect(200).text());
    let save = |name: &str, email: &str| {
        let fields = form.filled(&[("name", name), ("email", email)]);
        let post = gateway.post("/auth/account").header("Origin", &browser.origin()).form(&fields);
        let saved = browser.send(post).expect(303);
        browser.open(saved.field("location").unwrap()).expect(200).text()
    };
    let page = save("Ann", "ann@example.net");
    assert!(page.contains("Follow the link that we sent") && page.contains("value=\"ann@example.com\""), "{page}");
    assert!(!page.contains("Saved."), "{page}");
    assert!(save("Ann B.", "ann@example.com").contains("Saved."));
}

#[test]
fn the_address_of_before_is_told_of_a_new_one_without_a_link() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).set("pages", "languages", "[\"en\", \"fr\"]").start();
    let ann = gateway.person("ann", &register(&gateway, "ann").expect(201));
    let patch = gateway.call("PATCH", "/auth/me").header("Accept-Language", "fr").bearer(&ann.access);
    patch.json(&json!({ "email": "thief@example.net" })).send().expect(200);
    let letter = mailbox.letter("ann@example.com", 0);
    let subject = letter["headers"]["subject"].as_str().unwrap();
    assert!(subject.starts_with("Une autre adresse e-mail pour votre compte"), "{subject}");
    let text = letter["text"].as_str().unwrap();
    assert!(text.contains("mot de passe") && !text.contains("/auth") && !text.contains("token"), "{text}");
    assert_eq!(mailbox.letters().len(), 1);
}

#[test]
fn a_new_password_stops_the_address_that_a_thief_asked_for() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).set("accounts", "verify_email", "true").start();
    register(&gateway, "ann").expect(202);
    verify(&gateway, &mailbox.token("ann@example.com", 0)).expect(204);
    let ann = gateway.person("ann", &gateway.log_in("ann", "a-first-password-1").expect(200));
    let patch = gateway.call("PATCH", "/auth/me").bearer(&ann.access).json(&json!({ "email": "thief@example.net" }));
    patch.send().expect(200);
    let theirs = mailbox.token("thief@example.net", 0);
    assert!(mailbox.letter("ann@example.com", 1)["text"].as_str().unwrap().contains("change your password"));
    let body = json!({ "current_password": "a-first-password-1", "new_password": NEW });
    gateway.post("/auth/password").bearer(&ann.access).json(&body).send().expect(204);
    verify(&gateway, &theirs).refused(400, "invalid_token");
    let now = gateway.log_in("ann", NEW).expect(200).json();
    assert_eq!(now["user"]["email"], "ann@example.com");
}

/// Each change of an address is told to the one of before: five an hour for one mailbox, whoever has them sent and by what.
#[test]
fn nobody_has_a_mailbox_filled_by_taking_its_address_and_leaving_it() {
    let Some(mailbox) = Mailbox::start() else { return };
    let gateway = with_mail(&mailbox).start();
    register(&gateway, "ann").expect(201);
    let change = |email: &str| {
        let ann = gateway.person("ann", &gateway.log_in("ann", "a-first-password-1").expect(200));
        gateway.call("PATCH", "/auth/me").bearer(&ann.access).json(&json!({ "email": email })).send()
    };
    for turn in 0..5 {
        change("victim@example.net").expect(200);
        change(&format!("ann-{turn}@example.com")).expect(200);
    }
    change("victim@example.net").expect(200);
    let refused = change("ann-5@example.com");
    assert!(refused.field("retry-after").is_some());
    refused.refused(429, "too_many_attempts");
    let sent = |to: &str| mailbox.letters().iter().filter(|letter| letter["to"] == json!([to])).count();
    mailbox.letter("ann-4@example.com", 0);
    assert_eq!(sent("victim@example.net"), 5);
    // A full name is nobody's address.
    let ann = gateway.person("ann", &gateway.log_in("ann", "a-first-password-1").expect(200));
    gateway.call("PATCH", "/auth/me").bearer(&ann.access).json(&json!({ "name": "Ann" })).send().expect(200);
}

/// Nobody but the session's own sign-out ends a session for any other reason than that it may be a thief's.
#[test]
fn a_session_that_others_end_takes_the_address_along_that_it_asked_for() {
    let Some(mailbox) = Mailbox::start() else { return };
    let site = with_mail(&mailbox).set("accounts", "verify_email", "true").set("tokens", "refresh_grace", "\"0s\"");
    let gateway = site.start();
    for (number, way) in ["there", "by the operator", "used twice", "by itself"].into_iter().enumerate() {
        let (name, theirs) = (format!("ann{number}"), format!("other-{number}@example.net"));
        register(&gateway, &name).expect(202);
        verify(&gateway, &mailbox.token(&format!("{name}@example.com"), 0)).expect(204);
        let sign_in = || gateway.person(&name, &gateway.log_in(&name, "a-first-password-1").expect(200));
        let (owner, other) = (sign_in(), sign_in());
        let patch = gateway.call("PATCH", "/auth/me").bearer(&other.access).json(&json!({ "email": theirs }));
        patch.send().expect(200);
        let token = mailbox.token(&theirs, 0);
        let sessions = gateway.get("/auth/sessions").bearer(&other.access).send().expect(200).json();
        let there = sessions["items"].as_array().unwrap().iter().find(|item| item["current"] == true).unwrap();
        let there = there["id"].as_str().unwrap();
        match way {
            "there" => {
                gateway.call("DELETE", &format!("/auth/sessions/{there}")).bearer(&owner.access).send().expect(204);
            }
            "by the operator" => {
                let args = ["session", "end", there];
                crate::support::authgate(gateway.folder(), gateway.site().variables(), &args).expect(0);
            }
            "used twice" => {
                gateway.refresh(&other.refresh).expect(200);
                gateway.refresh(&other.refresh).refused(401, "refresh_token_reused");
            }
            _ => {
                gateway.log_out(&other.access).expect(204);
                verify(&gateway, &token).expect(204);
                continue;
            }
        }
        verify(&gateway, &token).refused(400, "invalid_token");
        assert_eq!(sign_in().id, owner.id);
    }
}

/// What tells one answer from another, the time and the id left out.
fn plain(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let varies = ["date", "x-request-id"];
    let fields = answer.head.fields.iter().filter(|(name, _)| !varies.contains(&name.to_ascii_lowercase().as_str()));
    (answer.status, fields.cloned().collect(), answer.text())
}
