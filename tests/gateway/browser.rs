//! Pages in a real browser, judged by axe-core too. `scripts/browser` brings both; `tests/browser` holds the scenes.
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::client::password_of;
use crate::support::{Gateway, Mailbox, Reply, SOON, Site, Upstream, accept_of, authgate, shipped, until};

#[test]
fn refusals_are_pages_that_everybody_can_read() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream)
        .route("prefix = \"/gone\"\nupstream = \"http://127.0.0.1:1\"\nauth = \"none\"")
        .start();
    let elsewhere = Site::fixture(&upstream).set("server", "public_url", "\"http://app.example.com\"").start();
    play("refusals", &json!({ "url": address(&gateway), "gone": "/gone/x", "elsewhere": address(&elsewhere) }));
}

#[test]
fn somebody_signs_up_comes_back_looks_after_the_account_and_signs_out_elsewhere() {
    let gateway = house();
    play("people", &json!({ "url": address(&gateway) }));
    gateway.is_alive();
}

#[test]
fn neither_scripts_nor_a_mouse_are_needed() {
    let gateway = house();
    play("plain", &json!({ "url": address(&gateway) }));
    gateway.is_alive();
}

#[test]
fn an_address_is_confirmed_and_a_password_replaced_by_the_links_of_mails() {
    let Some(mailbox) = Mailbox::start() else { return };
    let site = site_with_pages().set("mail", "url", &mailbox.url()).set("accounts", "verify_email", "true");
    let gateway = site.start();
    play("mail", &json!({ "url": address(&gateway), "mails": mailbox.path() }));
    gateway.leaks_nothing();
}

#[test]
fn every_page_fits_from_right_to_left_and_with_long_words() {
    let upstream = backend();
    let vault = format!("prefix = \"/vault\"\nupstream = \"{}\"\nmfa = true", upstream.url());
    let gateway = Site::fixture(&upstream).route(&vault).start();
    play("languages", &json!({ "url": address(&gateway) }));
    gateway.is_alive();
}

#[test]
fn a_second_factor_is_added_on_the_account_page_and_asked_for_at_the_next_sign_in() {
    let gateway = house();
    play("factor", &json!({ "url": address(&gateway) }));
    gateway.is_alive();
}

#[test]
fn a_page_that_leads_on_to_another_site_is_followed_after_the_form_was_sent() {
    let other = Upstream::answering(|_| {
        Reply::new("200 OK", "Content-Type: text/html; charset=utf-8\r\n", "<!doctype html><title>x</title>elsewhere")
    });
    let elsewhere = format!("{}/there", other.url());
    let there = elsewhere.clone();
    let upstream = Upstream::answering(move |_| Reply::new("302 Found", &format!("Location: {there}\r\n"), ""));
    let gateway = Site::fixture(&upstream).start();
    gateway.register("alice");
    let told = json!({ "url": address(&gateway), "elsewhere": elsewhere, "password": password_of("alice") });
    play("onwards", &told);
}

#[test]
fn a_pages_websocket_goes_over_its_http_2_connection_and_ends_with_the_session() {
    let upstream = Upstream::talking(|wire| {
        while let Some(head) = wire.head() {
            let Some(key) = head.field("sec-websocket-key") else {
                let html = format!("<!doctype html><p>{} at /app/x</p>", head.field("x-user-name").unwrap_or("nobody"));
                wire.send(Reply::new("200 OK", "Content-Type: text/html; charset=utf-8\r\n", html).bytes);
                continue;
            };
            let accept = accept_of(key);
            wire.send(format!(
                "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            ));
            wire.send(b"\x81\x05hello");
            // Two bytes of head, four of mask, and "there".
            assert_eq!(wire.exactly(11).len(), 11);
            wire.send(b"\x81\x05heard");
        }
    });
    let gateway = Site::fixture(&upstream)
        .set("tls", "cert", &format!("\"{}\"", shipped("site.pem").display()))
        .set("tls", "key", &format!("\"{}\"", shipped("site.key").display()))
        .start();
    play("socket", &json!({ "url": format!("https://127.0.0.1:{}", gateway.port) }));
    if gateway.log_text().contains("/app/x") {
        until("its line in the log", SOON, || gateway.log_text().contains("/app/socket"));
        let log = gateway.log_text();
        let way = log.lines().find(|line| line.contains("/app/socket")).unwrap();
        assert!(way.contains("\"method\":\"CONNECT\"") && way.contains("\"status\":200"), "{way}");
    }
}

#[test]
fn a_passkey_is_added_signs_in_alone_or_in_place_of_a_code_and_not_after_it_is_removed() {
    let upstream = backend();
    let vault = format!("prefix = \"/vault\"\nupstream = \"{}\"\nmfa = true", upstream.url());
    let gateway = Site::fixture(&upstream).route(&vault).start();
    if !play("passkey", &json!({ "url": address(&gateway) })) {
        return;
    }
    let user = |args: &[&str]| authgate(gateway.folder(), gateway.site().variables(), &[&["user"], args].concat());
    let passkeys = || user(&["show", "carol", "--json"]).expect(0).json()["passkeys"].clone();
    assert_eq!(passkeys(), 1);
    assert!(user(&["show", "ann"]).expect(0).out.contains("recovery codes left: 10"));
    user(&["mfa-reset", "carol"]).expect(0);
    assert_eq!(passkeys(), 0);
    user(&["mfa-reset", "carol"]).expect(1);
    gateway.is_alive();
}

/// Makes the pictures anew: `cargo nextest run --run-ignored only write_the_pictures`.
#[test]
#[ignore = "writes files"]
fn write_the_pictures() {
    let gateway = site_with_pages().set("server", "public_url", "\"http://app.localhost\"").start();
    let folder = root().join("docs/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    let flag = format!("--host-resolver-rules=MAP app.localhost:80 127.0.0.1:{}", gateway.port);
    play("pictures", &json!({ "url": "http://app.localhost", "folder": folder, "flags": [flag] }));
}

/// A backend with pages, behind the gateway as people reach it.
fn house() -> Gateway {
    site_with_pages().start()
}

fn site_with_pages() -> Site {
    Site::fixture(&backend())
}

fn backend() -> Upstream {
    Upstream::answering(|seen| {
        let who = seen.field("x-user-name").unwrap_or("nobody");
        let html = format!("<!doctype html><title>App</title><p>{who} at {}</p>", seen.target);
        Reply::new("200 OK", "Content-Type: text/html; charset=utf-8\r\n", html)
    })
}

/// Plays a scene. Where there is no browser nothing is played, and said loudly.
#[track_caller]
fn play(scene: &str, told: &Value) -> bool {
    if !Command::new(root().join("scripts/browser")).status().is_ok_and(|status| status.success()) {
        eprintln!("!! SKIPPED: no browser could be installed, so {scene} was not played");
        return false;
    }
    let mut node = Command::new("node");
    node.arg(root().join("tests/browser/play.mjs")).arg(root().join("target/browser")).arg(scene).arg(told.to_string());
    let output = node.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out == "ok\n", "{scene}:\n{out}\n{err}");
    true
}

/// Where the gateway says it is.
fn address(gateway: &Gateway) -> String {
    format!("http://localhost:{}", gateway.port)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
