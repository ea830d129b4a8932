//! Pages of other sites: who may ask is said by the gateway, for routes and for its own endpoints.
use crate::support::{Browser, Call, Gateway, Reply, Site, Upstream};

const SPA: &str = "https://spa.example.com";
const EVIL: &str = "https://evil.example";

/// A backend that says to everybody that they may.
fn careless() -> Upstream {
    let fields =
        "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nVary: Accept\r\nX-Total: 7\r\n";
    Upstream::answering(move |_| Reply::new("200 OK", fields, "x"))
}

fn site(upstream: &Upstream) -> Gateway {
    let route = |prefix: &str, more: &str| format!("prefix = \"{prefix}\"\nupstream = \"{}\"\n{more}", upstream.url());
    Site::new()
        .route(&route("/api", &format!("cors = {{ origins = [\"{SPA}\"], credentials = true }}")))
        .route(&route("/read", "auth = \"none\"\nmethods = [\"GET\"]\ncors = { origins = [\"*\"] }"))
        .route(&route("/slow", "auth = \"none\"\nrate_per_ip = \"1/h\"\ncors = { origins = [\"*\"] }"))
        .route(&route("/far", &format!("networks = [\"10.0.0.0/8\"]\ncors = {{ origins = [\"{SPA}\"] }}")))
        .route(&route("/pub", "auth = \"none\""))
        .start()
}

fn question<'a>(gateway: &'a Gateway, path: &str, origin: &str, method: &str) -> Call<'a> {
    gateway.call("OPTIONS", path).header("Origin", origin).header("Access-Control-Request-Method", method)
}

#[test]
fn a_question_is_answered_without_a_token_and_reaches_no_backend() {
    let upstream = careless();
    let gateway = site(&upstream);
    let asked = question(&gateway, "/api/x", SPA, "PUT").header("Access-Control-Request-Headers", "authorization, x-a");
    let answer = asked.send().expect(204);
    for (name, value) in [
        ("access-control-allow-origin", SPA),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "authorization, x-a"),
        ("access-control-max-age", "600"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{name}");
    }
    assert!(answer.head.all("vary").iter().any(|vary| vary.eq_ignore_ascii_case("origin")));
    let any = question(&gateway, "/read/x", EVIL, "DELETE").send().expect(204);
    assert_eq!(any.field("access-control-allow-origin"), Some("*"));
    assert_eq!(any.field("access-control-allow-methods"), Some("GET, HEAD"));
    assert_eq!(any.field("access-control-allow-credentials"), None);
    for origin in [EVIL, "null", "https://spa.example.com.evil.example", "http://spa.example.com"] {
        let refused = question(&gateway, "/api/x", origin, "GET").send().refused(403, "foreign_origin");
        assert_eq!(refused.field("access-control-allow-origin"), None, "{origin}");
    }
    question(&gateway, "/far/x", SPA, "GET").send().refused(403, "network_not_allowed");
    question(&gateway, "/slow/x", SPA, "GET").send().expect(204);
    question(&gateway, "/slow/x", SPA, "GET").send().refused(429, "rate_limited");
    assert_eq!(upstream.seen().len(), 0);
    // Without `cors`, and without a question, OPTIONS is the backend's.
    question(&gateway, "/pub/x", SPA, "GET").send().expect(200);
    gateway.call("OPTIONS", "/read/x").header("Origin", SPA).send().refused(405, "method_not_allowed");
    assert_eq!(upstream.only().method, "OPTIONS");
}

#[test]
fn what_the_backend_says_is_replaced_and_refusals_can_be_read_too() {
    let upstream = careless();
    let gateway = site(&upstream);
    let alice = gateway.register("alice");
    let answer = gateway.get("/api/x").bearer(&alice.access).header("Origin", SPA).send().expect(200);
    assert_eq!(answer.head.all("access-control-allow-origin"), [SPA]);
    assert_eq!(answer.head.all("access-control-allow-credentials"), ["true"]);
    assert!(answer.field("access-control-expose-headers").is_some_and(|names| names.contains("x-total")));
    let varies: Vec<_> = answer.head.all("vary").iter().map(|vary| vary.to_ascii_lowercase()).collect();
    assert_eq!(varies, ["accept", "authorization, cookie", "origin"]);
    let foreign = gateway.get("/api/x").bearer(&alice.access).header("Origin", EVIL).send().expect(200);
    assert_eq!(foreign.head.all("access-control-allow-origin"), Vec::<&str>::new());
    assert!(
        foreign.head.all("vary").iter().any(|vary| vary.eq_ignore_ascii_case("origin")),
        "no cache may mix them up"
    );
    let refused = gateway.get("/api/x").header("Origin", SPA).send().refused(401, "login_required");
    assert_eq!(refused.field("access-control-allow-origin"), Some(SPA));
    assert!(refused.field("access-control-expose-headers").is_some_and(|names| names.contains("www-authenticate")));
    let untouched = gateway.get("/pub/x").header("Origin", SPA).send().expect(200);
    assert_eq!(untouched.field("access-control-allow-origin"), Some("*"), "a route without cors is the backend's");
}

#[test]
fn a_page_of_a_named_origin_signs_in_and_others_do_not() {
    let gateway = site(&careless());
    let alice = gateway.register("alice");
    gateway.keep_secret(&alice.password);
    let body = serde_json::json!({ "username": "alice", "password": alice.password });
    let asked = question(&gateway, "/auth/login", SPA, "POST").header("Access-Control-Request-Headers", "content-type");
    let answer = asked.send().expect(204);
    assert!(answer.field("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
    let signed_in = gateway.post("/auth/login").json(&body).header("Origin", SPA).send().expect(200);
    assert_eq!(signed_in.field("access-control-allow-origin"), Some(SPA));
    let wrong = serde_json::json!({ "username": "alice", "password": "not the one" });
    let refused = gateway.post("/auth/login").json(&wrong).header("Origin", SPA).send();
    assert_eq!(refused.refused(401, "invalid_credentials").field("access-control-allow-origin"), Some(SPA));
    // "*" names nobody: it opens a route for reading, and never the sign-in.
    question(&gateway, "/auth/login", EVIL, "POST").send().refused(403, "foreign_origin");
    for (method, path) in
        [("POST", "/auth/login"), ("POST", "/auth/register"), ("POST", "/auth/logout"), ("PATCH", "/auth/me")]
    {
        let foreign = gateway.call(method, path).bearer(&alice.access).json(&body).header("Origin", EVIL).send();
        assert_eq!(foreign.refused(403, "foreign_origin").field("access-control-allow-origin"), None, "{path}");
    }
    gateway.leaks_nothing();
}

#[test]
fn a_site_that_names_itself_keeps_its_browsers_signed_in() {
    let upstream = careless();
    // Whoever serves a page under several names lists all of them, and this one may be among them.
    let own = "http://own.example";
    let cors = format!("cors = {{ origins = [\"{own}\", \"{SPA}\"] }}");
    let gateway = Site::new()
        .route(&format!("prefix = \"/read\"\nupstream = \"{}\"\nauth = \"none\"\n{cors}", upstream.url()))
        .route(&format!("prefix = \"/app\"\nupstream = \"{}\"", upstream.url()))
        .start();
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    browser.sign_in("alice", "/app/x").expect(303);
    let post = |origin: &str, site: &str| {
        let call = gateway.post("/app/x").header("Host", "own.example").header("Origin", origin);
        browser.send(call.header("Sec-Fetch-Site", site)).status
    };
    assert_eq!(post(own, "same-origin"), 200);
    assert_eq!(post(SPA, "cross-site"), 401, "it was named without credentials");
}
