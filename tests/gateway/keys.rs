//! Signing keys: whose they are, how they take turns, and what is refused.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::gateway::command;
use crate::support::mint::part;
use crate::support::{A_BUSY_SECOND, Gateway, Ran, SOON, Site, Upstream, authgate, authgate_with_input, until};

/// Another gateway's secret: protects nothing.
const SEAL: &str = "kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6aXw9";

#[test]
fn a_rotation_is_in_force_within_a_second_and_signs_nobody_out() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let before = gateway.register("alice");
    let begun = Instant::now();
    let made = keys(&gateway, &["rotate", "--json"]).expect(0).json()["kid"].as_str().unwrap().to_owned();
    assert_ne!(made, signer(&before.access));
    until("the new key is shown", SOON, || shown(&gateway).contains(&made));
    until("the new key signs", SOON, || signer(&gateway.sign_in("alice").access) == made);
    assert!(begun.elapsed() < A_BUSY_SECOND, "took {:?}, two starts of a command included", begun.elapsed());
    gateway.get("/app").bearer(&before.access).send().expect(200);
    assert_eq!(shown(&gateway).len(), 2);
    let listed = keys(&gateway, &["list"]).expect(0).out;
    assert!(listed.contains("signs") && listed.contains("believed until"), "{listed}");
    until("the change is written down", SOON, || gateway.log_text().contains("keys_changed"));
    gateway.stands(&upstream);
}

#[test]
fn a_new_key_can_be_shown_before_it_signs() {
    let gateway = Gateway::start(&Upstream::start());
    let before = signer(&gateway.register("alice").access);
    let made = keys(&gateway, &["rotate", "--publish-first", "--json"]).expect(0).json();
    let made = made["kid"].as_str().unwrap();
    until("the new key is shown", SOON, || shown(&gateway).iter().any(|kid| kid == made));
    assert_eq!(signer(&gateway.sign_in("alice").access), before, "it does not sign yet");
    assert!(keys(&gateway, &["list"]).expect(0).out.contains("signs from"));
    // Taken back, it leaves the one that signs without an end: nobody would follow it.
    keys(&gateway, &["retire", made, "-y"]).expect(0);
    until("it is shown no more", SOON, || !shown(&gateway).iter().any(|kid| kid == made));
    let left = keys(&gateway, &["list"]).expect(0).out;
    assert!(left.contains(&before) && !left.contains("until"), "{left}");
    gateway.sign_in("alice");
}

/// As `keys retire` of the next one left it once.
#[test]
fn a_store_in_which_every_key_has_ended_gets_a_new_one_at_the_start() {
    let mut gateway = Gateway::start(&Upstream::start());
    let before = signer(&gateway.register("alice").access);
    gateway.stop();
    let end = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n\
        db.execute('UPDATE signing_keys SET believed_until = 1')\ndb.commit()\n";
    let ended = Command::new("python3").args(["-c", end]).arg(gateway.folder().join("authgate.db")).status();
    let Ok(ended) = ended else {
        eprintln!("!! SKIPPED: python3 is not installed; `scripts/prepare test` installs it");
        return;
    };
    assert!(ended.success());
    gateway.run();
    assert_ne!(signer(&gateway.sign_in("alice").access), before);
}

#[test]
fn what_a_retired_key_signed_is_refused_within_a_second() {
    let gateway = Gateway::start(&Upstream::start());
    let before = gateway.register("alice");
    let old = signer(&before.access);
    let refused = keys(&gateway, &["retire", &old, "-y"]).expect(1);
    assert!(refused.err.contains("rotate first"), "{}", refused.err);
    keys(&gateway, &["rotate"]).expect(0);
    until("the new key signs", SOON, || signer(&gateway.sign_in("alice").access) != old);
    gateway.get("/app").bearer(&before.access).send().expect(200);
    assert!(keys(&gateway, &["retire", &old]).expect(1).err.contains("nothing was changed"));
    let begun = Instant::now();
    keys(&gateway, &["retire", &old, "-y"]).expect(0);
    until("the token is refused", SOON, || gateway.get("/app").bearer(&before.access).send().status == 401);
    assert!(begun.elapsed() < A_BUSY_SECOND, "took {:?}", begun.elapsed());
    gateway.get("/app").bearer(&before.access).send().refused(401, "token_invalid");
    assert!(!shown(&gateway).contains(&old));
    // The session was not ended: its refresh token gives a token of the new key.
    gateway.refresh(&before.refresh).expect(200);
    assert!(keys(&gateway, &["retire", "nothing"]).expect(1).err.contains("there is no key"));
    assert!(keys(&gateway, &["retire", "nothing", "-y"]).expect(1).err.contains("there is no key"));
}

#[test]
fn the_key_that_signs_is_retired_as_the_help_says() {
    let gateway = Gateway::start(&Upstream::start());
    let before = gateway.register("alice");
    let help = keys(&gateway, &["retire", "--help"]).expect(0).out;
    let example = help.lines().find(|line| line.contains("keys rotate")).unwrap();
    let line = example.trim().replace("authgate keys", &format!("'{}' keys", env!("CARGO_BIN_EXE_authgate")));
    let mut shell = Command::new("sh");
    shell.args(["-ec", &line.replace("KID", &signer(&before.access))]).current_dir(gateway.folder());
    let ran = shell.envs(gateway.site().variables().iter().cloned()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    until("the token is refused", SOON, || gateway.get("/app").bearer(&before.access).send().status == 401);
}

#[test]
fn keys_change_by_themselves_and_no_token_dies_early() {
    let gateway = Site::fixture(&Upstream::start()).set("keys", "rotate_every", "\"3s\"").start();
    let first = gateway.register("alice");
    let old = signer(&first.access);
    until("a second key is shown", SOON, || shown(&gateway).len() == 2);
    let next = shown(&gateway).into_iter().find(|kid| *kid != old).unwrap();
    assert_eq!(signer(&gateway.sign_in("alice").access), old, "shown before it signs");
    until("the second key signs", SOON, || signer(&gateway.sign_in("alice").access) == next);
    gateway.get("/app").bearer(&first.access).send().expect(200);
    until("a third key signs", SOON, || ![&old, &next].contains(&&signer(&gateway.sign_in("alice").access)));
    gateway.get("/app").bearer(&first.access).send().expect(200);
}

#[test]
fn two_gateways_on_one_store_agree_on_the_next_key() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("\"sqlite:{}\"", folder.path().join("one.db").display());
    let site = || {
        Site::fixture(&upstream).set("store", "url", &url).set("keys", "rotate_every", "\"2s\"").set(
            "tokens",
            "issuer",
            "\"http://both\"",
        )
    };
    let (one, other) = (site().start(), site().start());
    one.register("alice");
    for _ in 0..12 {
        let token = one.sign_in("alice").access;
        other.get("/app").bearer(&token).send().expect(200);
        let token = other.sign_in("alice").access;
        one.get("/app").bearer(&token).send().expect(200);
        std::thread::sleep(Duration::from_millis(250));
    }
    let listed = keys(&one, &["list", "--json"]).expect(0).json();
    let waiting = listed.as_array().unwrap().iter().filter(|key| key["believed_until"].is_null()).count();
    assert_eq!(waiting, 1, "one newest key for both: {listed}");
}

#[test]
fn files_of_every_usual_form_sign_and_the_others_are_believed() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    for (algorithm, how) in [
        ("ES256", "openssl ecparam -name prime256v1 -genkey -out k.pem"),
        ("ES256", "openssl ecparam -name prime256v1 -genkey -noout -out k.pem"),
        ("ES256", "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem"),
        ("EdDSA", "openssl genpkey -algorithm ED25519 -out k.pem"),
        ("RS256", "openssl genrsa -traditional -out k.pem 2048"),
        ("PS256", "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out k.pem"),
    ] {
        shell(folder.path(), how);
        shell(folder.path(), "openssl pkey -in k.pem -pubout -out p.pem; chmod 600 k.pem");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let site = |files: &str| {
            Site::fixture(&upstream)
                .set("tokens", "algorithm", &format!("\"{algorithm}\""))
                .set("tokens", "issuer", "\"http://gw\"")
                .set("keys", "files", files)
        };
        let first = site(&format!("[\"{}\"]", path("k.pem"))).start();
        let alice = first.register("alice");
        first.get("/app").bearer(&alice.access).send().expect(200);
        let kid = signer(&alice.access);
        assert_eq!(shown(&first), std::slice::from_ref(&kid), "{how}");
        assert!(!first.log_text().contains("W310"), "{}", first.log_text());
        // Its public half alone: believed, after a newer one that signs.
        shell(folder.path(), "openssl genpkey -algorithm ED25519 -out n.pem; chmod 600 n.pem");
        let second = Site::fixture(&upstream)
            .set("tokens", "algorithm", "\"EdDSA\"")
            .set("tokens", "issuer", "\"http://gw\"")
            .set("keys", "files", &format!("[\"{}\", \"{}\"]", path("n.pem"), path("p.pem")));
        if algorithm != "PS256" {
            let second = second.start();
            second.get("/app").bearer(&alice.access).send().expect(200);
            assert_eq!(shown(&second).len(), 2);
            assert!(shown(&second).contains(&kid), "{how}");
        }
    }
}

#[test] // K04, K07
fn a_key_file_that_is_not_fit_stops_the_start_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for (how, algorithm, said) in [
        ("true", "ES256", "No such file"),
        (": > k.pem", "ES256", "holds no key in PEM form"),
        (
            "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out k.pem",
            "RS256",
            "not a private key for RS256",
        ),
        ("openssl genrsa -traditional -out k.pem 1024", "PS256", "not a private key for PS256"),
        ("openssl ecparam -name secp384r1 -genkey -noout -out k.pem", "ES256", "not a private key for ES256"),
        ("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out k.pem", "ES256", "of no kind that signs"),
        ("openssl genpkey -algorithm ED25519 -out k.pem", "ES256", "algorithm = \"EdDSA\""),
        ("openssl genpkey -algorithm ED25519 | openssl pkey -pubout -out k.pem", "EdDSA", "public key"),
        ("openssl genpkey -algorithm ED25519 | head -c 60 > k.pem", "EdDSA", "is the file whole"),
        ("openssl genrsa -traditional -aes128 -passout pass:x -out k.pem 2048", "RS256", "passphrase"),
        ("openssl genpkey -algorithm ED25519 -aes128 -pass pass:x -out k.pem", "EdDSA", "passphrase"),
        ("openssl genrsa 1024 | openssl pkey -pubout -out p.pem; openssl genrsa -out k.pem 2048", "RS256", "p.pem"),
    ] {
        drop((fs::remove_file(folder.path().join("k.pem")), fs::remove_file(folder.path().join("p.pem"))));
        shell(folder.path(), how);
        shell(folder.path(), "chmod 600 *.pem 2>/dev/null; true");
        let more = if folder.path().join("p.pem").exists() { ", \"p.pem\"" } else { "" };
        let ran =
            start(folder.path(), &format!("[tokens]\nalgorithm = \"{algorithm}\"\n[keys]\nfiles = [\"k.pem\"{more}]"));
        assert_eq!(ran.code, 78, "{how}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains("E310") && ran.err.contains(said), "{how}: {}", ran.err);
        let held = fs::read_to_string(folder.path().join("k.pem")).unwrap_or_default();
        let body = held.lines().find(|line| line.len() > 30 && !line.contains(' '));
        assert!(body.is_none_or(|body| !ran.err.contains(body)), "{}", ran.err);
    }
}

#[test] // K07
fn a_key_file_that_others_may_read_is_warned_of_loudly() {
    let folder = tempfile::tempdir().unwrap();
    shell(folder.path(), "openssl genpkey -algorithm ED25519 -out k.pem");
    let file = folder.path().join("k.pem");
    for (mode, warned) in [(0o644, true), (0o600, false), (0o640, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let text = "[tokens]\nalgorithm = \"EdDSA\"\n[keys]\nfiles = [\"k.pem\"]\n[[routes]]\nprefix = \"/\"\nupstream = \"http://127.0.0.1:9\"\n";
        fs::write(folder.path().join("gateway.toml"), text).unwrap();
        let ran = authgate(folder.path(), &[], &["check"]).expect(0);
        assert_eq!(format!("{}{}", ran.out, ran.err).contains("W310"), warned, "{mode:o}: {}{}", ran.out, ran.err);
    }
}

#[test] // K07
fn a_reload_with_a_broken_key_file_leaves_the_old_keys() {
    let folder = tempfile::tempdir().unwrap();
    shell(folder.path(), "openssl genpkey -algorithm ED25519 -out k.pem; chmod 600 k.pem");
    let path = folder.path().join("k.pem");
    let gateway = Site::fixture(&Upstream::start())
        .set("tokens", "algorithm", "\"EdDSA\"")
        .set("keys", "files", &format!("[\"{}\"]", path.display()))
        .start();
    let alice = gateway.register("alice");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..40]).unwrap();
    authgate(gateway.folder(), gateway.site().variables(), &["reload"]).expect(1);
    gateway.signal("HUP");
    until("the refusal is in the log", SOON, || gateway.log_text().contains("reload refused"));
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    gateway.sign_in("alice");
    let refused = authgate(gateway.folder(), &[], &["keys", "rotate"]).expect(1);
    assert!(refused.err.contains("E310"), "{}", refused.err);
    fs::write(&path, &whole).unwrap();
    let refused = keys(&gateway, &["rotate"]).expect(1);
    assert!(refused.err.contains("[keys] files brings the keys"), "{}", refused.err);
}

#[test]
fn private_keys_are_encrypted_in_the_store_and_open_with_the_right_secret_only() {
    let mut gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let private = keys(&gateway, &["export", "--private", &signer(&alice.access)]).expect(0).out;
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{}", &private[..20]);
    gateway.stop();
    // From now on with a secret: what was plain is sealed, and goes on being believed.
    gateway.change(|site| site.set("keys", "encrypt_with", "\"${SEAL}\"").env("SEAL", SEAL));
    gateway.run();
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    let made = keys(&gateway, &["rotate", "--json"]).expect(0).json()["kid"].as_str().unwrap().to_owned();
    until("the new key signs", SOON, || signer(&gateway.sign_in("alice").access) == made);
    let new = keys(&gateway, &["export", "--private", &made]).expect(0).out;
    gateway.stop();
    for file in fs::read_dir(gateway.folder()).unwrap() {
        let file = file.unwrap().path();
        let bytes = fs::read(&file).unwrap();
        let der = der(&new);
        assert!(!bytes.windows(der.len()).any(|window| window == der), "{} holds the private key", file.display());
    }
    for (secret, said) in
        [(Some("kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a-no"), "is not what it was encrypted with"), (None, "is not set")]
    {
        let line = secret.map_or("", |_| "[keys]\nencrypt_with = \"${SEAL}\"\n");
        let variables = secret.map(|secret| ("SEAL".to_owned(), secret.to_owned()));
        let ran = start_with(gateway.folder(), line, variables.as_slice());
        assert_eq!(ran.code, 78, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}

#[test]
fn a_key_moves_to_another_gateway_by_export_and_import() {
    let upstream = Upstream::start();
    let site = || Site::fixture(&upstream).set("tokens", "issuer", "\"http://gw\"");
    let (here, there) = (site().start(), site().start());
    let alice = here.register("alice");
    let kid = signer(&alice.access);
    there.get("/app").bearer(&alice.access).send().refused(401, "token_invalid");
    let pem = keys(&here, &["export", "--private", &kid]).expect(0).out;
    let import =
        |input: &str| authgate_with_input(there.folder(), there.site().variables(), &["keys", "import", "-"], input);
    import(&pem).expect(0);
    until("the imported key is believed", SOON, || there.get("/app").bearer(&alice.access).send().status == 200);
    there.register("bob");
    until("the imported key signs", SOON, || signer(&there.sign_in("bob").access) == kid);
    assert!(import(&pem).expect(1).err.contains("in the store already"));
    assert!(import("nothing").expect(1).err.contains("holds no key"));
    let set: Value = serde_json::from_str(&keys(&there, &["export"]).expect(0).out).unwrap();
    assert!(set["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid.as_str()));
    assert!(set["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none()));
}

#[test]
fn new_secrets_are_long_and_never_the_same_and_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let secret = || authgate(folder.path(), &[], &["keys", "new-secret"]).expect(0).out.trim().to_owned();
    let (one, other) = (secret(), secret());
    assert!(one.len() == 64 && one != other, "{one}");
    let gateway = Site::fixture(&Upstream::start())
        .set("tokens", "algorithm", "\"HS256\"")
        .set("keys", "secret", "\"${ONE}\"")
        .set("keys", "encrypt_with", "\"${OTHER}\"")
        .env("ONE", &one)
        .env("OTHER", &other)
        .start();
    let alice = gateway.register("alice");
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    assert!(keys(&gateway, &["rotate"]).expect(1).err.contains("[keys] secret signs"));
    assert_eq!(gateway.get("/.well-known/jwks.json").send().json(), json!({ "keys": [] }), "a secret is never shown");
}

#[track_caller]
fn keys(gateway: &Gateway, args: &[&str]) -> Ran {
    authgate(gateway.folder(), gateway.site().variables(), &[&["keys"], args].concat())
}

/// The names in the key set; and that it holds public keys only, and may be kept for five minutes.
#[track_caller]
fn shown(gateway: &Gateway) -> Vec<String> {
    let answer = gateway.get("/.well-known/jwks.json").send().expect(200);
    assert_eq!(answer.field("cache-control"), Some("public, max-age=300"));
    let set = answer.json();
    let keys = set["keys"].as_array().unwrap();
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{key}");
        }
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn signer(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

fn der(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

#[track_caller]
fn shell(folder: &Path, line: &str) {
    let ran = Command::new("sh").args(["-c", line]).current_dir(folder).output().unwrap();
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A start that must fail.
fn start(folder: &Path, lines: &str) -> Ran {
    start_with(folder, lines, &[])
}

fn start_with(folder: &Path, lines: &str, variables: &[(String, String)]) -> Ran {
    let route = "[[routes]]\nprefix = \"/\"\nupstream = \"http://127.0.0.1:9\"";
    let text = format!("[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n{lines}\n{route}\n");
    fs::write(folder.join("other.toml"), text).unwrap();
    let output = command(folder, variables).args(["run", "-c", "other.toml"]).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
