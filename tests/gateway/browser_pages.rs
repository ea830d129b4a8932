//! Who is led to the sign-in page and who gets a 401; too old sign-ins; other people's proxies (catalogue, D06, D07, D09).
use crate::support::{Answer, Browser, Gateway, Site, Upstream};

fn house(upstream: &Upstream) -> Gateway {
    let url = upstream.url();
    Site::fixture(upstream)
        .route(&format!("prefix = \"/form\"\nupstream = \"{url}\"\non_denied = \"login\""))
        .route(&format!("prefix = \"/api\"\nupstream = \"{url}\"\non_denied = \"401\""))
        .route(&format!("prefix = \"/bank\"\nupstream = \"{url}\"\nfresh_login = \"2s\""))
        .set("server", "trusted_proxies", "[\"127.0.0.1\"]")
        .start()
}

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

#[track_caller]
fn leads(answer: &Answer, place: &str) {
    assert_eq!((answer.status, answer.field("location")), (303, Some(place)), "{}", answer.text());
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert!(answer.field("vary").is_some_and(|vary| vary.contains("Cookie")), "{}", answer.text());
}

#[test]
fn who_opens_a_page_is_led_to_the_form_and_all_else_gets_a_401() {
    let upstream = Upstream::start();
    let gateway = house(&upstream);
    let place = "/auth/login?return_to=/app/x%3Fa%3Db";
    let app = |fields: &[(&str, &str)]| {
        fields.iter().fold(gateway.get("/app/x?a=b"), |call, (name, value)| call.header(name, value)).send()
    };
    leads(&app(&[("Sec-Fetch-Mode", "navigate"), ("Accept", HTML)]), place);
    leads(&app(&[("Accept", HTML)]), place);
    leads(&app(&[("Accept", HTML), ("Cookie", "authgate=x")]), place);
    for fields in [
        &[][..],
        &[("Accept", "*/*")],
        &[("Accept", "application/json")],
        &[("Accept", HTML), ("Sec-Fetch-Mode", "cors")],
        &[("Accept", HTML), ("Sec-Fetch-Mode", "no-cors")],
        &[("Accept", HTML), ("Authorization", "Bearer x.y.z")],
    ] {
        assert_eq!(app(fields).expect(401).field("location"), None, "{fields:?}");
    }
    gateway.call("HEAD", "/app/x").header("Accept", HTML).send().expect(303);
    gateway.post("/app/x").header("Accept", HTML).send().refused(401, "login_required");
    gateway.get("/api/x").header("Accept", HTML).send().refused(401, "login_required");
    leads(&gateway.get("/form/x").send(), "/auth/login?return_to=/form/x");
    leads(&gateway.post("/form/x?a").send(), "/auth/login");
    gateway.get("/nowhere").header("Accept", HTML).send().refused(404, "no_route");
    assert!(upstream.seen().is_empty());
    gateway.stands(&upstream);
}

#[test]
fn who_lacks_a_role_is_not_led_in_circles() {
    let gateway = house(&Upstream::start());
    let browser = Browser::signed_in(&gateway);
    let (at, answer) = browser.follow("/app/admin");
    assert_eq!((at.as_str(), answer.status), ("/app/admin", 403));
    let (at, answer) = browser.follow("/auth/login?return_to=/app/admin");
    assert_eq!((at.as_str(), answer.status), ("/app/admin", 403));
    browser.open("/auth/login?prompt=login&return_to=/app/admin").expect(200);
}

#[test]
fn a_sign_in_that_is_too_old_asks_for_the_password_alone_and_comes_back() {
    let upstream = Upstream::start();
    let gateway = house(&upstream);
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let answer = browser.sign_in("alice", "/bank/x%3Fa").expect(303);
    assert_eq!(answer.field("location"), Some("/bank/x?a"));
    browser.open("/bank/x?a").expect(200);
    crate::support::until("the sign-in is too old", crate::support::SOON, || browser.open("/bank/x?a").status == 303);
    browser.send(browser.fetch("GET", "/bank/x")).refused(401, "login_too_old");
    let (at, page) = browser.follow("/bank/x?a");
    assert_eq!(at, "/auth/login?return_to=/bank/x%3Fa&max_age=2");
    assert!(page.text().contains("value=\"alice\"") && !page.text().contains("id=\"username\""), "{}", page.text());
    let wrong = browser.submit(&page, &[("password", "wrong one")]).expect(401);
    let right = crate::support::client::password_of("alice");
    let done = browser.submit(&wrong, &[("username", "alice"), ("password", &right)]).expect(303);
    assert_eq!(done.field("location"), Some("/bank/x?a"));
    browser.open("/bank/x?a").expect(200);
    assert_eq!(upstream.last().field("x-user-name"), Some("alice"));
}

#[test]
fn every_page_runs_nothing_strange_stands_in_no_frame_and_is_kept_nowhere() {
    let gateway = house(&Upstream::start());
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let mut pages = vec![
        gateway.get("/nowhere").header("Accept", HTML).send().expect(404),
        gateway.get("/auth/errors").send().expect(200),
        gateway.post("/auth/login").form("username=x").send().expect(403),
    ];
    let link = "/auth/password/reset?token=agl_x";
    for path in ["/auth/login", "/auth/register", "/auth/password/forgot", link, "/auth/verify-email?token=agl_x"] {
        pages.push(browser.open(path).expect(200));
    }
    let form = browser.open("/auth/login").expect(200);
    pages.push(browser.submit(&form, &[("username", "alice"), ("password", "wrong one")]).expect(401));
    browser.sign_in("alice", "/").expect(303);
    for (path, status) in [("/auth/account", 200), ("/auth/account?done=names", 200), ("/app/admin", 403)] {
        pages.push(browser.open(path).expect(status));
    }
    for page in pages {
        let policy = page.field("content-security-policy").unwrap_or_else(|| panic!("{}", page.text()));
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        assert!(policy.contains("form-action 'self'") && policy.contains("base-uri 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.field("cache-control"), Some("no-store"));
        assert_eq!(page.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.field("referrer-policy"), Some("same-origin"));
        let text = page.text();
        assert_eq!(text.matches("<script").count(), text.matches("<script src=\"/auth/authgate/").count(), "{text}");
    }
}

#[test]
fn a_password_manager_finds_where_the_password_is_changed() {
    let gateway = house(&Upstream::start());
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let led = browser.open("/.well-known/change-password").expect(303);
    assert_eq!(led.field("location"), Some("/auth/account"));
    let (at, _) = browser.follow("/.well-known/change-password");
    assert_eq!(at, "/auth/login?return_to=/auth/account");
    browser.sign_in("alice", "/").expect(303);
    let (at, page) = browser.follow("/.well-known/change-password");
    assert!(at == "/auth/account" && page.text().contains("autocomplete=\"new-password\""), "{at}");
}

#[test] // D06, D07
fn no_header_chooses_where_a_browser_is_led() {
    let upstream = Upstream::start();
    let gateway = house(&upstream);
    let asked = gateway
        .get("/app")
        .header("Accept", HTML)
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Prefix", "//evil");
    leads(&asked.send(), "/auth/login?return_to=/app");
    leads(
        &gateway.get("/app").header("Accept", HTML).header("Host", "evil.example").send(),
        "/auth/login?return_to=/app",
    );
    for path in ["//evil.com/auth/login", "/auth/login/", "//evil.com/%2e%2e"] {
        let answer = gateway.get(path).header("Accept", HTML).send();
        assert!([400, 404].contains(&answer.status) && answer.field("location").is_none(), "{path}: {}", answer.status);
    }
}

#[test]
fn a_proxy_that_asks_is_told_where_the_sign_in_page_is() {
    let upstream = Upstream::start();
    let gateway = house(&upstream);
    gateway.register("alice");
    let browser = Browser::new(&gateway);
    let caddy = |uri: &str| {
        let call = gateway.get("/auth/verify/caddy").header("X-Forwarded-Method", "GET").header("X-Forwarded-Uri", uri);
        call.header("X-Forwarded-Host", "a.example").header("X-Forwarded-Proto", "https")
    };
    leads(&caddy("/app/x?a=b").header("Accept", HTML).send(), "/auth/login?return_to=/app/x%3Fa%3Db");
    caddy("/app/x").send().refused(401, "login_required");
    let nginx = |uri: &str| {
        let call = gateway.get("/auth/verify/nginx").header("X-Original-Method", "GET");
        call.header("X-Original-URL", &format!("http://{}{uri}", gateway.authority()))
    };
    let answer = nginx("/app/x").header("Accept", HTML).send();
    assert_eq!(answer.field("location"), Some("/auth/login?return_to=/app/x"));
    answer.refused(401, "login_required");
    assert_eq!(nginx("/app/x").send().expect(401).field("location"), None);
    let envoy = gateway.get("/auth/verify/envoy/app/x?a").header("Accept", HTML).send();
    assert_eq!(envoy.expect(401).field("location"), Some("/auth/login?return_to=/app/x%3Fa"));
    browser.sign_in("alice", "/").expect(303);
    for call in [caddy("/app/x"), nginx("/app/x"), gateway.get("/auth/verify/envoy/app/x")] {
        assert_eq!(browser.send(call).expect(200).field("x-user-name"), Some("alice"));
    }
    // What would change something is judged as it was asked, not as the question is.
    let post =
        gateway.get("/auth/verify/nginx").header("X-Original-Method", "POST").header("Origin", "https://evil.example");
    let post = post.header("X-Original-URL", &format!("http://{}/app/x", gateway.authority()));
    browser.send(post).refused(403, "foreign_origin");
}
