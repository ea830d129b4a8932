//! `authgate probe URL`: a sound deployment holds, and each hole is found.
use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::support::authority::Authority;
use crate::support::gateway::free_port;
use crate::support::{Gateway, Ran, Reply, Seen, Site, Upstream, authgate, authgate_with_input};

/// Shows every field it received.
fn echo(seen: &Seen) -> Reply {
    let fields: Vec<_> = seen.head.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    Reply::new("200 OK", "", format!("{}\n{}", seen.target, fields.concat()))
}

fn probe(gateway: &Gateway, more: &[&str]) -> Ran {
    let url = format!("http://127.0.0.1:{}", gateway.port);
    let args = [&["probe", &url, "-c", "gateway.toml", "--json"], more].concat();
    authgate(gateway.folder(), gateway.site().variables(), &args)
}

#[track_caller]
fn rows(report: &Value, outcome: &str) -> Vec<String> {
    let all = report["attempts"].as_array().unwrap().iter().filter(|row| row["outcome"] == outcome);
    all.map(|row| format!("{}: {} ({})", row["group"], row["attempt"], row["detail"])).collect()
}

#[test]
fn a_sound_deployment_holds_and_nobodys_request_reaches_what_is_protected() {
    let upstream = Upstream::answering(echo);
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    fs::write(gateway.folder().join("token"), &alice.access).unwrap();
    let ran = probe(&gateway, &["--token-file", "token"]);
    let report = ran.json();
    let open = [rows(&report, "got_in"), rows(&report, "unsure")].concat();
    assert_eq!((ran.code, open), (0, Vec::new()), "{}", ran.err);
    assert!(report["held"].as_u64().unwrap() > 150, "{}", ran.out);
    for group in ["plainly", "paths", "identity", "tokens", "forwarding"] {
        let held = rows(&report, "held").iter().any(|row| row.contains(group));
        assert!(held, "nothing was attempted in {group}:\n{}", ran.out);
    }
    let attempts = rows(&report, "held").join("\n");
    for said in ["at the backend", "role admin", "public key as PEM", "alg \\\"nOnE\\\"", "/pub/..%2fapp", "X-Real-IP"]
    {
        assert!(attempts.contains(said), "{said} is not in\n{attempts}");
    }
    // Whoever reached something protected was alice.
    for seen in upstream.seen().iter().filter(|seen| !seen.path().starts_with("/pub")) {
        assert_eq!(seen.field("x-user-name"), Some("alice"), "{seen:#?}");
    }
    assert!(!format!("{}{}", ran.out, ran.err).contains(&alice.access), "the token is not shown again");
    gateway.stands(&upstream);
}

#[test]
fn a_gateway_with_another_stacks_words_and_everything_protected_holds_too() {
    let upstream = Upstream::answering(echo);
    let site = Site::new().route(&format!("prefix = \"/\"\nupstream = \"{}\"", upstream.url()));
    for format in ["native", "flask-jwt-extended", "simplejwt"] {
        let site = site.clone().set("tokens", "format", &format!("\"{format}\""));
        let site = if format == "native" {
            site
        } else {
            site.set("tokens", "algorithm", "\"HS256\"")
                .set("keys", "secret", "\"${SECRET}\"")
                .env("SECRET", "5f2c7c1e9b0d4a6f8e3b1d7a9c5e2f40-of-a-test")
        };
        let gateway = site.start();
        let ran = probe(&gateway, &[]);
        let report = ran.json();
        let open = [rows(&report, "got_in"), rows(&report, "unsure")].concat();
        assert_eq!((ran.code, open), (0, Vec::new()), "{format}: {}", ran.err);
        assert!(upstream.seen().is_empty(), "{format}: {:#?}", upstream.seen());
    }
}

/// What a hole lets through.
type Hole = fn(&Seen) -> bool;

/// What stands where a gateway should, and has one hole.
fn holed(hole: Hole) -> Upstream {
    Upstream::answering(move |seen| {
        let no = r#"{"error":"login_required"}"#;
        let challenge = "WWW-Authenticate: Bearer realm=\"authgate\"\r\n";
        match seen.path() {
            "/auth/healthz" => Reply::new("200 OK", "", r#"{"status":"ok"}"#),
            "/.well-known/jwks.json" => Reply::new("200 OK", "", PUBLIC_KEY),
            _ if hole(seen) => echo(seen),
            path if path.starts_with("/pub") && !path.contains("app") => Reply::new("200 OK", "", "hello"),
            _ => Reply::new("401 Unauthorized", challenge, no),
        }
    })
}

const PUBLIC_KEY: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn bearer(seen: &Seen) -> Vec<String> {
    let token = seen.field("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    token.split('.').map(str::to_owned).collect()
}

fn alg(seen: &Seen) -> String {
    use base64::Engine as _;
    let head = bearer(seen).first().cloned().unwrap_or_default();
    let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head).unwrap_or_default();
    let head: Value = serde_json::from_slice(&head).unwrap_or_default();
    head["alg"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_kind_of_hole_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    #[rustfmt::skip]
    let holes: &[(&str, &str, Hole)] = &[
        ("plainly", "GET /app", |seen| seen.target == "/app"),
        ("paths", "..%2f", |seen| seen.target.contains("..%2f")),
        ("paths", "..;", |seen| seen.target.contains("/..;/")),
        ("paths", "//app", |seen| seen.target == "//app"),
        ("paths", "%61pp", |seen| seen.target == "/%61pp"),
        ("paths", "HEAD", |seen| seen.method == "HEAD"),
        ("identity", "with _ for -", |seen| seen.field("remote_user").is_some()),
        ("identity", "with . for -", |seen| seen.field("remote.user").is_some()),
        ("identity", "X-Original-URL", |seen| seen.field("x-original-url").is_some()),
        ("identity", "X-Forwarded-For", |seen| seen.field("x-forwarded-for") == Some("127.0.0.1")),
        ("tokens", "alg \\\"none\\\"", |seen| alg(seen) == "none"),
        ("tokens", "without a signature", |seen| alg(seen) == "ES256" && bearer(seen).last().is_some_and(String::is_empty)),
        ("tokens", "public key as DER", |seen| alg(seen) == "HS256" && signed_with_the_public_key(seen)),
    ];
    for (group, attempt, hole) in holes {
        let site = holed(*hole);
        let ran = authgate(folder.path(), &[], &["probe", &site.url(), "--protected", "/app", "--json"]).expect(1);
        let found = rows(&ran.json(), "got_in");
        let named = found.iter().any(|row| row.contains(group) && row.contains(attempt));
        assert!(named, "{group} {attempt} is not among {found:#?}");
    }
}

fn signed_with_the_public_key(seen: &Seen) -> bool {
    use aws_lc_rs::hmac;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let keys: Value = serde_json::from_str(PUBLIC_KEY).unwrap();
    let raw = URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00], raw.as_slice()].concat();
    let parts = bearer(seen);
    let [header, claims, signature] = parts.as_slice() else { return false };
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &der);
    hmac::verify(&key, format!("{header}.{claims}").as_bytes(), &signature).is_ok()
}

#[test]
fn what_a_backend_receives_is_looked_at_where_it_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    // Passes everything on at an open path: spoofed names and forged addresses with it.
    let site = holed(|seen| seen.path() == "/pub/echo");
    let args = ["probe", &site.url(), "--protected", "/app", "--echo", "/pub/echo", "--json"];
    let found = rows(&authgate(folder.path(), &[], &args).expect(1).json(), "got_in").join("\n");
    for said in [
        "identity fields as they are, at the backend",
        "with _ for -, at the backend",
        "forged X-Forwarded-Host",
        "X-Real-IP",
    ] {
        assert!(found.contains(said), "{said} is not in\n{found}");
    }
    let without = ["probe", &site.url(), "--protected", "/app", "--json"];
    let report = authgate(folder.path(), &[], &without).expect(0).json();
    assert!(rows(&report, "not_tried").join("\n").contains("--echo"), "{report}");
}

#[test]
fn a_backend_that_folds_letters_behind_an_open_root_is_found_with_a_token() {
    let upstream = Upstream::answering(|seen| Reply::new("200 OK", "", seen.path().to_ascii_lowercase()));
    let open = format!("prefix = \"/\"\nupstream = \"{}\"\nauth = \"none\"", upstream.url());
    let gateway = Site::fixture(&upstream).route(&open).start();
    let alice = gateway.register("alice");
    fs::write(gateway.folder().join("token"), &alice.access).unwrap();
    let found = rows(&probe(&gateway, &["--token-file", "token"]).expect(1).json(), "got_in");
    assert!(found.len() == 1 && found[0].contains("GET /APP\""), "{found:#?}");
    probe(&gateway, &[]).expect(0);
}

#[test]
fn a_backend_that_answers_anybody_is_reached_around_the_gateway() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let at = |port: u16| format!("127.0.0.1:{port}");
    let ran = probe(&gateway, &["--around", &at(upstream.port)]).expect(1);
    assert_eq!(rows(&ran.json(), "got_in").len(), 1, "{}", ran.out);
    assert!(ran.out.contains("firewall"), "{}", ran.out);
    // Closed, and one that asks for itself.
    let asks = Upstream::answering(|_| Reply::new("401 Unauthorized", "", ""));
    probe(&gateway, &["--around", &at(free_port()), "--around", &at(asks.port)]).expect(0);
    // Without being told, nothing is concluded from the gateway's own machine.
    let ran = probe(&gateway, &[]).expect(0);
    assert!(rows(&ran.json(), "not_tried").iter().any(|row| row.contains("around")), "{}", ran.out);
}

#[test]
fn nobody_elses_server_is_attacked() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = Upstream::answering(|_| Reply::new("200 OK", "", "welcome"));
    let run = |args: &[&str]| authgate(folder.path(), &[], &[&["probe"], args].concat());
    let ran = run(&[&stranger.url(), "--protected", "/"]).expect(3);
    assert!(ran.err.contains("nothing was attempted"), "{}", ran.err);
    assert_eq!(stranger.seen().len(), 1);
    let nobody = TcpListener::bind("127.0.0.1:0").map(|listener| listener.local_addr().unwrap()).unwrap();
    run(&[&format!("http://{nobody}"), "--protected", "/"]).expect(3);
    run(&[&stranger.url()]).expect(2);
    run(&["ftp://a", "--protected", "/"]).expect(2);
    run(&[&stranger.url(), "--protected", "api"]).expect(2);
    run(&[&stranger.url(), "--protected", "/", "--token-file", "none"]).expect(2);
}

#[test]
fn it_goes_over_tls_and_tells_a_person_what_held() {
    let upstream = Upstream::answering(echo);
    let authority = Authority::new();
    authority.sign("site", "DNS:localhost", "30");
    let site = Site::fixture(&upstream).set("tls", "cert", &authority.quoted("site.pem"));
    let gateway = site.set("tls", "key", &authority.quoted("site.key")).start();
    let url = format!("https://localhost:{}", gateway.port);
    let ca = authority.file("ca.pem").display().to_string();
    let args = ["probe", &url, "-c", "gateway.toml", "--ca", &ca, "--token-file", "-"];
    let ran = authgate_with_input(gateway.folder(), gateway.site().variables(), &args, "no.good.token").expect(0);
    for said in ["paths", "0 got in, 0 unsure", "not accepted", &url] {
        assert!(ran.out.contains(said), "{said} is not in\n{}", ran.out);
    }
    let ran = authgate(gateway.folder(), gateway.site().variables(), &["probe", &url, "-c", "gateway.toml"]).expect(3);
    assert!(ran.err.contains("--ca FILE"), "{}", ran.err);
}
