//! HTTPS: what real clients and a real scanner find.
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Gateway, Raw, SOON, Secure, Site, Upstream, Wire, authgate, python_program, shipped, until};

/// The fixture with the certificates of `site` and `other` in a folder of their own.
fn secured(upstream: &Upstream) -> (Site, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        fs::copy(shipped(name), folder.path().join(name)).unwrap();
        format!("\"{}\"", folder.path().join(name).display())
    };
    let site = Site::fixture(upstream)
        .set("tls", "cert", &format!("[{}, {}]", place("site.pem"), place("other.pem")))
        .set("tls", "key", &format!("[{}, {}]", place("site.key"), place("other.key")));
    (site, folder)
}

/// What `openssl s_client` says about a connection with these arguments.
fn s_client(gateway: &Gateway, args: &[&str]) -> String {
    let ran = Command::new("openssl")
        .args(["s_client", "-connect", &gateway.authority(), "-CAfile"])
        .arg(shipped("site.pem"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr)
}

#[test]
fn https_is_spoken_by_http1_and_http2_and_the_upstream_is_told() {
    let upstream = Upstream::start();
    let (site, _folder) = secured(&upstream);
    let gateway = site.start();
    let mut raw = Secure::open(gateway.port, "site.example").unwrap();
    assert_eq!(raw.protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(raw.get("site.example", "/pub/one").0, 200);
    assert_eq!(raw.get("site.example", "/app/x").0, 401);
    assert_eq!(upstream.seen()[0].field("x-forwarded-proto"), Some("https"));
    let url = format!("https://site.example:{}/pub/two", gateway.port);
    let resolve = format!("site.example:{}:127.0.0.1", gateway.port);
    let curl = Command::new("curl")
        .args([
            "-sS",
            "--http2",
            "--resolve",
            &resolve,
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{http_version}",
            "--cacert",
        ])
        .arg(shipped("site.pem"))
        .arg(&url)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&curl.stdout), "200 2", "{}", String::from_utf8_lossy(&curl.stderr));
}

#[test]
fn each_name_gets_its_certificate_and_an_unknown_name_the_first() {
    let (site, _folder) = secured(&Upstream::start());
    let gateway = site.start();
    for name in ["site.example", "www.site.example", "other.example", "www.other.example"] {
        assert!(Secure::open(gateway.port, name).is_some(), "{name}");
    }
    assert!(Secure::open(gateway.port, "unknown.example").is_none(), "the client finds another name in it");
    let shown = s_client(&gateway, &["-noservername"]);
    assert!(shown.contains("CN = site.example"), "{shown}");
}

#[test]
fn a_renewed_certificate_is_shown_and_no_connection_is_dropped() {
    let upstream = Upstream::start();
    let (site, folder) = secured(&upstream);
    let gateway = site.start();
    let mut kept = Secure::open(gateway.port, "site.example").unwrap();
    kept.get("site.example", "/pub/x");
    // First a key that does not fit: the old pair goes on.
    fs::copy(shipped("other.key"), folder.path().join("site.key")).unwrap();
    until("the log says so", SOON, || gateway.log_text().contains("the old one stays in force"));
    assert!(Secure::open(gateway.port, "site.example").is_some());
    fs::copy(shipped("other.pem"), folder.path().join("site.pem")).unwrap();
    until("the new certificate", SOON, || Secure::open(gateway.port, "site.example").is_none());
    assert!(Secure::open(gateway.port, "other.example").is_some());
    assert_eq!(kept.get("site.example", "/pub/y").0, 200);
}

#[test]
fn a_reload_turns_tls_off_and_on() {
    let (site, _folder) = secured(&Upstream::start());
    let mut gateway = site.clone().start();
    gateway.change(|_| Site::fixture(&Upstream::start()));
    gateway.signal("HUP");
    until("plain HTTP", SOON, || {
        let mut raw = gateway.raw();
        raw.send("GET /auth/healthz HTTP/1.1\r\nHost: g\r\n\r\n");
        raw.answer().is_some_and(|answer| answer.status == 200)
    });
    gateway.change(|_| site);
    gateway.signal("HUP");
    until("TLS", SOON, || Secure::open(gateway.port, "site.example").is_some());
}

#[test]
fn the_least_version_is_kept_and_sessions_are_resumed() {
    let (site, folder) = secured(&Upstream::start());
    let mut gateway = site.start();
    assert!(s_client(&gateway, &["-tls1_2"]).contains("Protocol  : TLSv1.2"));
    assert!(s_client(&gateway, &["-tls1_1"]).contains("Cipher is (NONE)"));
    let kept = folder.path().join("session");
    let kept = kept.display().to_string();
    s_client(&gateway, &["-tls1_2", "-sess_out", &kept]);
    let again = s_client(&gateway, &["-tls1_2", "-sess_in", &kept]);
    assert!(again.contains("Reused, TLSv1.2"), "{again}");
    gateway.change(|site| site.set("tls", "min_version", "\"1.3\""));
    gateway.signal("HUP");
    until("TLS 1.2 is refused", SOON, || s_client(&gateway, &["-tls1_2"]).contains("Cipher is (NONE)"));
    assert!(s_client(&gateway, &["-tls1_3"]).contains("TLSv1.3"));
}

#[test]
fn the_order_of_ciphers_is_the_gateways_own() {
    let (site, _folder) = secured(&Upstream::start());
    let gateway = site.start();
    for (version, option, ciphers, chosen) in [
        (
            "-tls1_3",
            "-ciphersuites",
            "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
            "TLS_AES_128_GCM_SHA256",
        ),
        (
            "-tls1_2",
            "-cipher",
            "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:\
             ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
            "AES128-GCM-SHA256",
        ),
    ] {
        let said = s_client(&gateway, &[version, option, ciphers]);
        let line = said.lines().find(|line| line.contains("Cipher is ")).unwrap_or_default();
        assert!(line.ends_with(chosen), "{version}: {line}");
    }
}

#[test]
fn plain_http_is_redirected_to_the_same_place() {
    let port = crate::support::gateway::free_port();
    let (site, _folder) = secured(&Upstream::start());
    let gateway = site.set("tls", "redirect_http", &format!("\"127.0.0.1:{port}\"")).start();
    let ask = |head: &str| {
        let mut raw = Raw::open(port);
        raw.send(head);
        raw.answer().unwrap()
    };
    let answer =
        ask(&format!("POST /app/a%20b?q=1&r=2 HTTP/1.1\r\nHost: Site.example:{port}\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(answer.status, 308);
    let place = format!("https://site.example:{}/app/a%20b?q=1&r=2", gateway.port);
    assert_eq!(answer.field("location"), Some(place.as_str()));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    for (head, status) in [
        ("GET /a HTTP/1.1\r\nHost: a b@c\r\n\r\n", 400),
        ("GET /a/../b HTTP/1.1\r\nHost: g\r\n\r\n", 400),
        ("GET /a HTTP/1.0\r\n\r\n", 400),
    ] {
        assert_eq!(ask(head).status, status, "{head}");
    }
}

#[test]
fn a_handshake_that_does_not_come_to_its_end_is_ended() {
    let (site, _folder) = secured(&Upstream::start());
    let gateway = site.set("limits", "header_timeout", "\"1s\"").start();
    for said in [&b""[..], b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\nHost: g\r\n\r\n"] {
        let mut wire = Wire::new(TcpStream::connect(("127.0.0.1", gateway.port)).unwrap());
        wire.send(said);
        let begun = Instant::now();
        assert!(wire.ends_within(Duration::from_secs(10)), "{said:?} is held open");
        assert!(!said.starts_with(b"\x16") || begun.elapsed() > Duration::from_millis(500));
    }
    assert!(Secure::open(gateway.port, "site.example").is_some());
}

#[test]
fn a_stop_ends_kept_connections_politely() {
    let (site, _folder) = secured(&Upstream::start());
    let mut gateway = site.start();
    let mut kept = Secure::open(gateway.port, "site.example").unwrap();
    kept.get("site.example", "/pub/x");
    gateway.stop();
}

#[test]
fn the_metrics_say_when_the_certificate_ends() {
    let (site, _folder) = secured(&Upstream::start());
    let gateway = site.start();
    let page = gateway.admin("GET", "/metrics").send().text();
    let line = page.lines().find_map(|line| line.strip_prefix("authgate_tls_certificate_expiry_timestamp_seconds "));
    assert!(line.unwrap().parse::<f64>().unwrap() > 4e9, "{line:?}");
    let plain = Gateway::start(&Upstream::start());
    assert!(!plain.admin("GET", "/metrics").send().text().contains("certificate_expiry_timestamp_seconds "));
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let text = |cert: &Path, key: &Path| {
        format!(
            "[server]\nlisten = \"0.0.0.0:8443\"\n[tls]\ncert = \"{}\"\nkey = \"{}\"\n[[routes]]\nprefix = \"/\"\nupstream = \"http://a\"\n",
            cert.display(),
            key.display()
        )
    };
    let none = PathBuf::from("none.pem");
    for (cert, key, code, said) in [
        (shipped("site.pem"), shipped("site.key"), 0, "is fine"),
        (shipped("site.pem"), shipped("other.key"), 1, "does not belong to the certificate"),
        (none.clone(), shipped("site.key"), 1, "cannot read none.pem"),
        (shipped("site.pem"), none, 1, "cannot read none.pem"),
        (shipped("expired.pem"), shipped("site.key"), 0, "W307"),
    ] {
        fs::write(folder.path().join("gateway.toml"), text(&cert, &key)).unwrap();
        let ran = authgate(folder.path(), &[], &["check"]).expect(code);
        assert!(ran.out.contains(said) && !ran.out.contains("W301"), "{}", ran.out);
        assert_eq!(ran.out.contains("E305"), code == 1, "{}", ran.out);
    }
    fs::write(folder.path().join("gateway.toml"), text(&shipped("site.pem"), &shipped("other.key"))).unwrap();
    let ran = authgate(folder.path(), &[], &["run"]).expect(78);
    assert!(ran.err.contains("E305"), "{}", ran.err);
}

/// Mozilla's profiles, as sslyze judges them.
#[test]
fn a_scanner_finds_nothing_to_complain_about() {
    let Some(sslyze) = python_program("sslyze", "sslyze==6.3.1") else { return };
    let (site, folder) = secured(&Upstream::start());
    let [cert, key] = ["scan.pem", "scan.key"].map(|name| folder.path().join(name));
    // The shipped certificates last too long for Mozilla.
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .unwrap();
    assert!(made.status.success());
    let site = site.set("tls", "cert", &format!("\"{}\"", cert.display())).set(
        "tls",
        "key",
        &format!("\"{}\"", key.display()),
    );
    for (least, profile) in [("1.2", "intermediate"), ("1.3", "modern")] {
        let gateway = site.clone().set("tls", "min_version", &format!("\"{least}\"")).start();
        let scanned = Command::new(&sslyze)
            .arg(format!("--mozilla_config={profile}"))
            .arg("--certinfo_ca_file")
            .arg(&cert)
            .arg(format!("localhost:{}", gateway.port))
            .output()
            .unwrap();
        assert!(scanned.status.success(), "{profile}: {}", String::from_utf8_lossy(&scanned.stdout));
    }
}

/// As a program that renews writes it: gone, empty, half.
#[test]
fn a_certificate_in_the_middle_of_being_written_is_not_taken_and_the_old_one_stays() {
    let (site, folder) = secured(&Upstream::start());
    let gateway = site.start();
    let mut kept = Secure::open(gateway.port, "site.example").unwrap();
    let file = folder.path().join("site.pem");
    let whole = fs::read(&file).unwrap();
    for (number, broken) in
        [None, Some(&b""[..]), Some(&whole[..whole.len() / 2]), Some(b"nonsense")].iter().enumerate()
    {
        match broken {
            None => fs::remove_file(&file).unwrap(),
            Some(bytes) => fs::write(&file, bytes).unwrap(),
        }
        until("the log says so", SOON, || gateway.log_text().matches("the old one stays in force").count() > number);
        assert!(Secure::open(gateway.port, "site.example").is_some(), "{broken:?}");
        assert_eq!(kept.get("site.example", "/pub/x").0, 200);
    }
    fs::write(&file, &whole).unwrap();
    assert!(Secure::open(gateway.port, "site.example").is_some());
}

#[test]
fn a_certificate_that_has_ended_is_replaced_without_a_restart() {
    let (site, folder) = secured(&Upstream::start());
    fs::copy(shipped("expired.pem"), folder.path().join("site.pem")).unwrap();
    let gateway = site.start();
    assert!(Secure::open(gateway.port, "site.example").is_none(), "no client believes it");
    assert!(Secure::open(gateway.port, "other.example").is_some());
    fs::copy(shipped("site.pem"), folder.path().join("site.pem")).unwrap();
    until("the new certificate", SOON, || Secure::open(gateway.port, "site.example").is_some());
}
