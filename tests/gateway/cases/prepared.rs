//! Rows before which something is done: a key is misused, a session ends, somebody guessed, a backend is rude.
use std::fs;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::accounts::tells_nothing;
use crate::support::browser::Form;
use crate::support::mint::{sign, sign_with};
use crate::support::{Faults, Mint, Reply, Row, SOON, Saw, Site, Stage, Upstream, authgate, until};

const fn forged(id: &'static str, sends: &'static [u8]) -> Row {
    Row::said(id, sends, &[401, 431], |answer| assert!(answer.status == 431 || answer.code() == "token_invalid"))
}

/// Signed with what everybody may know of the key.
pub(super) const PUBLIC_AS_SECRET: &[Row] = &[
    forged("T02", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @JWK"),
    forged("T02", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @SET"),
    forged("T02", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @DER"),
    forged("T02", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @PEM"),
    forged("T02", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @LINE"),
    forged("T02", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @NONE"),
];

#[test] // T02
fn public_keys_are_no_secrets() {
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let upstream = Upstream::start();
        let gateway = Site::fixture(&upstream).set("tokens", "algorithm", &format!("\"{algorithm}\"")).start();
        let mut stage = Stage::open(upstream, gateway);
        let mint = Mint::of(&stage.alice.access);
        let set = stage.gateway.get("/.well-known/jwks.json").send().json();
        let spki = spki(&set["keys"][0]);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", wrapped(&spki));
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": mint.header["kid"] }).to_string();
        let by = |secret: &[u8]| sign_with(secret, &header, mint.claims.to_string());
        stage.cast = vec![
            ("@JWK", by(set["keys"][0].to_string().as_bytes())),
            ("@SET", by(set.to_string().as_bytes())),
            ("@DER", by(&spki)),
            ("@PEM", by(pem.as_bytes())),
            ("@LINE", by(format!("{pem}\n").as_bytes())),
            ("@NONE", by(b"")),
        ];
        stage.play(PUBLIC_AS_SECRET);
    }
}

/// A public key of the set, as others write it (RFC 5280).
fn spki(key: &Value) -> Vec<u8> {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    // An integer is positive.
    let int = |name: &str| der(0x02, &[vec![0], bytes(name)].concat());
    let (about, key) = match key["kty"].as_str().unwrap() {
        "EC" => (
            b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07".to_vec(),
            [vec![4], bytes("x"), bytes("y")].concat(),
        ),
        "OKP" => (b"\x06\x03\x2b\x65\x70".to_vec(), bytes("x")),
        _ => (
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00".to_vec(),
            der(0x30, &[int("n"), der(0x02, &bytes("e"))].concat()),
        ),
    };
    der(0x30, &[der(0x30, &about), der(0x03, &[vec![0], key].concat())].concat())
}

fn der(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = match u8::try_from(bytes.len()) {
        Ok(short @ 0..128) => vec![short],
        Ok(long) => vec![0x81, long],
        Err(_) => [&[0x82][..], &u16::try_from(bytes.len()).unwrap().to_be_bytes()].concat(),
    };
    [vec![tag], length, bytes.to_vec()].concat()
}

fn wrapped(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n")
}

pub(super) const ODD_SIGNATURES: &[Row] = &[
    forged("T17", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @ZERO"),
    forged("T17", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @ORDER"),
    forged("T17", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @DER"),
    forged("T17", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @63"),
    forged("T17", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @65"),
    forged("T17", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @HASH"),
];

/// The other signature that mathematics allows is no way around a sign-out.
pub(super) const TWINS: &[Row] = &[
    Row::answered("T18", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A", &[200]),
    Row::answered("T18", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @TWIN", &[200, 401]),
    Row::answered("T18", b"POST /auth/logout HTTP/1.1\nAuthorization: Bearer @A", &[204]),
    Row::stopped("T18", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A", &[401]),
    Row::stopped("T18", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @TWIN", &[401]),
];

#[test] // T17, T18
fn signatures_that_no_key_made_and_the_twin_of_one_that_a_key_made() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("tokens", "algorithm", "\"ES256\"").start();
    let mut stage = Stage::open(upstream, gateway);
    let token = stage.alice.access.clone();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = signature.split_at(32);
    let with = |signature: &[u8]| format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    let int = |bytes: &[u8]| der(0x02, &[&[0], bytes].concat());
    let hash = digest(&SHA256, signed.as_bytes());
    let twin = with(&[r, &minus(&ORDER_OF_P256, s)].concat());
    assert_ne!(twin, token);
    stage.cast.extend([
        ("@ZERO", with(&[0; 64])),
        ("@ORDER", with(&[ORDER_OF_P256, ORDER_OF_P256].concat())),
        ("@DER", with(&der(0x30, &[int(r), int(s)].concat()))),
        ("@63", with(&signature[..63])),
        ("@65", with(&[signature.as_slice(), &[0]].concat())),
        ("@HASH", with(&[hash.as_ref(), hash.as_ref()].concat())),
        ("@TWIN", twin),
    ]);
    stage.play(ODD_SIGNATURES);
    stage.play_in_turn(TWINS);
}

fn minus(from: &[u8], what: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut out: Vec<u8> = (from.iter().rev().zip(what.iter().rev()))
        .map(|(from, what)| {
            let rest = i16::from(*from) - i16::from(*what) - borrow;
            borrow = i16::from(rest < 0);
            u8::try_from(rest + 256 * borrow).unwrap()
        })
        .collect();
    out.reverse();
    out
}

const ORDER_OF_P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Right but for their size.
pub(super) const HUGE_TOKENS: &[Row] = &[
    forged("T15", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @DOTS"),
    forged("T16", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @8193"),
    forged("T16", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @100KB"),
    forged("T16", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @DEEP"),
    forged("T16", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @ABYSS"),
    forged("T16", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @CLAIM"),
];

#[test] // T15, T16
fn tokens_that_are_huge_or_deep() {
    let upstream = Upstream::start();
    let mut stage = Stage::open(Upstream::start(), Site::shared_secret(&upstream).start());
    stage.upstream = upstream;
    let mint = Mint::of(&stage.alice.access);
    let with =
        |claim: &str| sign(&mint.header.to_string(), mint.claims.to_string().replacen('{', &format!("{{{claim},"), 1));
    stage.cast = vec![
        ("@DOTS", ".".repeat(30_000)),
        ("@8193", "a".repeat(8193)),
        ("@100KB", format!("{}.b.c", "a".repeat(100_000))),
        ("@DEEP", with(&format!("\"x\":{}{}", "[".repeat(200), "]".repeat(200)))),
        ("@ABYSS", sign(&mint.header.to_string(), "[".repeat(20_000))),
        ("@CLAIM", with(&format!("\"x\":\"{}\"", "a".repeat(20_000)))),
    ];
    stage.play(HUGE_TOKENS);
}

/// A refresh token was shown twice, its successor in between.
pub(super) const REUSED: &[Row] = &[
    Row::stopped(
        "S09",
        b"POST /auth/refresh HTTP/1.1\nContent-Type: application/json\n\n{\"refresh_token\":\"@R\"}",
        &[401],
    ),
    Row::stopped(
        "S09",
        b"POST /auth/refresh HTTP/1.1\nContent-Type: application/json\n\n{\"refresh_token\":\"@NEXT\"}",
        &[401],
    ),
    Row::stopped("S09", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @A", &[401]),
    Row::stopped("S09", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @NEW", &[401]),
];

#[test] // S09
fn what_was_shown_twice_ends_for_both() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let mut stage = Stage::open(Upstream::start(), faults.on(Site::fixture(&upstream)).start());
    stage.upstream = upstream;
    let next = stage.gateway.person("alice", &stage.gateway.refresh(&stage.alice.refresh).expect(200));
    stage.cast.extend([("@NEXT", next.refresh), ("@NEW", next.access)]);
    faults.clock_is_off_by(60);
    stage.play_in_turn(REUSED);
}

/// Somebody was disabled, and somebody else changes a password.
pub(super) const OVER: &[Row] = &[
    Row::stopped("S12", b"POST /auth/refresh HTTP/1.1\nContent-Type: application/json\n\n{\"refresh_token\":\"@RB\"}", &[401, 403]),
    Row::stopped("S12", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @B", &[401]),
    Row::answered("S12", b"POST /auth/password HTTP/1.1\nAuthorization: Bearer @A\nContent-Type: application/json\n\n{\"current_password\":\"@PA\",\"new_password\":\"another 4711 Regenbogen\"}", &[200, 204]),
    Row::stopped("S12", b"POST /auth/refresh HTTP/1.1\nContent-Type: application/json\n\n{\"refresh_token\":\"@RO\"}", &[401]),
    Row::stopped("S12", b"GET /app/x HTTP/1.1\nAuthorization: Bearer @OTHER", &[401]),
    Row::stopped("S12", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[401]),
];

#[test] // S12
fn who_is_disabled_or_changed_the_password_is_out_everywhere() {
    let upstream = Upstream::start();
    let mut stage = Stage::open(Upstream::start(), Site::fixture(&upstream).start());
    stage.upstream = upstream;
    let other = stage.gateway.sign_in("alice");
    let (refresh, password) = (stage.bob.refresh.clone(), stage.alice.password.clone());
    stage.cast.extend([("@PA", password), ("@RB", refresh), ("@RO", other.refresh), ("@OTHER", other.access)]);
    authgate(stage.gateway.folder(), stage.gateway.site().variables(), &["user", "disable", "bob"]).expect(0);
    let asked = || stage.gateway.get("/app/x").bearer(&stage.bob.access).send().status;
    until("it is in force", SOON, || asked() == 401);
    stage.play_in_turn(OVER);
}

const fn guess(id: &'static str, sends: &'static [u8], status: &'static [u16]) -> Row {
    Row::stopped(id, sends, status)
}

/// Four guesses there are for one account, whatever its name is spelled like, and then not even the right one is heard.
pub(super) const BY_ACCOUNT: &[Row] = &[
    guess("A10", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"wrong one 1\"}", &[401]),
    guess("A10", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nX-Forwarded-For: 9.9.9.9\n\n{\"username\":\"ALICE\",\"password\":\"wrong one 1\"}", &[401]),
    guess("A10", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"Alice\",\"password\":\"wrong one 1\"}", &[401]),
    guess("A10", b"POST /auth/token HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\ngrant_type=password&username=alice&password=wrong", &[400, 401]),
    guess("A10", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[429]),
    guess("A10", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nX-Forwarded-For: 8.8.8.8\n\n{\"username\":\"aLICE\",\"password\":\"@PA\"}", &[429]),
    guess("A10", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\n\n{\"username\":\"bob\",\"password\":\"wrong one 1\"}", &[401]),
];

/// Three from one address, whoever it says it is.
pub(super) const BY_ADDRESS: &[Row] = &[
    guess("A11", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nX-Forwarded-For: 9.9.9.1\n\n{\"username\":\"n-one\",\"password\":\"wrong one 1\"}", &[401]),
    guess("A11", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nForwarded: for=9.9.9.2\n\n{\"username\":\"n-two\",\"password\":\"wrong one 1\"}", &[401]),
    guess("A11", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nX-Real-IP: 9.9.9.3\n\n{\"username\":\"n-three\",\"password\":\"wrong one 1\"}", &[401]),
    guess("A11", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nX-Forwarded-For: 9.9.9.4\n\n{\"username\":\"n-four\",\"password\":\"wrong one 1\"}", &[429]),
    guess("A11", b"POST /auth/login HTTP/1.1\nContent-Type: application/json\nTrue-Client-IP: 9.9.9.5\nCF-Connecting-IP: 9.9.9.5\n\n{\"username\":\"alice\",\"password\":\"@PA\"}", &[429]),
];

#[test] // A10, A11
fn guesses() {
    for (limit, rate, rows) in [("login_per_account", "4/h", BY_ACCOUNT), ("login_per_ip", "3/h", BY_ADDRESS)] {
        let upstream = Upstream::start();
        let gateway = Site::fixture(&upstream).set("limits", limit, &format!("\"{rate}\"")).start();
        let mut stage = Stage::open(upstream, gateway);
        stage.cast.push(("@PA", stage.alice.password.clone()));
        stage.play_in_turn(rows);
    }
}

const fn nonsense(sends: &'static [u8]) -> Row {
    Row { status: &[502], saw: Saw::Whatever, says: tells_nothing, ..Row::one("H19", sends, |_| ()) }
}

/// A backend that answers as the path says.
pub(super) const RUDE: &[Row] = &[
    nonsense(b"GET /pub/two-lengths HTTP/1.1"),
    nonsense(b"GET /pub/negative HTTP/1.1"),
    nonsense(b"GET /pub/plus HTTP/1.1"),
    // Chunks are what counts (RFC 9112, section 6.3), and the length goes no further.
    Row {
        status: &[200, 502],
        says: |answer| assert!(answer.whole && !answer.text().contains("HTTP/")),
        ..nonsense(b"GET /pub/both HTTP/1.1")
    },
    nonsense(b"GET /pub/codings HTTP/1.1"),
    nonsense(b"GET /pub/fold HTTP/1.1"),
    nonsense(b"GET /pub/old HTTP/1.1"),
    nonsense(b"GET /pub/switch HTTP/1.1"),
    nonsense(b"GET /pub/nul HTTP/1.1"),
    Row::arrives("H19", b"GET /pub/surplus HTTP/1.1", "/pub/surplus"),
    Row::arrives("H19", b"HEAD /pub/surplus HTTP/1.1", "/pub/surplus"),
    Row { id: "R05", ..nonsense(b"GET /pub/endless HTTP/1.1") },
    Row { id: "L06", ..nonsense(b"GET /pub/gone HTTP/1.1") },
    Row { id: "L06", ..nonsense(b"GET /tls/x HTTP/1.1") },
    Row { id: "R05", status: &[504], ..nonsense(b"GET /pub/rude/silent HTTP/1.1") },
];

fn rude(path: &str) -> Option<Reply> {
    let said: &[u8] = match path {
        "/pub/two-lengths" => b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "/pub/negative" => b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "/pub/plus" => b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
        "/pub/both" => {
            b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        }
        "/pub/codings" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "/pub/fold" => b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "/pub/old" => b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
        "/pub/switch" => b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "/pub/nul" => b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "/pub/gone" => b"",
        // What follows the answer is nobody's.
        "/pub/surplus" => {
            let surplus = b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 4\r\n\r\nevil";
            return Some(Reply { bytes: surplus.to_vec(), close: false });
        }
        "/pub/endless" => {
            return Some(Reply::bytes([b"HTTP/1.1 200 OK\r\n".as_slice(), &b"X: a\r\n".repeat(200_000)].concat()));
        }
        "/pub/rude/silent" => {
            std::thread::sleep(Duration::from_millis(1500));
            b""
        }
        _ => return None,
    };
    Some(Reply::bytes(said))
}

#[test] // H19, R05, L06
fn backends_that_are_rude() {
    let upstream =
        Upstream::answering(|seen| rude(seen.path()).unwrap_or_else(|| Reply::new("200 OK", "", &seen.target)));
    let plain = Upstream::talking(|wire| assert!(wire.send("HTTP/1.1 400 Bad Request\r\n\r\n")));
    let gateway = Site::fixture(&upstream)
        .set("upstreams.rude", "urls", &format!("[\"{}\"]", upstream.url()))
        .set("upstreams.rude", "response_timeout", "\"700ms\"")
        .set("upstreams.rude", "retries", "0")
        .set("upstreams.rude", "eject_after", "1000")
        .route("prefix = \"/pub/rude\"\nupstream = \"rude\"\nauth = \"none\"\nstrip_prefix = false")
        .route(&format!("prefix = \"/tls\"\nupstream = \"https://127.0.0.1:{}\"\nauth = \"none\"", plain.port))
        .start();
    Stage::open(upstream, gateway).play(RUDE);
}

const fn signs_in(id: &'static str, sends: &'static [u8]) -> Row {
    Row::said(id, sends, &[303], |answer| {
        let cookies = answer.head.all("set-cookie");
        let cookie = cookies.iter().find(|cookie| cookie.starts_with("__Host-authgate=")).expect("a session");
        for attribute in ["Path=/", "HttpOnly", "Secure", "SameSite=Lax"] {
            assert!(cookie.split("; ").any(|part| part == attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain") && !cookie.contains("FFFFFF"), "{cookie}");
    })
}

/// A session's cookie is held to its host, and is none that somebody brought along.
pub(super) const COOKIES: &[Row] = &[
    signs_in("S01", b"POST /auth/login HTTP/1.1\nX-Forwarded-Proto: https\nOrigin: https://app.example.com\nCookie: @FORM\nContent-Type: application/x-www-form-urlencoded\n\n@BODY"),
    signs_in("S02", b"POST /auth/login HTTP/1.1\nX-Forwarded-Proto: https\nOrigin: https://app.example.com\nCookie: @FORM; __Host-authgate=FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\nContent-Type: application/x-www-form-urlencoded\n\n@BODY"),
    Row::stopped("S02", b"GET /app/x HTTP/1.1\nX-Forwarded-Proto: https\nCookie: __Host-authgate=FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", &[401]),
];

#[test] // S01, S02
fn the_cookies_of_a_sign_in() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream)
        .set("server", "public_url", "\"https://app.example.com\"")
        .set("server", "trusted_proxies", "[\"127.0.0.1\"]")
        .start();
    let mut stage = Stage::open(upstream, gateway);
    let page = stage.gateway.get("/auth/login").header("X-Forwarded-Proto", "https").send().expect(200);
    let cookie = page.field("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let body = Form::of(&page.text()).filled(&[("username", "alice"), ("password", &stage.alice.password)]);
    stage.cast.extend([("@FORM", cookie), ("@BODY", body)]);
    stage.play(COOKIES);
}

const fn stays(sends: &'static [u8], status: &'static [u16]) -> Row {
    Row::said("D10", sends, status, |answer| {
        let text = answer.text();
        assert!(text.contains("200 OK, come in"), "{text}");
        assert!(!text.contains("eyJ"), "{text}");
    })
}

/// The operator's own page says that all is well, and changes no verdict; no backend is asked for it.
pub(super) const OWN_PAGES: &[Row] = &[
    stays(b"GET /app/admin HTTP/1.1\nAuthorization: Bearer @A\nAccept: text/html", &[403]),
    stays(b"GET /nowhere HTTP/1.1\nAccept: text/html", &[404]),
    stays(b"GET /app/x HTTP/1.1\nAuthorization: Bearer x\nAccept: text/html", &[401]),
    stays(b"GET /away/x HTTP/1.1\nAccept: text/html", &[502]),
    stays(b"GET /nowhere HTTP/1.1\nAuthorization: Bearer @A\nCookie: a=@A\nAccept: text/html", &[404]),
];

#[test] // D10
fn pages_of_errors() {
    let (upstream, templates) = (Upstream::start(), tempfile::tempdir().unwrap());
    fs::write(templates.path().join("refused.html"), "<!doctype html><title>200</title><h1>200 OK, come in</h1>")
        .unwrap();
    let away = format!(
        "prefix = \"/away\"\nupstream = \"http://127.0.0.1:{}\"\nauth = \"none\"",
        crate::support::rude::nobody()
    );
    let site = Site::fixture(&upstream).route(&away).set("pages", "templates", &format!("{:?}", templates.path()));
    Stage::open(upstream, site.start()).play(OWN_PAGES);
}
