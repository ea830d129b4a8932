//! Which tokens are believed; the rows of the catalogue are in `cases`.
use serde_json::{Value, json};

use crate::support::mint::{part, sign_with};
use crate::support::{Gateway, Mint, SOON, Site, Upstream, authgate, until};

/// A gateway whose secret the test knows, and one good token of it.
pub(crate) struct Forge {
    pub(crate) upstream: Upstream,
    pub(crate) gateway: Gateway,
    pub(crate) mint: Mint,
    pub(crate) good: String,
}

impl Forge {
    pub(crate) fn open() -> Self {
        let upstream = Upstream::start();
        let gateway = Site::shared_secret(&upstream).start();
        let alice = gateway.register("alice");
        let mint = Mint::of(&alice.access);
        Self { upstream, gateway, mint, good: alice.access }
    }

    /// 401 with the one answer that every bad token gets, and nothing reaches the upstream.
    #[track_caller]
    fn refuses(&self, token: &str, about: &str) {
        let before = self.upstream.seen().len();
        let answer = self.gateway.get("/app/x").bearer(token).send();
        assert_eq!(answer.status, 401, "{about}: {token}: {}", answer.text());
        assert_eq!(answer.code(), "token_invalid", "{about}: {token}");
        let asks = answer.field("www-authenticate").unwrap();
        assert!(asks.contains("error=\"invalid_token\""), "{about}: {asks}");
        assert_eq!(self.upstream.seen().len(), before, "{about}");
    }

    #[track_caller]
    fn accepts(&self, token: &str) {
        self.gateway.get("/app/x").bearer(token).send().expect(200);
    }
}

#[test]
fn what_the_test_signs_itself_is_believed_so_the_refusals_below_mean_something() {
    let forge = Forge::open();
    forge.accepts(&forge.good);
    forge.accepts(&forge.mint.resigned());
    assert_eq!(forge.mint.header["typ"], "at+jwt");
    let names: Vec<_> = forge.mint.header.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for claim in [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "sid",
        "auth_time",
        "amr",
        "scope",
        "roles",
        "preferred_username",
    ] {
        assert!(!forge.mint.claims[claim].is_null(), "{claim} in {}", forge.mint.claims);
    }
    forge.gateway.stands(&forge.upstream);
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let upstream = Upstream::start();
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let gateway = Site::fixture(&upstream).set("tokens", "algorithm", &format!("\"{algorithm}\"")).start();
        let alice = gateway.register("alice");
        let mint = Mint::of(&alice.access);
        let set = gateway.get("/.well-known/jwks.json").send().json();
        let key = set["keys"][0].to_string();
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": mint.header["kid"] }).to_string();
        for secret in [key.as_bytes(), set.to_string().as_bytes(), b""] {
            let forged = sign_with(secret, &header, mint.claims.to_string());
            gateway.get("/app/x").bearer(&forged).send().refused(401, "token_invalid");
        }
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn an_expired_token_is_told_so_only_when_everything_else_is_right() {
    let forge = Forge::open();
    let mut past = forge.mint.clone();
    for (name, before) in [("iat", 4000), ("nbf", 4000), ("auth_time", 4000), ("exp", 3100)] {
        past.claims[name] = json!(forge.mint.now() - before);
    }
    let expired = past.resigned();
    let answer = forge.gateway.get("/app/x").bearer(&expired).send().refused(401, "token_expired");
    let asks = answer.field("www-authenticate").unwrap();
    assert!(asks.contains("error=\"invalid_token\", error_description=\"the access token expired\""), "{asks}");
    forge.refuses(&format!("{}A", expired.rsplit_once('.').unwrap().0), "T22 expired with a bad signature");
    forge.refuses(&past.claim("aud", json!("other")), "T22 expired for somebody else");
}

#[test]
fn there_is_one_spelling_of_a_token() {
    let forge = Forge::open();
    let good = &forge.good;
    let parts: Vec<_> = good.split('.').collect();
    for wrong in [
        format!("{good}="),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        good.replacen('.', "..", 1),
        format!("{good}."),
        format!(".{good}"),
        parts[..2].join("."),
        parts[0].to_owned(),
        format!("{good}.x"),
        format!("{good}.x.y"),
        "..".to_owned(),
        ".".repeat(5000),
        format!("{good}+"),
        format!("{good}/"),
        format!("{good}%20"),
        "a".repeat(8193),
        String::from("."),
    ] {
        forge.refuses(&wrong, "T14, T15, T16");
    }
    for index in 0..3 {
        let mut changed: Vec<_> = parts.iter().map(ToString::to_string).collect();
        let last = changed[index].pop().unwrap();
        let others =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().filter(|other| *other != last);
        for other in others {
            let mut spelled = changed.clone();
            spelled[index].push(other);
            forge.refuses(&spelled.join("."), "T14 spare bits");
        }
    }
}

#[test]
fn a_name_in_a_token_that_is_no_name_is_refused() {
    let forge = Forge::open();
    for name in [
        "al\r\nX-User-Roles: admin",
        "al\n",
        "al\u{0}",
        "al\u{7f}",
        "é",
        "al,bob",
        " al ",
        "al;r=admin",
        "al\t",
        "=?utf-8?q?x?=",
        "",
    ] {
        forge.refuses(&forge.mint.claim("preferred_username", json!(name)), "I11, I12");
    }
    for roles in [json!(["a\r\nb"]), json!(["admin,user"]), json!([""]), json!([1]), json!("admin"), json!({ "a": 1 })]
    {
        forge.refuses(&forge.mint.claim("roles", roles), "I11 roles");
    }
    for email in [json!("a\r\n@b"), json!("no address"), json!(1)] {
        forge.refuses(&forge.mint.claim("email", email), "I11 email");
    }
    forge.refuses(&forge.mint.claim("name", json!("a\u{1b}[2J")), "I11 full name");
    forge.accepts(&forge.mint.claim("name", json!("Zoë, B")));
    assert_eq!(forge.upstream.last().field("x-user-name"), Some("alice"));
}

#[test]
fn a_weak_or_sample_secret_refuses_to_start() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    for secret in [
        "",
        "short",
        &"a".repeat(40),
        &" ".repeat(40),
        "change-me",
        "-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
    ] {
        let site = Site::shared_secret(&upstream);
        std::fs::write(folder.path().join("gateway.toml"), site.text(1, 2)).unwrap();
        let variables = [("TEST_SECRET".to_owned(), secret.to_owned())];
        let ran = authgate(folder.path(), &variables, &["run", "-c", "gateway.toml"]).expect(78);
        assert!(secret.len() < 9 || !ran.err.contains(secret), "{}", ran.err);
    }
}

#[test]
fn claims_of_the_operator_are_in_every_token_and_say_what_is_true_of_the_person() {
    let upstream = Upstream::start();
    let claims = r#"{ tenant = "acme-${REGION}", department = "${user.department}", "https://acme.example/where" = "floor ${user.floor}, not $${user.floor}" }"#;
    for format in ["native", "flask-jwt-extended", "simplejwt"] {
        let site = Site::shared_secret(&upstream).set("tokens", "claims", claims).env("REGION", "eu");
        let gateway = site.set("tokens", "format", &format!("\"{format}\"")).start();
        let said = |token: &str| {
            let claims = part(token, 1);
            [&claims["tenant"], &claims["department"], &claims["https://acme.example/where"]].map(Clone::clone)
        };
        let alice = gateway.register("alice");
        assert_eq!(said(&alice.access), [json!("acme-eu"), Value::Null, Value::Null], "{format}");
        let edit = ["user", "edit", "alice", "--set", "department=finance", "--set", "floor=${user.x}"];
        authgate(gateway.folder(), gateway.site().variables(), &edit).expect(0);
        until("the token from before is refused", SOON, || {
            gateway.get("/app/x").bearer(&alice.access).send().status == 401
        });
        let renewed = gateway.refresh(&alice.refresh).expect(200);
        let renewed = gateway.person("alice", &renewed);
        let floor = json!("floor ${user.x}, not ${user.floor}");
        assert_eq!(said(&renewed.access), [json!("acme-eu"), json!("finance"), floor.clone()], "{format}");
        gateway.get("/app/x").bearer(&renewed.access).send().expect(200);
        assert_eq!(said(&gateway.sign_in("alice").access)[2], floor);
    }
}
