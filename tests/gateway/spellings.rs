//! Paths that only some backends need: let through by route, forwarded as they came, and never past another route's rule.
use crate::support::{Gateway, Site, Upstream};

fn site(upstream: &Upstream, open: &str) -> Gateway {
    let route = |prefix: &str, more: &str| format!("prefix = \"{prefix}\"\nupstream = \"{}\"\n{more}", upstream.url());
    Site::new()
        .route(&route("/", &format!("auth = \"none\"\nallow_in_path = [{open}]")))
        .route(&route("/app", &format!("allow_in_path = [{open}]")))
        .route(&route("/app/admin", &format!("roles = [\"admin\"]\nallow_in_path = [{open}]")))
        .route(&route("/strict", "auth = \"none\""))
        .route(&route("/cut", &format!("auth = \"none\"\nstrip_prefix = true\nallow_in_path = [{open}]")))
        .start()
}

const ALL: &str = "\"semicolon\", \"encoded_slash\", \"empty_segment\"";

#[test] // P03, P05, P06
fn what_a_route_lets_through_reaches_the_backend_byte_for_byte() {
    let upstream = Upstream::start();
    let gateway = site(&upstream, ALL);
    let alice = gateway.register("alice");
    for path in
        ["/x;v=1/y", "/a%2fb/c", "/a%2Fb", "/a//b", "/a/b//", "/x;v=%2F/y?q=//;", "/app/x;v=1", "/app/a%2fb", "/app//x"]
    {
        upstream.forget();
        gateway.get(path).bearer(&alice.access).send().expect(200);
        assert_eq!(upstream.only().target, path);
    }
    for (path, cut) in [("/cut/a;b", "/a;b"), ("/cut;v=1/a", "/a"), ("/cut/a%2fb", "/a%2fb"), ("/cut/a//b", "/a//b")] {
        upstream.forget();
        gateway.get(path).send().expect(200);
        assert_eq!(upstream.only().target, cut, "{path}");
    }
    gateway.get("/cut//evil.example/x").send().refused(400, "ambiguous_path");
}

#[test] // P01 to P06, P18
fn no_spelling_leads_past_the_rule_of_another_route() {
    let upstream = Upstream::start();
    let gateway = site(&upstream, ALL);
    let alice = gateway.register("alice");
    for path in [
        "/app%2fx",
        "//app/x",
        "/;/app/x",
        "/%2fapp",
        "/x%2f..%2fapp",
        "/pub/..;/app",
        "/pub/..%2fapp",
        "/strict%2fx",
        "/cut%2f..%2fapp",
    ] {
        gateway.get(path).send().refused(400, "ambiguous_path");
    }
    // Where every reading leads to the same rule, the rule holds.
    for path in ["/app;x/y", "/app/x;y", "/app//x", "/app/x%2fy"] {
        gateway.get(path).send().refused(401, "login_required");
    }
    for path in ["/app;v=1/admin", "/app/admin;x", "/app/admin/;x"] {
        let status = gateway.get(path).bearer(&alice.access).send().status;
        assert!([400, 403].contains(&status), "{path}: {status}");
    }
    for path in ["/app%2fadmin", "/app/%2fadmin", "/app//admin", "/app/x;/../admin", "/app/;/admin"] {
        gateway.get(path).bearer(&alice.access).send().refused(400, "ambiguous_path");
    }
    // Our own endpoints have one spelling.
    for path in ["/auth;x/me", "/auth/me;x", "/auth%2fme", "//auth/me", "/.well-known;x/jwks.json"] {
        let answer = gateway.get(path).send();
        assert!([400, 404].contains(&answer.status) && answer.is_own(), "{path}: {}", answer.status);
    }
    // A route that lets nothing through stays as strict as without the others.
    for path in ["/strict/a;b", "/strict/a%2fb", "/strict//a"] {
        gateway.get(path).send().refused(400, "ambiguous_path");
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn one_spelling_does_not_open_the_others() {
    let upstream = Upstream::start();
    for (open, passes) in [("\"semicolon\"", "/a;b"), ("\"encoded_slash\"", "/a%2fb"), ("\"empty_segment\"", "/a//b")] {
        let gateway = site(&upstream, open);
        for path in ["/a;b", "/a%2fb", "/a//b"] {
            let expected = if path == passes { 200 } else { 400 };
            gateway.get(path).send().expect(expected);
        }
    }
}
