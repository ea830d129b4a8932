//! GET /auth/me, jwks.json, healthz, readyz, and where they live.
use serde_json::json;

use crate::support::mint::part;
use crate::support::site::TEST_SECRET;
use crate::support::{Gateway, Site, Upstream};

#[test]
fn me_says_who_i_am_under_every_name_it_has() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    for path in ["/auth/me", "/auth/user", "/auth/users/me", "/auth/userinfo"] {
        let body = gateway.get(path).bearer(&alice.access).send().expect(200).json();
        assert_eq!(body["id"], alice.id, "{path}");
        assert_eq!(body["sub"], alice.id, "{path}");
        assert_eq!(body["username"], "alice", "{path}");
        assert_eq!(body["roles"], json!(["user"]), "{path}");
        assert!(body["created_at"].is_string(), "{path}: {body}");
        assert!(!body.to_string().contains("argon2"), "{path}");
        gateway.get(path).send().refused(401, "login_required");
        gateway.get(path).bearer("nonsense").send().refused(401, "token_invalid");
        gateway.post(path).bearer(&alice.access).json(&json!({})).send().expect(405);
    }
}

#[test]
fn the_key_set_verifies_what_is_signed_and_shows_nothing_private() {
    for algorithm in ["ES256", "EdDSA", "RS256", "PS256"] {
        let gateway = Site::fixture(&Upstream::start()).set("tokens", "algorithm", &format!("\"{algorithm}\"")).start();
        let alice = gateway.register("alice");
        let header = part(&alice.access, 0);
        assert_eq!(header["alg"], algorithm);
        assert_eq!(header["typ"], "at+jwt");
        let set = gateway.get("/.well-known/jwks.json").send().expect(200).json();
        let keys = set["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("the key that signed is in the set");
        assert_eq!(key["alg"], algorithm);
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(keys.iter().all(|key| key.get(private).is_none()), "{private} in {set}");
        }
        let jwk = serde_json::from_value(key.clone()).unwrap();
        let decoding = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let mut validation = jsonwebtoken::Validation::new(algorithm.parse().unwrap());
        validation.set_audience(&["authgate"]);
        let read = jsonwebtoken::decode::<serde_json::Value>(&alice.access, &decoding, &validation).unwrap();
        assert_eq!(read.claims["sub"], alice.id);
        gateway.get("/app").bearer(&alice.access).send().expect(200);
    }
}

#[test]
fn a_shared_secret_is_never_in_the_key_set() {
    let gateway = Site::shared_secret(&Upstream::start()).start();
    gateway.register("alice");
    assert_eq!(gateway.get("/.well-known/jwks.json").send().expect(200).json(), json!({ "keys": [] }));
}

#[test]
fn a_restart_signs_nobody_out() {
    let mut gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let keys = gateway.get("/.well-known/jwks.json").send().text();
    gateway.stop();
    gateway.run();
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    assert_eq!(gateway.get("/.well-known/jwks.json").send().text(), keys);
}

#[test]
fn health_and_readiness_answer() {
    let gateway = Gateway::start(&Upstream::start());
    assert_eq!(gateway.get("/auth/healthz").send().expect(200).json(), json!({ "status": "ok" }));
    let ready = gateway.get("/auth/readyz?verbose").send().expect(200).json();
    assert!(ready["status"].is_string() && ready["checks"]["store"].is_string(), "{ready}");
    for path in ["/healthz", "/livez", "/readyz"] {
        gateway.admin("GET", path).send().expect(200);
    }
}

#[test]
fn what_is_for_the_operator_is_not_on_the_public_address() {
    let gateway = Gateway::start(&Upstream::start());
    for path in ["/metrics", "/healthz", "/readyz", "/livez", "/api/users", "/api/reload", "/debug", "/config"] {
        gateway.get(path).send().refused(404, "no_route");
    }
}

#[test]
fn the_endpoints_may_live_elsewhere() {
    let upstream = Upstream::start();
    for prefix in ["/", "/_gateway", "/a/b"] {
        upstream.forget();
        let gateway = Site::fixture(&upstream).set("server", "auth_prefix", &format!("\"{prefix}\"")).start();
        let alice = gateway.register("alice");
        let me = format!("{}/users/me", prefix.trim_end_matches('/'));
        gateway.get(&me).bearer(&alice.access).send().expect(200);
        gateway.get("/auth/me").bearer(&alice.access).send().refused(404, "no_route");
        gateway.get("/app").bearer(&alice.access).send().expect(200);
        gateway.log_out(&alice.access).expect(204);
        gateway.get(&me).bearer(&alice.access).send().refused(401, "session_ended");
        assert_eq!(upstream.seen().len(), 1);
    }
}

#[test]
fn nothing_under_the_gateways_own_prefix_reaches_a_backend() {
    let upstream = Upstream::start();
    let site = Site::new().route(&format!("prefix = \"/\"\nupstream = \"{}\"\nauth = \"none\"", upstream.url()));
    let gateway = site.start();
    for path in ["/auth", "/auth/", "/auth/nothing-here", "/auth/login/", "/auth/me/x", "/auth/%6de/x"] {
        let answer = gateway.get(path).send();
        assert!([404, 405].contains(&answer.status), "{path}: {}", answer.text());
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn a_secret_beside_an_algorithm_with_key_pairs_is_no_reason_not_to_start() {
    let site =
        Site::fixture(&Upstream::start()).set("keys", "secret", "\"${TEST_SECRET}\"").env("TEST_SECRET", TEST_SECRET);
    let gateway = site.start();
    let alice = gateway.register("alice");
    assert_eq!(part(&alice.access, 0)["alg"], "ES256");
}
