//! What pages send of passkeys, as far as no device is needed; `tests/browser/passkey.mjs` has one.
use serde_json::json;

use crate::support::browser::Form;
use crate::support::{Browser, Site, Upstream};

const FINISH: &str = "/auth/passkeys/login/finish";
const ONE: &str = "/auth/passkeys/01M00000000000000000000000";

#[test]
fn a_passkey_that_is_not_good_is_said_on_the_page_in_the_readers_language_and_the_way_back_is_kept() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let browser = Browser::new(&gateway);
    let page = browser.open("/auth/login?return_to=/app/x%3Fa").expect(200);
    let form = Form::of(&page.text());
    for credential in ["", "x", "[]", "{\"rawId\":\"eA\",\"response\":{}}", &known_by_nobody()] {
        let sent = form.filled(&[("credential", credential)]);
        let call = browser.fetch("POST", FINISH).header("Accept-Language", "de").form(&sent);
        let text = browser.send(call).expect(401).text();
        assert!(text.contains("Dieser Passkey gilt hier nicht."), "{text}");
        assert!(text.contains("name=\"return_to\" value=\"/app/x?a\"") && text.contains("lang=\"de\""), "{text}");
    }
    // After the password, with a challenge that is none.
    let half = form.filled(&[("credential", "x"), ("challenge", "agc_x"), ("passkey", "yes")]);
    let text = browser.send(browser.fetch("POST", FINISH).form(&half)).expect(401).text();
    assert!(text.contains("name=\"challenge\" value=\"agc_x\"") && text.contains("return_to"), "{text}");
    assert!(browser.cookie("authgate").is_none());
    gateway.leaks_nothing();
}

/// Well-formed, and for a challenge that was never made.
fn known_by_nobody() -> String {
    let client = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoieCIsIm9yaWdpbiI6IngifQ";
    let response =
        json!({ "clientDataJSON": client, "authenticatorData": "eA", "signature": "eA", "userHandle": "eA" });
    json!({ "rawId": "eA", "response": response }).to_string()
}

#[test]
fn forms_about_passkeys_need_their_token_and_somebody_who_is_signed_in() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    let fresh = Browser::new(&gateway);
    let bare = fresh.send(fresh.fetch("POST", FINISH).form("credential=x")).expect(403).text();
    assert!(bare.contains("Allow cookies"), "{bare}");
    let account = browser.open("/auth/account").expect(200);
    let good = Form::of(&account.text());
    for (path, name) in [(ONE, "remove"), (ONE, "name"), ("/auth/passkeys/register/finish", "credential")] {
        browser.send(browser.fetch("POST", path).form(&format!("{name}=x"))).refused(403, "bad_form");
        let led = fresh.send(fresh.fetch("POST", path).form(&good.filled(&[(name, "x")]))).expect(303);
        assert_eq!(led.field("location"), Some("/auth/login?return_to=/auth/account"));
        let foreign = browser.fetch("POST", path).header("Origin", "https://evil.example");
        browser.send(foreign.form(&good.filled(&[(name, "x")]))).expect(403);
    }
    // One that is gone in another tab is gone; a name must be one.
    let gone = browser.send(browser.fetch("POST", ONE).form(&good.filled(&[("remove", "yes")]))).expect(303);
    assert_eq!(gone.field("location"), Some("/auth/account?done=passkeys"));
    let sent = good.filled(&[("name", &"x".repeat(65))]);
    browser.send(browser.fetch("POST", ONE).form(&sent)).expect(422);
    let refused = browser.fetch("POST", "/auth/passkeys/register/finish").form(&good.filled(&[("credential", "x")]));
    let text = browser.send(refused).expect(400).text();
    assert!(text.contains("The passkey was not taken.") && text.contains("Add a passkey"), "{text}");
}

#[test]
fn a_program_changes_a_passkey_by_its_own_methods_and_pages_that_are_off_take_no_form() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let alice = gateway.register("alice");
    gateway.post(ONE).bearer(&alice.access).send().refused(415, "unsupported_media_type");
    gateway.post(ONE).bearer(&alice.access).json(&json!({})).send().refused(415, "unsupported_media_type");
    gateway.call("DELETE", ONE).bearer(&alice.access).send().refused(404, "no_route");
    let off = Site::fixture(&Upstream::start()).set("pages", "enabled", "false").start();
    let bob = off.register("bob");
    for path in [FINISH, "/auth/passkeys/register/finish", ONE] {
        off.post(path).bearer(&bob.access).form("credential=x").send().refused(415, "unsupported_media_type");
    }
}
