//! Backends that speak TLS: real nginx and openssl with certificates of an authority of the test's own.
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::authority::Authority;
use crate::support::gateway::free_port;
use crate::support::{Gateway, Running, SOON, Site, Upstream, authgate, python_with_streams, until};

const HERE: &str = "DNS:localhost,IP:127.0.0.1";

/// nginx that tells what it saw; `None`, said loudly, where it is not installed.
fn nginx(authority: &Authority, name: &str, listen: &str, more: &str) -> Option<(Running, u16)> {
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let Some(program) = program else {
        eprintln!("!! SKIPPED: nginx is not installed; `scripts/prepare` installs it");
        return None;
    };
    let (port, at) = (free_port(), authority.folder().display());
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
    let text = format!(
        "daemon off;\nworker_processes 1;\npid {at}/{port}.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{}\n\
         server {{ listen 127.0.0.1:{port} ssl {listen};\nssl_certificate {at}/{name}.pem;\nssl_certificate_key {at}/{name}.key;\n{more}\n\
         add_header X-Upstream nginx always;\n{}\n\
         location / {{ return 200 \"$server_protocol $ssl_protocol sni=$ssl_server_name host=$http_host proto=$http_x_forwarded_proto client=$ssl_client_s_dn\"; }}\n}}\n}}\n",
        temporary.join("\n"),
        if more.contains("ssl_protocols") { "" } else { "ssl_protocols TLSv1.2 TLSv1.3;" },
    );
    let file = authority.file(&format!("{port}.conf"));
    fs::write(&file, text).unwrap();
    let running = Running::start(Command::new(program).arg("-e").arg(authority.file("error.log")).arg("-c").arg(file));
    until("nginx to listen", SOON, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some((running, port))
}

/// A gateway with everything open before one upstream with these settings.
fn before(url: &str, more: &[(&str, &str)]) -> Gateway {
    let site = Site::new().set("upstreams.app", "urls", &format!("[\"{url}\"]"));
    let site = more.iter().fold(site, |site, (key, value)| site.set("upstreams.app", key, value));
    site.route("prefix = \"/\"\nupstream = \"app\"\nauth = \"none\"").start()
}

fn tells(gateway: &Gateway, words: &str) {
    until(words, SOON, || gateway.log_text().contains(words));
}

fn authority() -> Authority {
    let authority = Authority::new();
    authority.sign("here", HERE, "30");
    authority
}

#[test]
fn http2_is_chosen_where_the_backend_offers_it_and_http1_where_not() {
    let authority = authority();
    let ca = authority.quoted("ca.pem");
    for (listen, protocol) in [("http2", "HTTP/2.0"), ("", "HTTP/1.1")] {
        let Some((_nginx, port)) = nginx(&authority, "here", listen, "") else { return };
        let gateway = before(&format!("https://localhost:{port}"), &[("ca", &ca), ("host_header", "\"upstream\"")]);
        for _ in 0..3 {
            let said = gateway.get("/x").send().expect(200).text();
            assert_eq!(said, format!("{protocol} TLSv1.3 sni=localhost host=localhost:{port} proto=http client="));
        }
        gateway.post("/x").body("text/plain", vec![b'a'; 100_000]).send().expect(200);
        gateway.call("HEAD", "/x").send().expect(200);
        let by_number = before(&format!("https://127.0.0.1:{port}"), &[("ca", &ca)]);
        let said = by_number.get("/x").send().expect(200).text();
        assert!(said.contains(" sni= ") && said.contains(&format!("host=127.0.0.1:{}", by_number.port)), "{said}");
    }
}

#[test]
fn nobody_notices_that_a_backend_ends_its_http2_connections_in_peace() {
    let authority = authority();
    let Some((_nginx, port)) = nginx(&authority, "here", "http2", "keepalive_requests 10;") else { return };
    let (url, ca) = (format!("https://localhost:{port}"), authority.quoted("ca.pem"));
    // Also where the next connection has to wait for the end of the last.
    for most in ["1024", "1"] {
        let gateway = before(&url, &[("ca", &ca), ("max_connections", most)]);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    for number in 0..20 {
                        let call = if number % 2 == 0 { gateway.get("/x") } else { gateway.call("POST", "/x") };
                        call.send().expect(200);
                    }
                });
            }
        });
    }
}

#[test]
fn a_backend_that_asks_for_a_certificate_is_shown_ours() {
    let authority = authority();
    authority.sign("gateway", "DNS:gateway", "30");
    let (ca, cert, key) =
        (authority.quoted("ca.pem"), authority.quoted("gateway.pem"), authority.quoted("gateway.key"));
    for (listen, version) in [("http2", "TLSv1.3"), ("", "TLSv1.2"), ("http2", "TLSv1.2"), ("", "TLSv1.3")] {
        let asks =
            format!("ssl_client_certificate {}; ssl_verify_client on; ssl_protocols {version};", ca.trim_matches('"'));
        let Some((_nginx, port)) = nginx(&authority, "here", listen, &asks) else { return };
        let url = format!("https://localhost:{port}");
        let gateway = before(&url, &[("ca", &ca), ("client_cert", &cert), ("client_key", &key)]);
        let said = gateway.get("/x").send().expect(200).text();
        assert!(said.ends_with("client=CN=gateway") && said.contains(version), "{said}");
    }
    // openssl ends the handshake where nginx answers 400.
    let (port, here) = (free_port(), authority.file("here.pem"));
    let mut server = Command::new("openssl");
    server.args(["s_server", "-www", "-Verify", "1", "-accept", &port.to_string(), "-cert"]).arg(&here).arg("-key");
    server.arg(authority.file("here.key")).arg("-CAfile").arg(authority.file("ca.pem"));
    let _server = Running::start(server.stderr(Stdio::null()));
    until("openssl to listen", SOON, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let gateway = before(&format!("https://localhost:{port}"), &[("ca", &ca)]);
    gateway.get("/x").send().refused(502, "upstream_tls");
    tells(&gateway, "see `client_cert` and `client_key`");
}

#[test]
fn a_certificate_that_is_not_good_is_refused_and_the_log_tells_the_cure() {
    let authority = authority();
    authority.sign("late", HERE, "-1");
    authority.sign("away", "DNS:elsewhere.example", "30");
    let (ours, foreign) = (authority.quoted("ca.pem"), Authority::new());
    for (name, ca, cure) in [
        ("late", &ours, "renew it there"),
        ("away", &ours, "write one of them in `urls`"),
        ("here", &foreign.quoted("ca.pem"), "name the PEM file of its authority with `ca`"),
    ] {
        let Some((_nginx, port)) = nginx(&authority, name, "http2", "") else { return };
        let url = format!("https://localhost:{port}");
        let gateway = before(&url, &[("ca", ca)]);
        let answer = gateway.get("/x").send().refused(502, "upstream_tls");
        assert!(!answer.text().contains("certificate"), "a stranger is told nothing: {}", answer.text());
        tells(&gateway, cure);
        let careless = before(&url, &[("verify_tls", "false")]);
        careless.get("/x").send().expect(200);
        tells(&careless, "W308");
    }
    // The system's authorities, of which ours is none.
    let Some((_nginx, port)) = nginx(&authority, "here", "", "") else { return };
    before(&format!("https://localhost:{port}"), &[]).get("/x").send().refused(502, "upstream_tls");
}

#[test]
fn a_backend_that_signed_its_own_certificate_is_believed_where_ca_names_that_very_one() {
    let authority = Authority::new();
    for (name, names) in [("here", HERE), ("other", HERE), ("away", "DNS:elsewhere.example"), ("late", HERE)] {
        authority.sign_itself(name, names);
    }
    authority.sign_itself_again("late", "-1");
    let several = authority.file("several.pem");
    fs::write(
        &several,
        ["ca", "here"].map(|name| fs::read_to_string(authority.file(&format!("{name}.pem"))).unwrap()).concat(),
    )
    .unwrap();
    for (listen, more) in [("http2", ""), ("", "ssl_protocols TLSv1.2;")] {
        let Some((_nginx, port)) = nginx(&authority, "here", listen, more) else { return };
        for ca in ["here.pem", "several.pem"] {
            let gateway = before(&format!("https://localhost:{port}"), &[("ca", &authority.quoted(ca))]);
            gateway.get("/x").send().expect(200);
        }
    }
    for (shown, named, cure) in [
        ("here", Some("other.pem"), "or its own where it signed itself"),
        ("here", None, "or its own where it signed itself"),
        ("away", Some("away.pem"), "write one of them in `urls`"),
        ("late", Some("late.pem"), "renew it there"),
    ] {
        let Some((_nginx, port)) = nginx(&authority, shown, "", "") else { return };
        let named = named.map(|named| ("ca", authority.quoted(named)));
        let named: Vec<_> = named.iter().map(|(key, file)| (*key, file.as_str())).collect();
        let gateway = before(&format!("https://localhost:{port}"), &named);
        gateway.get("/x").send().refused(502, "upstream_tls");
        tells(&gateway, cure);
    }
}

#[test]
fn where_plain_http_is_spoken_no_handshake_succeeds() {
    let upstream = Upstream::talking(|wire| {
        wire.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let gateway = before(&format!("https://127.0.0.1:{}", upstream.port), &[]);
    gateway.get("/x").send().refused(502, "upstream_tls");
    tells(&gateway, "is this the port where it speaks TLS?");
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn certificates_are_read_again_on_reload_and_bad_ones_change_nothing() {
    let (authority, old) = (authority(), Authority::new());
    let Some((_nginx, port)) = nginx(&authority, "here", "http2", "") else { return };
    let kept = tempfile::tempdir().unwrap();
    let ca = kept.path().join("ca.pem");
    fs::copy(old.file("ca.pem"), &ca).unwrap();
    let gateway = before(&format!("https://localhost:{port}"), &[("ca", &format!("\"{}\"", ca.display()))]);
    gateway.get("/x").send().refused(502, "upstream_tls");
    fs::copy(authority.file("ca.pem"), &ca).unwrap();
    authgate(gateway.folder(), &[], &["reload"]).expect(0);
    gateway.get("/x").send().expect(200);
    fs::write(&ca, "none").unwrap();
    authgate(gateway.folder(), &[], &["reload"]).expect(1);
    gateway.get("/x").send().expect(200);
}

#[test]
fn a_websocket_goes_over_http1_also_where_the_backend_prefers_http2() {
    let authority = authority();
    let (Some(python), port) = (python_with_streams(), free_port()) else { return };
    let gateway = before(&format!("https://localhost:{port}"), &[("ca", &authority.quoted("ca.pem"))]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/websocket_over_tls.py");
    let mut command = Command::new(python);
    command.arg(script).args([port.to_string(), gateway.port.to_string()]);
    let ran = command.arg(authority.file("here.pem")).arg(authority.file("here.key")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "passed\n", "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Only a call between two that speak HTTP/2 may be silent for as long as it likes, and none may be endless.
#[test]
fn a_body_on_its_way_to_http2_keeps_to_its_pace_and_its_bound() {
    let authority = authority();
    let ca = authority.quoted("ca.pem");
    // It reads a body whole before it does anything with it.
    let waits = "client_max_body_size 9m; location = /x { proxy_pass http://127.0.0.1:9; }";
    let Some((_nginx, port)) = nginx(&authority, "here", "http2", waits) else { return };
    let site = Site::new()
        .set("limits", "body_timeout", "\"1s\"")
        .set("upstreams.app", "urls", &format!("[\"https://localhost:{port}\"]"))
        .set("upstreams.app", "ca", &ca);
    let route = "prefix = \"/\"\nupstream = \"app\"\nauth = \"none\"\nmax_body = \"1MiB\"";
    let gateway = site.route(route).start();
    let began = format!("POST /x HTTP/1.1\r\nHost: {}\r\nContent-Type: application/grpc\r\n", gateway.authority());
    let mut slow = gateway.raw();
    slow.send(format!("{began}Content-Length: 9\r\n\r\nslow"));
    slow.answer().unwrap().refused(408, "body_timeout");
    let mut large = gateway.raw();
    large.send(format!("{began}Transfer-Encoding: chunked\r\n\r\n"));
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..17 {
        large.send(&chunk);
    }
    large.answer().unwrap().refused(413, "body_too_large");
    let mut broken = gateway.raw();
    broken.send(format!("{began}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n"));
    broken.answer().unwrap().refused(400, "bad_request");
}

/// Whoever sends it on is another task than whoever reads it from the client.
#[test]
fn a_large_upload_over_http1_goes_on_over_http2_to_its_end() {
    let authority = authority();
    let (recorder, ca) = (Upstream::start(), authority.quoted("ca.pem"));
    let on = format!("client_max_body_size 100m; location = /up {{ proxy_pass {}; }}", recorder.url());
    let Some((_nginx, port)) = nginx(&authority, "here", "http2", &on) else { return };
    let gateway = before(&format!("https://localhost:{port}"), &[("ca", &ca)]);
    let body: Vec<u8> = (0..8_000_000_u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
    gateway.post("/up").body("application/octet-stream", body.clone()).send().expect(200);
    assert!(recorder.last().body == body);
}
