//! Six secrets and more are planted in a real run with every error provoked; then all that the process says is searched for them.
use std::fs;

use serde_json::{Value, json};

use crate::support::client::password_of;
use crate::support::site::TEST_SECRET;
use crate::support::{Answer, Browser, Gateway, SOON, Site, Upstream, authgate, until};

const MAIL_PASSWORD: &str = "mail-Wacholder-4711-planted";
const REDIS_PASSWORD: &str = "redis-Holunder-4712-planted";

/// What was said in answers that hand nothing out.
#[derive(Debug, Default)]
struct Heard(Vec<String>);

impl Heard {
    fn answer(&mut self, answer: &Answer) {
        let fields: Vec<_> = answer.head.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        self.0.push(format!("{} {} {}", answer.head.first, fields.join(" "), answer.text()));
    }
}

#[test]
fn no_planted_secret_is_found_in_logs_metrics_answers_settings_or_the_process() {
    let gateway = house(&Upstream::start());
    let alice = gateway.register("alice");
    let email = json!({ "email": "alice@example.com" }).to_string();
    gateway.call("PATCH", "/auth/me").bearer(&alice.access).body("application/json", &email).send().expect(200);
    let alice = gateway.sign_in("alice");
    let browser = Browser::new(&gateway);
    browser.sign_in("alice", "/pub/x");
    let cookie = browser.cookie("authgate").unwrap();
    let args = ["token", "create", "-c", "gateway.toml", "--name", "m", "--scope", "introspect", "--expires", "1d"];
    let machine = authgate(gateway.folder(), gateway.site().variables(), &args).expect(0).out.trim().to_owned();
    assert!(machine.starts_with("ags_"));
    let password = password_of("alice");
    let planted = [
        TEST_SECRET,
        MAIL_PASSWORD,
        REDIS_PASSWORD,
        password.as_str(),
        &alice.access,
        &alice.refresh,
        &cookie,
        machine.as_str(),
    ];

    let mut heard = Heard::default();
    in_every_wrong_place(&gateway, &planted, &mut heard);
    with_what_is_right(&gateway, [&alice.access, &alice.refresh, &cookie, &machine], &mut heard);
    commands(&gateway, &mut heard);
    heard.0.push(gateway.admin("GET", "/metrics").send().expect(200).text());
    heard.0.push(fs::read_to_string(format!("/proc/{}/cmdline", gateway.process())).unwrap());
    // A reload reads every secret again; of the mail server and of Redis, which are not there, the log tells.
    gateway.signal("HUP");
    until("the log tells of mail and Redis", SOON, || {
        let log = gateway.log_text();
        log.contains("did not take a mail") && log.contains("does not answer")
    });
    gateway.is_alive();
    heard.0.push(gateway.log_text());

    for secret in planted {
        // Its end says enough: of a token that is the signature.
        let needle = &secret[secret.len().saturating_sub(20)..];
        for text in &heard.0 {
            if let Some(at) = text.find(needle) {
                let from = text.floor_char_boundary(at.saturating_sub(200));
                panic!("a secret that begins with {secret:.8} stands behind {}", &text[from..at]);
            }
        }
    }
}

#[test]
fn the_process_leaves_no_core() {
    let mut gateway = Gateway::start(&Upstream::start());
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.process())).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{cores}");
    // The kernel gives what may not be dumped to root.
    let owner =
        std::os::unix::fs::MetadataExt::uid(&fs::metadata(format!("/proc/{}/environ", gateway.process())).unwrap());
    assert_eq!(owner, 0);
    gateway.signal("QUIT");
    gateway.wait_for_end();
    let left: Vec<_> = fs::read_dir(gateway.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("core")), "{left:?}");
}

/// Keys, passwords and a database that is away, all of it written down at the finest level.
fn house(upstream: &Upstream) -> Gateway {
    Site::shared_secret(upstream)
        .set("log", "level", "\"trace\"")
        .set("mail", "url", "\"smtp://authgate@127.0.0.1:1\"")
        .set("mail", "password", "\"${MAIL_WORD}\"")
        .env("MAIL_WORD", MAIL_PASSWORD)
        .set("store", "shared", "\"redis://gw:${REDIS_WORD}@127.0.0.1:1/0\"")
        .env("REDIS_WORD", REDIS_PASSWORD)
        .start()
}

/// Each secret where it does not belong.
fn in_every_wrong_place(gateway: &Gateway, planted: &[&str], heard: &mut Heard) {
    for secret in planted {
        for path in ["/app/x", "/auth/me", "/auth/openapi.json", "/auth/nothing", "/.well-known/jwks.json"] {
            heard.answer(&gateway.get(path).bearer(&format!("{secret}x")).send());
            heard.answer(&gateway.get(&format!("{path}?access_token={secret}")).send());
            heard.answer(&gateway.get(path).header("cookie", &format!("authgate={secret}x")).send());
            heard.answer(&gateway.get(path).header("authorization", &format!("Basic {secret}")).send());
        }
        for path in ENDPOINTS {
            let odd = json!({ "password": secret, "token": secret, "refresh_token": [secret], "unknown": secret });
            let wrong = json!({
                "username": secret, "password": secret, "current_password": secret, "new_password": secret,
                "token": secret, "challenge": secret, "code": secret, "email": secret,
            });
            for body in
                [odd.to_string(), wrong.to_string(), format!("{{\"password\":\"{secret}"), format!("[\"{secret}\"]")]
            {
                heard.answer(&gateway.post(path).body("application/json", &body).send());
                heard.answer(&gateway.post(path).body("text/plain", &body).send());
            }
            heard.answer(
                &gateway.post(path).form(&format!("token={secret}x&grant_type={secret}&password={secret}")).send(),
            );
            heard.answer(&gateway.post(path).form(&format!("password={secret}&password={secret}")).send());
        }
        heard.answer(&gateway.log_in("alice", &format!("{secret}x")));
        heard.answer(&gateway.refresh(&format!("{secret}x")));
    }
    heard.answer(&gateway.post("/auth/password/forgot").json(&json!({ "email": "alice@example.com" })).send());
}

const ENDPOINTS: [&str; 9] = [
    "/auth/register",
    "/auth/token",
    "/auth/logout",
    "/auth/password/forgot",
    "/auth/password/reset",
    "/auth/verify-email",
    "/auth/mfa",
    "/auth/passkeys/login/finish",
    "/auth/introspect",
];

/// Each secret where it belongs, in requests whose answers hand nothing out.
fn with_what_is_right(gateway: &Gateway, [access, refresh, cookie, machine]: [&str; 4], heard: &mut Heard) {
    for path in ["/app/x", "/app/admin/x", "/auth/me", "/auth/sessions", "/auth/mfa", "/auth/passkeys", "/auth/verify"]
    {
        heard.answer(&gateway.get(path).bearer(access).send());
        heard.answer(&gateway.get(path).header("cookie", &format!("authgate={cookie}")).send());
    }
    let about = |token: &str| gateway.post("/auth/introspect").bearer(machine).form(&format!("token={token}")).send();
    heard.answer(&about(access).expect(200));
    heard.answer(&about(refresh).expect(200));
    heard.answer(&about(machine));
    let told = json!({ "new_password": "another-long-one-4713", "current_password": "wrong one" });
    heard.answer(&gateway.post("/auth/password").bearer(access).json(&told).send());
    heard.answer(&gateway.log_out(access));
    heard.answer(&gateway.refresh(refresh));
    heard.answer(&gateway.get("/app/x").bearer(access).send().refused(401, "session_ended"));
}

fn commands(gateway: &Gateway, heard: &mut Heard) {
    let said: [&[&str]; 6] = [
        &["check", "gateway.toml", "--show", "--format", "json"],
        &["check", "gateway.toml", "--show"],
        &["explain", "-c", "gateway.toml", "GET", "/app/x", "--user", "alice", "--json"],
        &["user", "list", "-c", "gateway.toml", "--json"],
        &["token", "list", "-c", "gateway.toml", "--json"],
        &["keys", "list", "-c", "gateway.toml", "--json"],
    ];
    for args in said {
        let ran = authgate(gateway.folder(), gateway.site().variables(), args);
        assert!(!ran.out.is_empty() || !ran.err.is_empty(), "{args:?} says nothing");
        if args.contains(&"json") {
            assert!(serde_json::from_str::<Value>(&ran.out).is_ok(), "{args:?}: {} {}", ran.out, ran.err);
        }
        heard.0.extend([ran.out, ran.err]);
    }
}
