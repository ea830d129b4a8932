//! A second factor: codes of a real program (pyotp), recovery codes, and routes that ask for it.
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Browser, Gateway, Mint, Person, Site, Upstream, authgate, python_program, until};

/// A program that has the key and a clock.
struct Device {
    python: PathBuf,
    uri: String,
}

impl Device {
    /// The code of now, or of so many seconds later.
    fn code(&self, later: u32) -> String {
        let program = "import pyotp,sys,time; print(pyotp.parse_uri(sys.argv[1]).at(time.time()+int(sys.argv[2])))";
        let output = Command::new(&self.python).args(["-c", program, &self.uri, &later.to_string()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// Adds a second factor; the codes of now are used up by that.
fn enrol(gateway: &Gateway, person: &Person) -> Option<(Device, Vec<String>)> {
    let python = python_program("python", "pyotp==2.9.0")?;
    let made = gateway.post("/auth/mfa/totp").bearer(&person.access).send().expect(200).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let device = Device { python, uri: text("uri") };
    assert!(text("qr_svg").contains("<svg") && device.uri.contains(&text("secret")), "{made}");
    gateway.keep_secret(&text("secret"));
    confirm(gateway, person, "abcdef").refused(401, "invalid_code");
    let codes = confirm(gateway, person, &device.code(0)).expect(200).json();
    let codes: Vec<_> =
        codes["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    codes.iter().for_each(|code| gateway.keep_secret(code));
    Some((device, codes))
}

fn confirm(gateway: &Gateway, person: &Person, code: &str) -> Answer {
    gateway.post("/auth/mfa/totp/confirm").bearer(&person.access).json(&json!({ "code": code })).send()
}

fn challenge(gateway: &Gateway, person: &Person) -> String {
    let answer = gateway.log_in("alice", &person.password).refused(401, "mfa_required");
    let body = answer.json();
    assert_eq!(body["methods"], json!(["totp", "recovery_code"]));
    let challenge = body["challenge"].as_str().unwrap().to_owned();
    gateway.keep_secret(&challenge);
    challenge
}

fn show(gateway: &Gateway, challenge: &str, code: &str) -> Answer {
    gateway.post("/auth/mfa").json(&json!({ "challenge": challenge, "code": code })).send()
}

fn amr(access: &str) -> Value {
    Mint::of(access).claims["amr"].clone()
}

#[test]
fn a_second_factor_is_added_asked_for_and_taken_away() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let Some((device, codes)) = enrol(&gateway, &alice) else { return };
    let have = gateway.get("/auth/mfa").bearer(&alice.access).send().expect(200).json();
    assert_eq!((&have["totp"], &have["recovery_codes_left"]), (&json!(true), &json!(10)));
    gateway.post("/auth/mfa/totp").bearer(&alice.access).send().refused(409, "second_factor_exists");
    gateway.log_in("alice", "not the password").refused(401, "invalid_credentials");
    let first = challenge(&gateway, &alice);
    show(&gateway, &first, "123").refused(401, "invalid_code");
    let next = device.code(30);
    let signed_in = gateway.person("alice", &show(&gateway, &first, &next).expect(200));
    assert_eq!(amr(&signed_in.access), json!(["pwd", "otp", "mfa"]));
    let renewed = gateway.person("alice", &gateway.refresh(&signed_in.refresh).expect(200));
    assert_eq!(amr(&renewed.access), json!(["pwd", "otp", "mfa"]), "kept by refreshing");
    show(&gateway, &first, &next).refused(401, "invalid_challenge");
    let second = challenge(&gateway, &alice);
    show(&gateway, &second, &next).refused(401, "invalid_code");
    show(&gateway, &second, &codes[0].to_lowercase()).expect(200);
    let third = challenge(&gateway, &alice);
    show(&gateway, &third, &codes[0]).refused(401, "invalid_code");
    // The password grant takes the code along.
    let grant = format!("grant_type=password&username=alice&password={}", alice.password);
    let refused = gateway.post("/auth/token").form(&grant).send().expect(400).json();
    assert_eq!(refused["error"], "invalid_grant");
    assert!(refused["error_description"].as_str().unwrap().contains("second factor"));
    gateway.post("/auth/token").form(&format!("{grant}&code={}", codes[1])).send().expect(200);
    gateway.post("/auth/token").form(&format!("{grant}&code={}", codes[1])).send().expect(400);
    let newer = gateway.post("/auth/mfa/recovery-codes").bearer(&renewed.access).send().expect(200).json();
    assert_eq!(newer["recovery_codes"].as_array().unwrap().len(), 10);
    show(&gateway, &third, &codes[2]).refused(401, "invalid_code");
    let remove = gateway.call("DELETE", "/auth/mfa/totp").bearer(&renewed.access);
    remove.clone().json(&json!({ "password": "not it" })).send().refused(401, "invalid_credentials");
    remove.json(&json!({ "password": alice.password })).send().expect(204);
    assert_eq!(amr(&gateway.sign_in("alice").access), json!(["pwd"]));
    gateway.leaks_nothing();
}

#[test]
fn a_route_may_ask_for_a_second_factor() {
    let upstream = Upstream::start();
    let route = format!("prefix = \"/vault\"\nupstream = \"{}\"\nmfa = true", upstream.url());
    let gateway = Site::shared_secret(&upstream).route(&route).start();
    let alice = gateway.register("alice");
    let mint = Mint::of(&alice.access);
    for (methods, good) in [
        (json!(["pwd"]), false),
        (json!([]), false),
        (Value::Null, false),
        (json!(["pwd", "otpx"]), false),
        (json!(["pwd", "otp"]), true),
        (json!(["hwk"]), true),
        (json!(["mfa"]), true),
    ] {
        let answer = gateway.get("/vault/x").bearer(&mint.claim("amr", methods)).send();
        if good {
            answer.expect(200);
            continue;
        }
        let asks = answer.field("www-authenticate").unwrap().to_owned();
        assert!(asks.contains("insufficient_user_authentication") && asks.contains("acr_values=\"mfa\""), "{asks}");
        answer.refused(401, "login_without_mfa");
    }
    gateway.get("/vault/x").bearer(&mint.claim("amr", json!("otp"))).send().refused(401, "token_invalid");
    gateway.get("/vault/x").send().refused(401, "login_required");
    gateway.stands(&upstream);
    // Whoever adds a second factor has shown it: a refresh is enough.
    if enrol(&gateway, &alice).is_some() {
        gateway.get("/vault/x").bearer(&alice.access).send().refused(401, "login_without_mfa");
        let renewed = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
        gateway.get("/vault/x").bearer(&renewed.access).send().expect(200);
    }
}

#[test]
fn the_second_half_of_a_sign_in_sets_the_cookies_that_the_first_would_have_set() {
    let site = Site::shared_secret(&Upstream::start()).set("tokens", "format", "\"flask-jwt-extended\"");
    let gateway = site.set("tokens", "locations", "[\"header\", \"cookie\"]").start();
    let alice = gateway.register("alice");
    let python = python_program("python", "pyotp==2.9.0");
    let Some(python) = python else { return };
    let made = gateway.post("/auth/mfa/totp").bearer(&alice.access).send().expect(200).json();
    let device = Device { python, uri: made["uri"].as_str().unwrap().to_owned() };
    confirm(&gateway, &alice, &device.code(0)).expect(200);
    let half = gateway.log_in("alice", &alice.password).expect(401);
    assert!(half.head.all("set-cookie").is_empty());
    let challenge = half.json()["challenge"].as_str().unwrap_or_else(|| panic!("{}", half.text())).to_owned();
    let whole = show(&gateway, &challenge, &device.code(30)).expect(200);
    let set = whole.head.all("set-cookie");
    let cookie = |name: &str| {
        let found = set.iter().find_map(|line| line.strip_prefix(&format!("{name}=")));
        found.unwrap_or_else(|| panic!("no {name} in {set:?}")).split(';').next().unwrap().to_owned()
    };
    for name in ["refresh_token_cookie", "csrf_access_token", "csrf_refresh_token"] {
        assert!(!cookie(name).is_empty());
    }
    let shown = format!("access_token_cookie={}", cookie("access_token_cookie"));
    gateway.get("/app/x").header("Cookie", &shown).send().expect(200);
}

#[test]
fn a_browser_is_asked_for_the_code_and_comes_back_to_the_page_first_asked_for() {
    let upstream = Upstream::start();
    let route = format!("prefix = \"/vault\"\nupstream = \"{}\"\nmfa = true", upstream.url());
    let gateway = Site::fixture(&upstream).route(&route).start();
    let alice = gateway.register("alice");
    let Some((_, codes)) = enrol(&gateway, &alice) else { return };
    let browser = Browser::new(&gateway);
    let (_, page) = browser.follow("/vault/a?b=c");
    let asked = browser.submit(&page, &[("username", "alice"), ("password", &alice.password)]).expect(200);
    assert!(asked.text().contains("one-time-code") && browser.cookie("authgate").is_none(), "{}", asked.text());
    let again = browser.submit(&asked, &[("code", "12345")]).expect(401);
    let answer = browser.submit(&again, &[("code", &codes[0])]).expect(303);
    assert_eq!(answer.field("location"), Some("/vault/a?b=c"));
    browser.open("/vault/a?b=c").expect(200);
    let stale = browser.submit(&asked, &[("code", &codes[1])]).expect(401);
    assert!(stale.text().contains("current-password"), "begins again: {}", stale.text());
    gateway.leaks_nothing();
}

#[test]
fn the_key_is_encrypted_in_the_store_and_the_operator_can_take_it_away() {
    let site = Site::fixture(&Upstream::start()).set("keys", "encrypt_with", "\"${STORE_KEY}\"");
    let gateway = site.env("STORE_KEY", "Vq3x8Zt1Lr6Yb0Nw5Kd9Hs2Jf7Gc4MpTu").start();
    let alice = gateway.register("alice");
    let Some((device, _)) = enrol(&gateway, &alice) else { return };
    let key = device.uri.split_once("secret=").unwrap().1.split('&').next().unwrap().to_owned();
    let raw = base32(&key);
    assert_eq!(raw.len(), 20);
    for name in ["authgate.db", "authgate.db-wal"] {
        let bytes = std::fs::read(gateway.folder().join(name)).unwrap();
        assert!(!bytes.windows(raw.len()).any(|window| window == raw), "the key is in {name}");
    }
    let good = challenge(&gateway, &alice);
    show(&gateway, &good, &device.code(30)).expect(200);
    authgate(gateway.folder(), gateway.site().variables(), &["user", "mfa-reset", "alice"]).expect(0);
    authgate(gateway.folder(), gateway.site().variables(), &["user", "mfa-reset", "alice"]).expect(1);
    gateway.sign_in("alice");
}

#[test]
fn a_browser_that_adds_a_second_factor_is_let_in_where_it_was_missing() {
    let upstream = Upstream::start();
    let vault = format!("prefix = \"/vault\"\nupstream = \"{}\"\nmfa = true", upstream.url());
    let gateway = Site::fixture(&upstream).route(&vault).start();
    let browser = Browser::signed_in(&gateway);
    let page = browser.open("/vault/x").expect(401).text();
    assert!(
        page.contains("login_without_mfa") && page.contains("/auth/login?prompt=login&amp;return_to=/vault/x"),
        "{page}"
    );
    assert!(page.contains("href=\"/auth/account\"") && page.contains("alice"), "{page}");
    let Some(python) = python_program("python", "pyotp==2.9.0") else { return };
    let made = browser.send(browser.fetch("POST", "/auth/mfa/totp")).expect(200).json();
    let device = Device { python, uri: made["uri"].as_str().unwrap().to_owned() };
    gateway.keep_secret(made["secret"].as_str().unwrap());
    let confirm = browser.fetch("POST", "/auth/mfa/totp/confirm").json(&json!({ "code": device.code(0) }));
    browser.send(confirm).expect(200);
    until("the vault is open", Duration::from_secs(1), || browser.open("/vault/x").status == 200);
    gateway.leaks_nothing();
}

fn base32(text: &str) -> Vec<u8> {
    let (mut bits, mut many, mut out) = (0_u64, 0, Vec::new());
    for letter in text.bytes() {
        let value = if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 };
        bits = (bits << 5 | u64::from(value)) & 0xffff;
        many += 5;
        if many >= 8 {
            many -= 8;
            out.push((bits >> many & 0xff) as u8);
        }
    }
    out
}
