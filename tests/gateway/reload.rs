//! SIGHUP and `authgate reload`: a good file replaces the settings, a bad one does not.
use std::thread;

use crate::support::{Gateway, Raw, SOON, Site, Upstream, authgate, until};

fn with_new_route(site: Site, upstream: &Upstream) -> Site {
    site.route(&format!("prefix = \"/new\"\nupstream = \"{}\"\nauth = \"none\"", upstream.url()))
}

fn serves_the_new_route(gateway: &Gateway) -> bool {
    gateway.get("/new/x").send().status == 200
}

#[test]
fn a_good_file_is_in_force_after_sighup_and_no_connection_is_dropped() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let mut kept = gateway.raw();
    gateway.get("/new/x").send_on(&mut kept).refused(404, "no_route");
    gateway.change(|site| with_new_route(site, &upstream));
    gateway.signal("HUP");
    until("the new route", SOON, || serves_the_new_route(&gateway));
    gateway.get("/new/x").send_on(&mut kept).expect(200);
    gateway.get("/app/x").bearer(&alice.access).send_on(&mut kept).expect(200);
}

#[test]
fn a_bad_file_changes_nothing_and_a_metric_says_so() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&upstream);
    let file = gateway.file();
    std::fs::write(&file, "[server]\nlisten = 5\nprotcted = []\n").unwrap();
    gateway.signal("HUP");
    let metric = |name: &str| {
        let text = gateway.admin("GET", "/metrics").send().text();
        text.lines().find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
    };
    until("the metric says so", SOON, || metric("authgate_config_last_reload_success ").as_deref() == Some("0"));
    gateway.is_alive();
    gateway.get("/app/x").send().refused(401, "login_required");
    assert!(gateway.log_text().contains("E103"), "the log holds the findings");
    gateway.change(|site| with_new_route(site, &upstream));
    gateway.signal("HUP");
    until("the next good file counts", SOON, || serves_the_new_route(&gateway));
}

#[test]
fn the_command_says_what_became_of_it() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&upstream);
    let reload =
        |gateway: &Gateway| authgate(gateway.folder(), gateway.site().variables(), &["reload", "-c", "gateway.toml"]);
    gateway.change(|site| with_new_route(site, &upstream));
    reload(&gateway).expect(0);
    assert!(serves_the_new_route(&gateway));
    let good = std::fs::read_to_string(gateway.file()).unwrap();
    std::fs::write(gateway.file(), good.replace("auth = \"none\"", "auth = \"nobody\"")).unwrap();
    let ran = reload(&gateway).expect(1);
    assert!(ran.err.contains("nobody") || ran.out.contains("nobody"), "{} {}", ran.out, ran.err);
    gateway.is_alive();
    std::fs::write(gateway.file(), good).unwrap();
    gateway.stop();
    reload(&gateway).expect(3);
}

#[test]
fn a_stranger_cannot_reload() {
    let gateway = Gateway::start(&Upstream::start());
    for method in ["POST", "GET", "PUT"] {
        let status = gateway.admin(method, "/api/reload").send().status;
        assert!([401, 403, 404, 405].contains(&status), "{method}: {status}");
    }
    let foreign =
        gateway.admin("POST", "/api/reload").header("Origin", "https://evil.example").header("Host", "evil.example");
    assert!([401, 403, 404].contains(&foreign.send().status));
}

#[test]
fn reloads_under_load_lose_no_request() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&upstream);
    for round in 0..5 {
        gateway.change(|site| site.route(&format!("prefix = \"/r{round}\"\nupstream = \"{}\"", upstream.url())));
        let gateway = &gateway;
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    let mut raw = Raw::open(gateway.port);
                    for _ in 0..50 {
                        gateway.get("/pub/x").send_on(&mut raw).expect(200);
                        gateway.get("/app/x").send_on(&mut raw).refused(401, "login_required");
                    }
                });
            }
            gateway.signal("HUP");
        });
    }
    until("the last file is in force", SOON, || gateway.get("/r4/x").send().status == 401);
}
