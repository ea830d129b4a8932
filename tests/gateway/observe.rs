//! `mode = "observe"`: nobody is refused, and `authgate report` says where the rule and the backend differ.
use serde_json::Value;

use crate::support::{Gateway, Ran, Reply, SOON, Seen, Site, Upstream, authgate, log, until};

/// A backend that checks for itself: whom it knows by its own key gets in, and nobody else.
fn checking() -> Upstream {
    Upstream::answering(|seen: &Seen| {
        if seen.field("x-own-key") == Some("known") {
            Reply::new("200 OK", "", "in")
        } else {
            Reply::new("401 Unauthorized", "", "out")
        }
    })
}

fn observed(upstream: &Upstream) -> Site {
    let url = upstream.url();
    Site::fixture(upstream)
        .route(&format!("prefix = \"/seen\"\nupstream = \"{url}\"\nmode = \"observe\""))
        .route(&format!("prefix = \"/seen/admin\"\nupstream = \"{url}\"\nmode = \"observe\"\nroles = [\"admin\"]"))
        .route(&format!(
            "prefix = \"/seen/few\"\nupstream = \"{url}\"\nmode = \"observe\"\nmethods = [\"POST\"]\nnetworks = [\"192.0.2.0/24\"]\nrate_per_ip = \"1/h\""
        ))
}

fn report(gateway: &Gateway, args: &[&str]) -> Ran {
    let args: Vec<_> = ["report", "-c", "gateway.toml"].iter().chain(args).copied().collect();
    authgate(gateway.folder(), gateway.site().variables(), &args)
}

/// The report once so many requests are in it.
fn report_of(gateway: &Gateway, requests: i64) -> (Ran, Vec<Value>) {
    let mut told = None;
    until(&format!("a report of {requests} requests"), SOON, || {
        let ran = report(gateway, &["--json"]);
        let routes: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
        let all: i64 = routes.iter().filter_map(|route| route["requests"].as_i64()).sum();
        told = Some((ran, routes));
        all == requests
    });
    told.unwrap()
}

fn route<'a>(routes: &'a [Value], name: &str) -> &'a Value {
    routes.iter().find(|route| route["route"] == name).unwrap_or_else(|| panic!("no {name} in {routes:?}"))
}

#[test]
fn nobody_is_refused_and_identity_is_passed_on_when_it_is_good() {
    let upstream = Upstream::start();
    let gateway = observed(&upstream).start();
    let alice = gateway.register("alice");
    let last = |expected: Option<&str>| {
        let seen = upstream.last();
        assert_eq!(seen.folded("x-user-name"), expected.into_iter().collect::<Vec<_>>(), "{}", seen.target);
    };
    let spoofed = |path: &str| gateway.get(path).header("X-User-Name", "root").header("X_User_Name", "root");
    spoofed("/seen/x").send().expect(200);
    last(None);
    spoofed("/seen/x").bearer(&alice.access).send().expect(200);
    last(Some("alice"));
    // Known, but without the role; from another network and with another method.
    for path in ["/seen/admin/x", "/seen/few/x"] {
        spoofed(path).bearer(&alice.access).send().expect(200);
        last(Some("alice"));
    }
    // The limit of one in an hour is passed, too.
    spoofed("/seen/few/x").send().expect(200);
    last(None);
    // A credential of the backend's own arrives as it was sent; a bad one is nobody's.
    for credential in ["Bearer not-one-of-ours", "Basic YTpi"] {
        spoofed("/seen/x").header("Authorization", credential).send().expect(200);
        last(None);
        assert_eq!(upstream.last().field("authorization"), Some(credential));
    }
    // What is ambiguous is refused on every route, and enforcing ones are as strict as ever.
    gateway.get("/seen/../app").send().expect(400);
    gateway.get("/app/x").send().expect(401);
    gateway.stands(&upstream);
}

#[test]
fn a_browsers_question_is_not_refused_on_an_observed_route() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let cors = "cors = { origins = [\"https://spa.example\"] }";
    let gateway = Site::fixture(&upstream)
        .route(&format!("prefix = \"/lent\"\nupstream = \"{url}\"\nmode = \"observe\"\n{cors}"))
        .route(&format!("prefix = \"/rare\"\nupstream = \"{url}\"\nmode = \"observe\"\n{cors}\nrate_per_ip = \"1/h\""))
        .start();
    let ask = |path: &str, origin: &str| {
        let call = gateway.call("OPTIONS", path).header("Origin", origin);
        call.header("Access-Control-Request-Method", "PUT").send()
    };
    // Whom the route names is answered here; everybody else asks the backend, as if nothing stood before it.
    ask("/lent/x", "https://spa.example").expect(204);
    assert_eq!(upstream.seen().len(), 0);
    ask("/lent/x", "https://other.example").expect(200);
    assert_eq!(upstream.last().method, "OPTIONS");
    ask("/rare/x", "https://spa.example").expect(204);
    ask("/rare/x", "https://spa.example").expect(200);
    assert_eq!(upstream.seen().len(), 2);
    let (_, routes) = report_of(&gateway, 2);
    assert_eq!(routes.len(), 2, "{routes:?}");
}

#[test]
fn somebody_signed_out_is_nobody_on_an_observed_route() {
    let upstream = Upstream::start();
    let gateway = observed(&upstream).start();
    let alice = gateway.register("alice");
    gateway.log_out(&alice.access).expect(204);
    gateway.get("/seen/x").bearer(&alice.access).send().expect(200);
    let seen = upstream.last();
    assert!(seen.folded("x-user-name").is_empty());
    let mut line = None;
    until("the log line", SOON, || {
        line = log::request(&gateway.log_text(), seen.field("x-request-id").unwrap());
        line.is_some()
    });
    let line = line.unwrap();
    assert_eq!((&line["decision"], &line["reason"]), (&"observe".into(), &"session_ended".into()));
    let metrics = gateway.admin("GET", "/metrics").send().text();
    let counted = r#"authgate_decisions_total{decision="observe",reason="session_ended",route="/seen"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn the_report_tells_where_the_rule_and_the_backend_differ() {
    let upstream = checking();
    let mut gateway = observed(&upstream).start();
    let alice = gateway.register("alice");
    let ran = report(&gateway, &[]).expect(0);
    assert!(ran.out.contains("nothing was asked yet"), "{}", ran.out);
    let ask = |path: &str, knows_backend: bool, knows_us: bool| {
        let call = gateway.get(path);
        let call = if knows_backend { call.header("X-Own-Key", "known") } else { call };
        let call = if knows_us { call.bearer(&alice.access) } else { call };
        call.send().expect(if knows_backend { 200 } else { 401 });
    };
    // Both let in, and both refuse.
    ask("/seen/x", true, true);
    ask("/seen/x", false, false);
    let (ran, _) = report_of(&gateway, 2);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // What enforce would lock out, and what it would let in.
    ask("/seen/health?secret=no", true, false);
    ask("/seen/health?secret=no", true, false);
    ask("/seen/x", false, true);
    ask("/seen/admin/x", true, true);
    let (ran, routes) = report_of(&gateway, 6);
    assert_eq!(ran.code, 1, "{}", ran.out);
    let seen = route(&routes, "/seen");
    assert_eq!((&seen["requests"], &seen["different"]), (&5.into(), &3.into()), "{seen}");
    let locked_out = &seen["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .find(|kind| kind["reason"] == "login_required" && kind["differs"] == true)
        .unwrap()
        .clone();
    assert_eq!(
        (&locked_out["requests"], &locked_out["authgate"], &locked_out["backend"]),
        (&2.into(), &"deny".into(), &"allow".into())
    );
    assert_eq!(locked_out["last"], serde_json::json!({ "method": "GET", "path": "/seen/health", "status": 200 }));
    assert_eq!(route(&routes, "/seen/admin")["kinds"][0]["reason"], "missing_role");
    assert_eq!(route(&routes, "/seen/few")["requests"], 0);
    // It survives a restart, and a route that observes no more is still told of.
    gateway.stop();
    gateway.change(|site| site.route(&format!("prefix = \"/other\"\nupstream = \"{}\"", upstream.url())));
    gateway.run();
    let text = report(&gateway, &[]).expect(1).out;
    for line in [
        "5 requests, 3 with a difference",
        "2  the backend let in, authgate would refuse: login_required",
        "last: GET /seen/health -> 200",
        "1  the backend refused, authgate would let in",
        "1  the backend let in, authgate would refuse: missing_role",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("secret"), "{text}");
    report(&gateway, &["--forget"]).expect(0);
    report(&gateway, &[]).expect(0);
}

#[test]
fn a_stop_keeps_what_was_counted_last() {
    let upstream = checking();
    let mut gateway = observed(&upstream).start();
    gateway.get("/seen/x").header("X-Own-Key", "known").send().expect(200);
    gateway.stop();
    assert_eq!(report(&gateway, &["--json"]).expect(1).json()[0]["different"], 1);
}

#[test]
fn check_and_explain_say_that_nothing_is_enforced() {
    let upstream = Upstream::start();
    let gateway = observed(&upstream).start();
    let run = |args: &[&str]| authgate(gateway.folder(), gateway.site().variables(), args);
    let checked = run(&["check", "gateway.toml"]).expect(0).out;
    assert!(checked.contains("login (observed)") && checked.contains("nobody is refused under /seen"), "{checked}");
    let explained = run(&["explain", "GET", "/seen/x"]).expect(0).out;
    assert!(explained.contains("only observes") && explained.contains("login_required"), "{explained}");
    let json = run(&["explain", "--json", "GET", "/seen/x"]).expect(0).json();
    assert_eq!((&json["status"], &json["overlooked"]), (&200.into(), &"login_required".into()));
}
