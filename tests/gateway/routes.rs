//! Which route a request belongs to, and what a route may say.
use crate::support::{Reply, Site, Upstream};

/// An upstream that says its name in each answer.
fn named(name: &'static str) -> Upstream {
    Upstream::answering(move |_| Reply::new("200 OK", "", name))
}

#[test]
fn the_longest_prefix_wins_in_whatever_order_they_stand() {
    let (site, api, admin) = (named("site"), named("api"), named("admin"));
    let lines = |prefix: &str, upstream: &Upstream| {
        format!("prefix = \"{prefix}\"\nupstream = \"{}\"\nauth = \"none\"", upstream.url())
    };
    let routes = [lines("/", &site), lines("/api", &api), lines("/api/admin/", &admin)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let gateway = order.iter().fold(Site::new(), |site, &index| site.route(&routes[index])).start();
        for (path, name) in [
            ("/", "site"),
            ("/apiary", "site"),
            ("/api", "api"),
            ("/api/", "api"),
            ("/api/adminx", "api"),
            ("/api/admin", "admin"),
            ("/api/admin/", "admin"),
            ("/api/admin/x", "admin"),
            ("/API", "site"),
        ] {
            assert_eq!(gateway.get(path).send().expect(200).text(), name, "{path}");
        }
    }
}

#[test]
fn hosts_choose_among_routes() {
    let (one, many) = (named("one"), named("many"));
    let gateway = Site::new()
        .route(&format!("prefix = \"/\"\nhosts = [\"app.example.com\"]\nupstream = \"{}\"\nauth = \"none\"", one.url()))
        .route(&format!("prefix = \"/\"\nhosts = [\"*.example.com\"]\nupstream = \"{}\"\nauth = \"none\"", many.url()))
        .start();
    let ask = |host: &str| gateway.get("/x").header("Host", host).send();
    for host in ["app.example.com", "APP.Example.COM", "app.example.com:8080"] {
        assert_eq!(ask(host).expect(200).text(), "one", "{host}");
    }
    assert_eq!(ask("www.example.com").expect(200).text(), "many");
    for host in ["evil.example", "127.0.0.1.nip.io", "example.com", "app.example.com.evil.example"] {
        ask(host).expect(421);
    }
}

#[test]
fn methods_a_route_does_not_name_are_405() {
    let upstream = Upstream::start();
    let gateway = Site::new()
        .route(&format!(
            "prefix = \"/\"\nupstream = \"{}\"\nauth = \"none\"\nmethods = [\"GET\", \"POST\"]",
            upstream.url()
        ))
        .start();
    for method in ["GET", "HEAD", "POST"] {
        gateway.call(method, "/x").send().expect(200);
    }
    upstream.forget();
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let answer = gateway.call(method, "/x").send().expect(405);
        assert!(answer.field("allow").unwrap().contains("GET"));
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn strip_prefix_takes_whole_segments_and_never_leaves_an_ambiguous_path() {
    let upstream = Upstream::start();
    let gateway = Site::new()
        .route(&format!("prefix = \"/api\"\nupstream = \"{}\"\nauth = \"none\"\nstrip_prefix = true", upstream.url()))
        .start();
    for (path, arrives) in [("/api", "/"), ("/api/", "/"), ("/api/x", "/x"), ("/api/x/?q=/api", "/x/?q=/api")] {
        gateway.get(path).send().expect(200);
        assert_eq!(upstream.last().target, arrives, "{path}");
    }
    upstream.forget();
    for path in ["/apiapp", "/apix/y", "/api../app"] {
        let answer = gateway.get(path).send();
        assert!([400, 404].contains(&answer.status), "{path}");
    }
    for path in ["/api//e", "/api/./../app", "/api//evil.example"] {
        gateway.get(path).send().refused(400, "ambiguous_path");
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn one_of_the_roles_and_all_of_the_scopes() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let gateway = Site::new()
        .set("accounts", "role_scopes", "{ staff = [\"a:read\"], boss = [\"a:read\", \"a:write\"] }")
        .route(&format!("prefix = \"/either\"\nupstream = \"{url}\"\nroles = [\"staff\", \"boss\"]"))
        .route(&format!("prefix = \"/both\"\nupstream = \"{url}\"\nscopes = [\"a:read\", \"a:write\"]"))
        .start();
    gateway.register("alice");
    let with = |role: &str| {
        let variables = gateway.site().variables();
        let args = ["user", "add", role, "--role", role, "--password-stdin"];
        let password = crate::support::client::password_of(role);
        crate::support::authgate_with_input(gateway.folder(), variables, &args, &password).expect(0);
        gateway.sign_in(role).access
    };
    let (user, staff, boss) = (gateway.sign_in("alice").access, with("staff"), with("boss"));
    for (token, either, both) in [(&user, 403, 403), (&staff, 200, 403), (&boss, 200, 200)] {
        gateway.get("/either/x").bearer(token).send().expect(either);
        gateway.get("/both/x").bearer(token).send().expect(both);
    }
    let refused = gateway.get("/both/x").bearer(&staff).send().refused(403, "missing_scope");
    assert!(refused.field("www-authenticate").unwrap().contains("scope=\"a:read a:write\""));
}
