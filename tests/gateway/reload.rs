//! SIGHUP and `authgate reload`: a good file replaces the settings, a bad one does not.
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::support::{Gateway, Ran, Raw, SOON, Site, Upstream, authgate, until};

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
fn after_a_refused_file_the_metrics_tell_of_the_gateway_that_is_at_work() {
    let gateway = Gateway::start(&Upstream::start());
    let age = |gateway: &Gateway| -> f64 {
        let text = gateway.admin("GET", "/metrics").send().text();
        let line =
            text.lines().find_map(|line| line.strip_prefix("authgate_signing_key_age_seconds ")).map(str::to_owned);
        line.unwrap().trim().parse().unwrap()
    };
    // All of it is good, and only when it is put to work one address turns out to be somebody else's.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, other) = (format!("\"127.0.0.1:{}\"", gateway.port), taken.local_addr().unwrap().port());
    let good = std::fs::read_to_string(gateway.file()).unwrap();
    std::fs::write(gateway.file(), good.replace(&one, &format!("[{one}, \"127.0.0.1:{other}\"]"))).unwrap();
    reload(&gateway, &[]).expect(1);
    until("the key is so old", SOON, || age(&gateway) > 2.0);
    authgate(gateway.folder(), gateway.site().variables(), &["keys", "rotate", "-c", "gateway.toml"]).expect(0);
    until("another key signs", SOON, || age(&gateway) < 2.0);
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

fn reload(gateway: &Gateway, args: &[&str]) -> Ran {
    authgate(gateway.folder(), &[], &[&["reload", "-c", "gateway.toml"], args].concat())
}

fn failures(gateway: &Gateway) -> u64 {
    let text = gateway.admin("GET", "/metrics").send().text();
    let name = "authgate_config_reloads_total{result=\"failure\"} ";
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

#[test]
fn the_gateway_is_asked_also_where_the_command_cannot_read_all_of_the_file() {
    let upstream = Upstream::start();
    let mut gateway = Site::shared_secret(&upstream).start();
    gateway.change(|site| with_new_route(site, &upstream));
    let said = reload(&gateway, &[]).expect(0).out;
    assert!(said.contains("in force"), "{said}");
    assert!(serves_the_new_route(&gateway), "TEST_SECRET is the gateway's alone");
    assert_eq!(reload(&gateway, &["--json"]).expect(0).json(), serde_json::json!([]));
}

#[test]
fn what_the_gateway_finds_is_told_as_check_tells_it_and_counts_as_a_failure() {
    let gateway = Gateway::start(&Upstream::start());
    let good = std::fs::read_to_string(gateway.file()).unwrap();
    let broken = [
        (good.replace("auth = \"none\"", "auth = \"nobody\""), "E10"),
        (format!("{good}\n[limits]\nprotcted = 1\n"), "E0"),
        (format!("{good}\n[pages]\ntitle = \"Ab\n"), "E001"),
    ];
    for (count, (text, code)) in (1..).zip(&broken) {
        std::fs::write(gateway.file(), text).unwrap();
        let ran = reload(&gateway, &[]).expect(1);
        assert!(ran.out.contains(&format!("error[{code}")) && ran.out.contains("gateway.toml:"), "{}", ran.out);
        assert!(!ran.out.contains("[{"), "{}", ran.out);
        assert_eq!(failures(&gateway), 2 * count - 1, "{code}");
        let json = reload(&gateway, &["--json"]).expect(1).json();
        assert!(json[0]["code"].as_str().unwrap().starts_with(code), "{json}");
        assert_eq!(json[0]["severity"], "error", "{json}");
        assert_eq!(failures(&gateway), 2 * count, "{code}");
    }
    std::fs::write(gateway.file(), good.replace("[admin]", "[admin]\nallow = [\"127.0.0.0/8\"]")).unwrap();
    let restart = reload(&gateway, &[]).expect(1).out;
    assert!(restart.starts_with("error: [admin] changed: that needs a restart"), "{restart}");
    std::fs::write(gateway.file(), good.replace("[admin]", "[admin")).unwrap();
    let alone = reload(&gateway, &["--json"]).expect(1);
    assert_eq!(alone.json()[0]["code"], "E001", "where to ask cannot be read: {}", alone.out);
    std::fs::remove_file(gateway.file()).unwrap();
    assert_eq!(reload(&gateway, &["--json"]).expect(3).json()[0]["severity"], "error");
    gateway.is_alive();
}

#[test]
fn an_address_that_overlaps_the_old_one_is_taken_up_and_no_connection_is_dropped() {
    let gateway = Gateway::start(&Upstream::start());
    let (one, all) = (format!("\"127.0.0.1:{}\"", gateway.port), format!("\"0.0.0.0:{}\"", gateway.port));
    let good = std::fs::read_to_string(gateway.file()).unwrap();
    let elsewhere = || TcpStream::connect(("127.0.0.2", gateway.port)).is_ok();
    let mut kept = gateway.raw();
    gateway.get("/pub/x").send_on(&mut kept).expect(200);
    assert!(!elsewhere());
    for wanted in [&all, &one, &all] {
        std::fs::write(gateway.file(), good.replace(&one, wanted)).unwrap();
        reload(&gateway, &[]).expect(0);
        until("the other addresses are as the file says", SOON, || elsewhere() == (wanted == &all));
        gateway.get("/pub/x").send().expect(200);
        gateway.get("/pub/x").send_on(&mut kept).expect(200);
        assert!(TcpListener::bind(("127.0.0.1", gateway.port)).is_err(), "nobody else gets the port");
    }
    std::fs::write(gateway.file(), good.replace(&one, &format!("[{all}, {one}]"))).unwrap();
    let both = reload(&gateway, &[]).expect(1).out;
    assert!(both.contains("E106") && both.contains("names one port of one address twice"), "{both}");
    // Both of them in a new file are right together: the one for all is for IPv6 alone then, which this one is not.
    let all = format!("\"[::]:{}\"", gateway.port);
    std::fs::write(gateway.file(), good.replace(&one, &all)).unwrap();
    reload(&gateway, &[]).expect(0);
    std::fs::write(gateway.file(), good.replace(&one, &format!("[{all}, {one}]"))).unwrap();
    let both = reload(&gateway, &[]).expect(1);
    assert!(both.out.contains("overlaps [::]:"), "{both:?}");
    gateway.get("/pub/x").send_on(&mut kept).expect(200);
}

#[test]
fn what_somebody_elses_server_says_of_a_reload_is_no_answer() {
    let mut gateway = Gateway::start(&Upstream::start());
    gateway.stop();
    let page = "<html>Welcome!</html>";
    for (status, body) in [
        ("501 Unsupported method", page),
        ("503 Service Unavailable", page),
        // A server that answers whatever it is asked: no word of its page, and no "the new settings are in force".
        ("200 OK", page),
        ("200 OK", "{}"),
        ("200 OK", r#"{"findings": "none", "text": "Welcome!"}"#),
        ("422 Unprocessable Entity", r#"["Welcome!"]"#),
    ] {
        for args in [&["reload"][..], &["reload", "--json"]] {
            let listener = TcpListener::bind(("127.0.0.1", gateway.admin_port)).unwrap();
            let other = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let _read = stream.read(&mut [0; 4096]).unwrap();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            });
            let ran = authgate(gateway.folder(), gateway.site().variables(), args).expect(3);
            other.join().unwrap();
            if args.len() == 1 {
                assert!(ran.out.is_empty(), "{status} {body}: {ran:?}");
            } else {
                assert_eq!(ran.json()[0]["severity"], "error", "{status} {body}: {ran:?}");
            }
            assert!(ran.err.contains("is it the gateway of this file"), "{status} {body}: {ran:?}");
            let all = ran.out + &ran.err;
            assert!(!all.contains("stay in force") && !all.contains("are in force"), "nobody knows: {all}");
            assert!(!all.contains("Welcome"), "{all}");
        }
    }
}
