//! Requests that other sites cause, and forms of our own (catalogue, S03 to S06; D01 to D08).
use serde_json::json;

use crate::support::browser::{Form, escaped};
use crate::support::client::password_of;
use crate::support::{Answer, Browser, Call, Site, Upstream};

const HANDSHAKE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

fn with<'a>(call: Call<'a>, fields: &[(&str, &str)]) -> Call<'a> {
    fields.iter().fold(call, |call, (name, value)| call.header(name, value))
}

/// How another site's page makes a browser ask.
const FOREIGN: &[&[(&str, &str)]] = &[
    &[("Origin", "https://evil.example")],
    &[("Origin", "null")],
    &[("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "same-site")],
    &[("Referer", "https://evil.example/page")],
    &[("Origin", "http://127.0.0.1:1")],
];

#[test]
fn what_another_site_caused_changes_nothing_on_a_route() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let site =
        Site::fixture(&upstream).route(&format!("prefix = \"/maybe\"\nupstream = \"{url}\"\nauth = \"optional\""));
    let gateway = site.start();
    let browser = Browser::signed_in(&gateway);
    upstream.forget();
    for fields in FOREIGN {
        for (method, path) in [("POST", "/app"), ("PUT", "/app"), ("DELETE", "/app"), ("POST", "/maybe")] {
            let call = with(gateway.call(method, path), fields);
            browser.send(call).refused(403, "foreign_origin");
        }
        let opened = with(with(gateway.get("/app"), &HANDSHAKE), fields);
        browser.send(opened).refused(403, "foreign_origin");
    }
    assert!(upstream.seen().is_empty());
    for fields in FOREIGN {
        // Reading is what a link does; nobody else's script sees the answer.
        browser.send(with(gateway.get("/app"), fields)).expect(200);
        // Without the cookie nobody is asked about where it came from, as ever.
        gateway.post("/app").bearer(&gateway.sign_in("alice").access).send().expect(200);
    }
    for fields in [
        &[("Origin", browser.origin().as_str())][..],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
        &[],
    ] {
        browser.send(with(gateway.post("/app"), fields)).expect(200);
    }
    gateway.stands(&upstream);
}

#[test]
fn a_page_of_another_host_of_the_same_gateway_may_ask_its_own_host() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("server", "public_url", "\"http://login.example.com\"").start();
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let page = browser.send(gateway.get("/auth/login").header("Host", "login.example.com")).expect(200);
    let body = Form::of(&page.text()).filled(&[("username", "alice"), ("password", &password_of("alice"))]);
    let post =
        gateway.post("/auth/login").header("Host", "login.example.com").header("Origin", "http://login.example.com");
    browser.send(post.form(&body)).expect(303);
    let at =
        |host: &str, origin: &str| browser.send(gateway.post("/app").header("Host", host).header("Origin", origin));
    at("app.example.com", "http://app.example.com").expect(200);
    at("app.example.com", "http://login.example.com").expect(200);
    at("app.example.com", "http://other.example.com").refused(403, "foreign_origin");
}

#[test] // S03
fn signing_in_by_form_needs_a_form_of_ours() {
    let gateway = Site::fixture(&Upstream::start()).start();
    gateway.register("alice");
    let password = password_of("alice");
    let browser = Browser::new(&gateway);
    let page = browser.open("/auth/login").expect(200);
    let good = Form::of(&page.text()).filled(&[("username", "alice"), ("password", &password)]);
    let refused = |answer: Answer| {
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert!(answer.field("set-cookie").is_none());
    };
    for fields in FOREIGN {
        refused(browser.send(with(gateway.post("/auth/login"), fields).form(&good)));
        let json = json!({ "username": "alice", "password": password });
        refused(browser.send(with(gateway.post("/auth/login"), fields).json(&json)));
    }
    let bare = format!("username=alice&password={password}");
    refused(browser.send(gateway.post("/auth/login").form(&bare)));
    refused(browser.send(gateway.post("/auth/login").form(&format!("{bare}&csrf=x"))));
    refused(gateway.post("/auth/login").form(&good).send());
    // A token of somebody else's form.
    let other = Browser::new(&gateway);
    let other_page = other.open("/auth/login").expect(200);
    let foreign = Form::of(&other_page.text()).filled(&[("username", "alice"), ("password", &password)]);
    refused(browser.send(gateway.post("/auth/login").form(&foreign)));
    // What says nothing about where it comes from, as programs and old browsers do, is taken with the form's token.
    browser.send(gateway.post("/auth/login").form(&good)).expect(303);
}

#[test]
fn forms_of_several_tabs_stay_good_before_and_after_signing_in() {
    let gateway = Site::fixture(&Upstream::start()).start();
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let (first, second) = (browser.open("/auth/login?return_to=/app/1"), browser.open("/auth/login?return_to=/app/2"));
    let fields = [("username", "alice"), ("password", &*password_of("alice"))];
    let done = browser.submit(&second, &fields).expect(303);
    assert_eq!(done.field("location"), Some("/app/2"));
    let done = browser.submit(&first, &fields).expect(303);
    assert_eq!(done.field("location"), Some("/app/1"));
    browser.open("/app").expect(200);
}

#[test] // S04
fn other_kinds_of_body_are_not_read() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    for path in ["/auth/login", "/auth/logout"] {
        for kind in ["text/plain", "multipart/form-data; boundary=x", "application/xml"] {
            browser.send(browser.fetch("POST", path).body(kind, "{\"a\":1}")).refused(415, "unsupported_media_type");
        }
        let mut raw = gateway.raw();
        raw.send(format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n{{}}", gateway.authority()));
        assert_eq!(raw.answer().unwrap().status, 415, "{path}");
    }
    browser.open("/app").expect(200);
}

#[test] // S05, S06
fn signing_out_needs_a_request_of_ours_and_no_get_does_it() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    for fields in FOREIGN {
        for path in ["/auth/logout", "/auth/logout-all", "/auth/refresh"] {
            browser.send(with(gateway.post(path), fields)).refused(403, "foreign_origin");
        }
    }
    for (method, path) in
        [("GET", "/auth/logout"), ("HEAD", "/auth/logout"), ("GET", "/auth/refresh"), ("HEAD", "/auth/refresh")]
    {
        browser.send(gateway.call(method, path)).expect(405);
    }
    browser.send(gateway.post("/auth/logout").form("return_to=/pub")).refused(403, "bad_form");
    browser.open("/app").expect(200);
    let page = browser.open("/auth/login?prompt=login").expect(200);
    let form = Form::of(&page.text()).filled(&[("return_to", "/pub/bye")]);
    let out = browser.send(browser.fetch("POST", "/auth/logout").form(&form)).expect(303);
    assert_eq!(out.field("location"), Some("/pub/bye"));
    assert!(browser.cookie("authgate").is_none());
    browser.send(browser.fetch("GET", "/app")).refused(401, "login_required");
    // Again, signed out: the same.
    browser.send(browser.fetch("POST", "/auth/logout").form(&form)).expect(303);
}

#[test]
fn a_sign_out_by_form_asks_for_its_token_only_where_a_browser_adds_the_cookie_by_itself() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    let out = |call: Call<'_>| assert_eq!(call.send().expect(303).field("location"), Some("/pub"));
    let (bearer, refresh) = (gateway.sign_in("alice"), gateway.sign_in("alice"));
    out(gateway.post("/auth/logout").bearer(&bearer.access).form("return_to=/pub"));
    gateway.get("/app").bearer(&bearer.access).send().refused(401, "session_ended");
    out(gateway.post("/auth/logout").form(&format!("return_to=/pub&refresh_token={}", refresh.refresh)));
    gateway.get("/app").bearer(&refresh.access).send().refused(401, "session_ended");
    let with_cookie = |form: &str| browser.send(gateway.post("/auth/logout").form(form));
    with_cookie("return_to=/pub").refused(403, "bad_form");
    with_cookie(&format!("return_to=/pub&refresh_token={}", refresh.refresh)).refused(403, "bad_form");
    browser.open("/app").expect(200);
    // The site's own origin is named.
    browser.send(browser.fetch("POST", "/auth/logout").form("return_to=/pub")).expect(303);
    assert!(browser.cookie("authgate").is_none());
}

#[test] // D01 to D05
fn nobody_is_sent_to_another_site() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let browser = Browser::signed_in(&gateway);
    #[rustfmt::skip]
    let places = [
        "//evil", "///evil", "http://evil", "https:evil", "https:/evil", "javascript:alert(1)", "data:text/html,x", "/\\evil", "\\\\evil",
        "/%09/evil", "/%0a/evil", "%20//evil", "%09//evil", "\t//evil", "http://g.evil/", "http://g@evil/", "http://evil\\.g/",
        "//evil%E3%80%82com", "//\u{ff45}vil.com", "/..//evil", "/.//evil", "/%2f/evil", "/ok%0d%0aSet-Cookie:%20x=1", "/a\r\nSet-Cookie: x=1",
        "/auth/login", "/auth/login?return_to=/app", "",
    ];
    for place in places {
        let target = format!("/auth/login?return_to={}", escaped(place));
        let answer = browser.open(&target).expect(303);
        assert_eq!(answer.head.all("location"), ["/"], "{place:?}");
        assert!(answer.field("set-cookie").is_none(), "{place:?}");
        let fresh = Browser::new(&gateway);
        let page = fresh.open(&target).expect(200);
        let answer =
            fresh.submit(&page, &[("username", "alice"), ("password", &password_of("alice")), ("return_to", place)]);
        assert_eq!(answer.expect(303).head.all("location"), ["/"], "{place:?}");
    }
    // Signing up and out lead to no other place either.
    let places = ["//evil", "/\\evil", "https://evil", "/%0d%0aX:%20y", "/%2f%2fevil", "javascript:alert(1)"];
    for (turn, place) in places.into_iter().enumerate() {
        let new = Browser::new(&gateway);
        let page = new.open(&format!("/auth/register?return_to={}", escaped(place))).expect(200);
        assert!(!page.text().contains("return_to"), "{place:?}");
        let name = format!("new-{turn}");
        let fields = [("username", name.as_str()), ("password", "seven green bottles"), ("return_to", place)];
        let done = new.submit(&page, &fields).expect(303);
        assert_eq!(done.head.all("location"), ["/"], "{place:?}");
        let account = new.open("/auth/account").expect(200);
        let out = new.submit(&account, &[("return_to", place)]).expect(303);
        assert_eq!(out.head.all("location"), ["/"], "{place:?}");
    }
    // Twice the same name says nothing.
    let twice = browser.open("/auth/login?return_to=/app&return_to=//evil").expect(303);
    assert_eq!(twice.field("location"), Some("/"));
    let far = browser.open(&format!("/auth/login?return_to={}", escaped("/app/x?u=http://evil//&a=%0d"))).expect(303);
    assert_eq!(far.field("location"), Some("/app/x?u=http://evil//&a=%0d"));
}

#[test] // D08
fn what_a_stranger_wrote_is_text_in_the_page() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let script = "\"><svg onload=1>";
    let browser = Browser::new(&gateway);
    for target in
        [format!("/auth/login?next={}", escaped(script)), format!("/auth/login?return_to=/a{}", escaped(script))]
    {
        assert!(!browser.open(&target).expect(200).text().contains("<svg"), "{target}");
    }
    let page = browser.open("/auth/login").expect(200);
    let again = browser.submit(&page, &[("username", script), ("password", "x")]).expect(401);
    assert!(!again.text().contains("<svg") && again.text().contains("&lt;svg onload=1&gt;"), "{}", again.text());
}

#[test]
fn a_browser_that_keeps_no_cookie_is_told_so_and_not_asked_again() {
    let gateway = Site::fixture(&Upstream::start()).start();
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let page = browser.open("/auth/login").expect(200);
    let body = Form::of(&page.text()).filled(&[("username", "alice"), ("password", &password_of("alice"))]);
    let origin = browser.origin();
    let answer = gateway.post("/auth/login").header("Origin", &origin).form(&body).send().expect(403);
    assert!(answer.text().contains("Allow cookies") && !answer.text().contains("<form"), "{}", answer.text());
    // Secure on plain HTTP: no browser keeps it.
    let secure = Site::fixture(&Upstream::start()).set("server", "public_url", "\"https://127.0.0.1:1\"").start();
    let answer =
        secure.post("/auth/login").header("Origin", "https://127.0.0.1:1").form("username=a&password=b").send();
    assert!(answer.expect(403).text().contains("https://"));
    // The page was opened at another place than public_url names.
    let answer =
        secure.post("/auth/login").header("Origin", &format!("http://{}", secure.authority())).form("a=b").send();
    let text = answer.expect(403).text();
    assert!(text.contains("https://127.0.0.1:1") && text.contains("public_url"), "{text}");
}

#[test]
fn a_form_that_is_too_old_is_shown_again_with_what_was_typed_but_no_password() {
    let gateway = Site::fixture(&Upstream::start()).start();
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    browser.open("/auth/login").expect(200);
    for (path, fields, kept, said) in [
        ("/auth/login", "username=alice&password=pass-word-9&return_to=/app/1", "alice", "ce formulaire"),
        ("/auth/register", "username=zoe&email=z%40example.com&password=pass-word-9", "z@example.com", "ce formulaire"),
        ("/auth/password/forgot", "email=z%40example.com", "z@example.com", "ce formulaire"),
        ("/auth/password/reset", "token=agl_x&new_password=pass-word-9", "agl_x", "ce formulaire"),
        ("/auth/mfa", "challenge=agc_x&code=pass-word-9&return_to=/app/1", "/app/1", "ce formulaire"),
    ] {
        let call = browser.fetch("POST", path).header("Accept-Language", "fr").form(&format!("{fields}&csrf=old"));
        let page = browser.send(call).expect(403);
        let text = page.text();
        assert!(text.to_lowercase().contains(said) && text.contains(&format!("value=\"{kept}\"")), "{path}: {text}");
        assert!(!text.contains("pass-word-9") && text.contains("<form"), "{path}: {text}");
    }
    // Sent once more, it is good.
    let old = browser.fetch("POST", "/auth/login").form("username=alice&return_to=/app/1&csrf=old");
    let again = browser.send(old).expect(403);
    let done = browser.submit(&again, &[("username", "alice"), ("password", &password_of("alice"))]).expect(303);
    assert_eq!(done.field("location"), Some("/app/1"));
    // On the account page it is said in words of its own.
    let call =
        browser.fetch("POST", "/auth/account").header("Accept", "text/html").header("Sec-Fetch-Mode", "navigate");
    let text = browser.send(call.form("name=x&csrf=old")).expect(403).text();
    assert!(text.contains("bad_form"), "{text}");
}

#[test]
fn a_page_of_an_origin_that_the_route_lends_cookies_to_may_change_things_and_no_near_miss_may() {
    let upstream = Upstream::start();
    let spa = "https://spa.example.com";
    let route = |prefix: &str, more: &str| format!("prefix = \"{prefix}\"\nupstream = \"{}\"\n{more}", upstream.url());
    let gateway = Site::fixture(&upstream)
        .route(&route(
            "/lent",
            &format!("cors = {{ origins = [\"{spa}\", \"http://[::1]:5173\"], credentials = true }}"),
        ))
        .route(&route("/bare", "cors = { origins = [\"https://bare.example.com\"] }"))
        .route(&route("/any", "cors = { origins = [\"*\"] }"))
        .start();
    let browser = Browser::signed_in(&gateway);
    upstream.forget();
    let ask = |method: &str, path: &str, origin: &str, site: &str| {
        let call = gateway.call(method, path).header("Origin", origin).header("Sec-Fetch-Site", site);
        browser.send(call.header("Sec-Fetch-Mode", "cors"))
    };
    for site in ["cross-site", "same-site"] {
        let answer = ask("POST", "/lent/x", spa, site).expect(200);
        assert_eq!(answer.field("access-control-allow-credentials"), Some("true"));
        assert_eq!(upstream.last().field("x-user-name"), Some("alice"));
        ask("DELETE", "/lent/x", "http://[::1]:5173", site).expect(200);
    }
    browser.send(with(gateway.get("/lent"), &HANDSHAKE).header("Origin", spa)).expect(200);
    upstream.forget();
    for origin in [
        "null",
        "",
        "https://spa.example.com.evil.example",
        "https://www.spa.example.com",
        "https://example.com",
        "http://spa.example.com",
        "https://spa.example.com:444",
        "https://spa.example.com:443",
        "https://SPA.example.com",
        "https://spa.example.com/",
        "https://evil.example",
    ] {
        ask("POST", "/lent/x", origin, "cross-site").refused(403, "foreign_origin");
    }
    for path in ["/app", "/bare/x", "/any/x"] {
        ask("POST", path, spa, "same-site").refused(403, "foreign_origin");
    }
    let twice = gateway.post("/lent/x").header("Origin", spa).header("Origin", spa);
    browser.send(twice).refused(403, "foreign_origin");
    browser.send(gateway.post("/lent/x").header("Referer", &format!("{spa}/x"))).refused(403, "foreign_origin");
    // Named without credentials: the cookie is as good as not sent.
    ask("POST", "/bare/x", "https://bare.example.com", "cross-site").refused(401, "login_required");
    assert!(upstream.seen().is_empty());
    // The gateway's own endpoints take it from any origin that some route lends cookies to.
    ask("GET", "/auth/me", spa, "cross-site").expect(200);
    ask("POST", "/auth/logout", "https://www.spa.example.com", "same-site").refused(403, "foreign_origin");
    browser.open("/app").expect(200);
    ask("POST", "/auth/logout", spa, "cross-site").expect(204);
    browser.send(browser.fetch("GET", "/app")).refused(401, "login_required");
}

#[test]
fn a_form_that_is_refused_says_why_and_for_how_long() {
    let gateway = Site::fixture(&Upstream::start()).set("limits", "login_per_account", "\"2/m\"").start();
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let mut page = browser.open("/auth/login").expect(200);
    for status in [401, 401, 429] {
        page = browser.submit(&page, &[("username", "alice"), ("password", "wrong one")]).expect(status);
    }
    assert!(page.text().contains("Try again in") && page.field("retry-after").is_some(), "{}", page.text());
    crate::support::authgate(gateway.folder(), &[], &["user", "disable", "alice"]).expect(0);
    let other = Site::fixture(&Upstream::start()).start();
    other.register("alice");
    crate::support::authgate(other.folder(), &[], &["user", "disable", "alice"]).expect(0);
    let browser = Browser::new(&other);
    browser.sign_in("alice", "/").expect(403);
}
