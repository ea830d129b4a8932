//! `authgate explain` and the gateway always agree.
use serde_json::{Value, json};

use crate::support::{Browser, Gateway, Ran, Site, Upstream, authgate, authgate_with_input};

fn explain(gateway: &Gateway, args: &[&str]) -> Ran {
    let args: Vec<_> = ["explain", "-c", "gateway.toml"].iter().chain(args).copied().collect();
    authgate(gateway.folder(), gateway.site().variables(), &args)
}

#[test]
fn it_says_what_the_gateway_does() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let admin = gateway.add_admin("boss");
    let tokens = [(None, None), (Some("alice"), Some(&alice.access)), (Some("boss"), Some(&admin.access))];
    for path in ["/pub/x", "/app/x", "/app/%61dmin/users?page=2", "/nowhere", "/pub/../app", "/pub//x", "/pub/%2fx"] {
        for (name, token) in tokens {
            let call = gateway.get(path);
            let answer = token.map_or(gateway.get(path), |token| call.bearer(token)).send();
            let mut args = vec!["--json", "GET", path];
            args.extend(name.iter().flat_map(|name| ["--user", name]));
            let ran = explain(&gateway, &args);
            let json = ran.json();
            let about = format!("{path} as {name:?}: {json}");
            assert_eq!(ran.code, i32::from(answer.status != 200), "{about}");
            assert_eq!(json["status"], answer.status, "{about}");
            let code = if answer.status == 200 { Value::Null } else { Value::from(answer.code()) };
            assert_eq!(json["error"], code, "{about}");
            assert!(json["steps"].is_array(), "{about}");
            if answer.status == 200 {
                assert_eq!(json["path"], upstream.last().path(), "{about}");
                assert!(json["upstream"].is_string() && json["route"].is_string(), "{about}");
            }
        }
    }
}

#[test]
fn it_says_why_in_words() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("bob");
    let denied = explain(&gateway, &["GET", "/app/%61dmin/users?page=2", "--user", "bob"]).expect(1);
    for word in [
        "denied: 403 Forbidden",
        "missing_role",
        "is read as",
        "/app/admin/users",
        "longest",
        "needs one of: admin",
        "gateway.toml:",
    ] {
        assert!(denied.out.contains(word), "{word} is not in\n{}", denied.out);
    }
    assert!(denied.out.contains("authgate user edit bob --add-role admin"), "{}", denied.out);
    let allowed = explain(&gateway, &["GET", "/app/invoices", "--user", "bob"]).expect(0);
    for word in ["allowed", "sent to the backend", "X-User-Name: bob", "taken away", "Authorization"] {
        assert!(allowed.out.contains(word), "{word} is not in\n{}", allowed.out);
    }
}

#[test]
fn a_token_can_be_explained_without_standing_on_the_command_line() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let args = ["explain", "-c", "gateway.toml", "GET", "/app/x", "--token-file", "-"];
    let run = |token: &str| authgate_with_input(gateway.folder(), gateway.site().variables(), &args, token);
    let good = run(&alice.access).expect(0);
    assert!(!good.out.contains(&alice.access), "the token is not shown again");
    let bad = run("bad.bad.bad").expect(1);
    assert!(bad.out.contains("token_invalid"), "{}", bad.out);
    gateway.log_out(&alice.access).expect(204);
    assert!(run(&alice.access).expect(1).out.contains("session_ended"));
}

#[test]
fn somebody_who_is_not_there_is_said_not_to_be_there() {
    let gateway = Gateway::start(&Upstream::start());
    let ran = explain(&gateway, &["GET", "/app/x", "--user", "nobody-here"]).expect(1);
    assert!(format!("{}{}", ran.out, ran.err).contains("nobody-here"));
}

#[test]
fn the_cookie_of_a_browser_is_looked_up() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    let field = format!("Cookie: {}", browser.cookies().unwrap());
    let ask = |args: &[&str]| explain(&gateway, &[&["--json"], args, &["-H", &field]].concat());
    let good = ask(&["GET", "/app/x"]).expect(0).json();
    assert_eq!(good["sent"]["X-User-Name"], "alice", "{good}");
    assert!(good["steps"].to_string().contains("cookie session"), "{good}");
    assert_eq!(ask(&["GET", "/app/admin"]).expect(1).json()["error"], "missing_role");
    assert_eq!(
        ask(&["POST", "/app/x", "-H", "Origin: https://evil.example"]).expect(1).json()["error"],
        "foreign_origin"
    );
    let text = explain(&gateway, &["GET", "/app/x", "-H", &field]).expect(0).out;
    assert!(text.contains("of alice, until"), "{text}");
    browser.send(browser.fetch("POST", "/auth/logout")).expect(204);
    let ended = ask(&["GET", "/app/x"]).expect(1).json();
    assert_eq!(ended["error"], "session_ended");
    assert!(ended["cure"].as_str().unwrap().contains("signs in again"), "{ended}");
    let strange = explain(&gateway, &["--json", "GET", "/app/x", "-H", "Cookie: authgate=x"]).expect(1).json();
    assert_eq!(strange["error"], "token_invalid");
}

#[test]
fn a_token_in_a_field_is_judged_as_the_gateway_judges_it() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    let field = |token: &str| format!("Authorization: Bearer {token}");
    let good = explain(&gateway, &["--json", "GET", "/app/x", "-H", &field(&alice.access)]).expect(0).json();
    assert_eq!(good["sent"]["X-User-Name"], "alice", "{good}");
    assert!(good["steps"].to_string().contains("token signature"), "{good}");
    assert!(!good.to_string().contains(&alice.access), "the token is not shown again");
    gateway.log_out(&alice.access).expect(204);
    let ended = explain(&gateway, &["--json", "GET", "/app/x", "-H", &field(&alice.access)]).expect(1).json();
    assert_eq!(ended["error"], "session_ended", "{ended}");

    let first = field(&alice.access);
    let others = [vec!["--token", &bob.access], vec!["--user", "bob"], vec!["-H", "Authorization: Basic YTpi"]];
    for other in others {
        let args = [vec!["--json", "GET", "/app/x", "-H", &first], other.clone()].concat();
        let two = explain(&gateway, &args).expect(1).json();
        assert_eq!((&two["status"], &two["error"]), (&Value::from(400), &Value::from("double_credentials")), "{two}");
        assert!(says_why(&two), "{other:?}: {two}");
    }
    let sent = gateway.get("/app/x").bearer(&alice.access).bearer(&bob.access).send();
    sent.refused(400, "double_credentials");
}

/// Whether something that was asked for is told to be missing. Routes that are not the longest are no reason.
fn says_why(json: &Value) -> bool {
    let is_another = |step: &Value| step["step"] == "route" && step["place"].is_string();
    json["steps"].as_array().unwrap().iter().any(|step| step["ok"] == false && !is_another(step))
}

#[test]
fn no_no_is_without_its_reason() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let site = Site::fixture(&upstream)
        .route(&format!("prefix = \"/inside\"\nupstream = \"{url}\"\nnetworks = [\"10.0.0.0/8\"]"))
        .route(&format!("prefix = \"/read\"\nupstream = \"{url}\"\nmethods = [\"GET\"]\nauth = \"none\""));
    let gateway = site.start();
    gateway.register("bob");
    let file = std::fs::read_to_string(gateway.file()).unwrap();
    let line = |key: &str| file.lines().position(|line| line.starts_with(key)).unwrap() + 1;
    let ask = |code: i32, args: &[&str]| {
        let json = explain(&gateway, &[&["--json"], args].concat()).expect(code).json();
        let text = explain(&gateway, args).expect(code).out;
        assert_eq!(says_why(&json), code == 1, "{args:?}: {json}");
        (json, text)
    };

    let (json, text) = ask(1, &["GET", "/inside/x", "--user", "bob", "--ip", "192.0.2.7"]);
    assert_eq!(json["error"], "network_not_allowed");
    let place = format!("gateway.toml:{}", line("networks"));
    assert!(text.contains("192.0.2.7") && text.contains("10.0.0.0/8") && text.contains(&place), "{text}");
    assert!(!json["steps"].to_string().contains("signed in"), "nobody was asked who they are: {json}");
    let (json, _) = ask(0, &["GET", "/inside/x", "--user", "bob", "--ip", "10.1.2.3"]);
    assert!(json["steps"].to_string().contains("network"), "{json}");

    let (json, text) = ask(1, &["POST", "/read/x"]);
    assert_eq!(json["error"], "method_not_allowed");
    let place = format!("gateway.toml:{}", line("methods"));
    assert!(text.contains("POST") && text.contains("GET, HEAD") && text.contains(&place), "{text}");

    let (json, text) = ask(1, &["get", "/read/x"]);
    assert_eq!(json["error"], "method_not_known");
    assert!(text.contains("capital letters") && !text.contains("more than one way"), "{text}");

    for nowhere in ["/nowhere", "/auth/nothing", "/pub/../app", "/pub//x"] {
        ask(1, &["GET", nowhere]);
    }
}

#[test]
fn what_would_let_somebody_in_does_so_when_it_is_run() {
    let upstream = Upstream::start();
    let route = format!(
        "prefix = \"/orders\"\nupstream = \"{}\"\nroles = [\"clerk\", \"boss\"]\nscopes = [\"orders:read\", \"orders:write\", \"stock\"]",
        upstream.url()
    );
    let gateway = Site::fixture(&upstream).route(&route).start();
    gateway.register("bob");
    authgate(gateway.folder(), &[], &["user", "edit", "bob", "--add-scope", "orders:write"]).expect(0);
    let ask = ["--json", "GET", "/orders/1", "--user", "bob"];
    let cure = explain(&gateway, &ask).expect(1).json()["cure"].as_str().unwrap().to_owned();
    let command = cure.split_once("authgate ").unwrap().1;
    assert_eq!(command, "user edit bob --add-role clerk --add-scope orders:read --add-scope stock");
    authgate(gateway.folder(), &[], &command.split(' ').collect::<Vec<_>>()).expect(0);
    explain(&gateway, &ask).expect(0);
}

#[test]
fn who_cannot_sign_in_is_not_let_in() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("bob");
    explain(&gateway, &["GET", "/app/x", "--user", "bob"]).expect(0);
    authgate(gateway.folder(), gateway.site().variables(), &["user", "disable", "-c", "gateway.toml", "bob"]).expect(0);
    let denied = explain(&gateway, &["GET", "/app/x", "--user", "bob"]).expect(1);
    for word in ["denied: 403", "account_disabled", "is disabled: cannot sign in", "authgate user enable bob"] {
        assert!(denied.out.contains(word), "{word} is not in\n{}", denied.out);
    }
    gateway.log_in("bob", &crate::support::client::password_of("bob")).refused(403, "account_disabled");
    explain(&gateway, &["GET", "/pub/x", "--user", "bob"]).expect(0);

    let strict = Site::fixture(&Upstream::start()).set("accounts", "verify_email", "true").start();
    let ann = json!({ "username": "ann", "email": "ann@example.com", "password": "six green bottles hang" });
    let status = strict.call("POST", "/auth/register").json(&ann).send().status;
    assert!((200..300).contains(&status), "{status}");
    strict.log_in("ann", "six green bottles hang").refused(403, "email_unverified");
    let json = explain(&strict, &["--json", "GET", "/app/x", "--user", "ann"]).expect(1).json();
    assert_eq!((&json["error"], &json["allowed"]), (&Value::from("email_unverified"), &Value::from(false)), "{json}");
    let step = json["steps"].as_array().unwrap().iter().find(|step| step["step"] == "account").unwrap();
    assert_eq!(step["ok"], false, "{json}");
}
