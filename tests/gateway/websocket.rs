//! WebSocket: which handshakes go on, what becomes of the tunnel, and when it ends. SECURITY-CASES group W.
use std::time::Duration;

use serde_json::json;

use crate::support::{
    A_BUSY_SECOND, Faults, Gateway, Mint, Person, Raw, Reply, SOON, Site, Upstream, Wire, authgate, until,
};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[test]
fn a_handshake_joins_client_and_backend_and_bytes_pass_both_ways() {
    let (upstream, gateway, alice) = fixture();
    let mut raw = open(&gateway, &alice);
    let seen = upstream_head(&upstream);
    assert!(seen.contains("upgrade: websocket\r\n") && seen.contains("connection: upgrade\r\n"), "{seen}");
    assert!(seen.contains("x-user-name: alice\r\n") && !seen.contains("authorization"), "{seen}");
    for size in [0_usize, 5, 125, 126, 70_000] {
        let frame = frame(&vec![7; size]);
        assert!(raw.send(&frame));
        assert_eq!(raw.wire.exactly(frame.len()), frame, "{size}");
    }
    raw.wire.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(raw.ends_within(SOON));
}

#[test] // W02
fn bytes_before_the_answer_reach_no_backend_as_they_are() {
    let early = "GET /app/admin HTTP/1.1\r\nHost: g\r\n\r\n";
    for (answer, tunnel) in [("426 Upgrade Required", false), ("200 OK", false), ("101", true)] {
        let upstream = if tunnel { echo() } else { Upstream::answering(move |_| Reply::new(answer, "", "no")) };
        let gateway = Gateway::start(&upstream);
        let alice = gateway.register("alice");
        let mut raw = gateway.raw();
        raw.send(format!("{}{early}", handshake(&gateway, &alice, "")));
        if tunnel {
            assert!(raw.wire.head().unwrap().first.contains("101"));
            assert!(raw.ends_within(SOON));
        } else {
            assert_eq!(raw.answer().unwrap().status, answer[..3].parse::<u16>().unwrap());
            raw.answer().unwrap().refused(401, "login_required");
        }
        for bytes in upstream.bytes() {
            assert!(!String::from_utf8_lossy(&bytes).contains("/app/admin"), "{answer}");
        }
    }
}

#[test] // W03
fn a_handshake_with_a_body_is_refused_and_the_connection_closed() {
    let (upstream, gateway, alice) = fixture();
    for body in ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
        let mut raw = gateway.raw();
        let head = handshake(&gateway, &alice, "");
        raw.send(format!("{}{body}", head.trim_end_matches("\r\n").to_owned() + "\r\n"));
        raw.answer().unwrap().refused(400, "bad_framing");
        assert!(raw.ends_within(SOON));
    }
    assert_eq!(upstream.connections(), 0);
}

#[test] // W04
fn only_an_answer_that_belongs_to_the_handshake_makes_a_tunnel() {
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 2\r\n\r\nno".to_owned(), 200),
        ("HTTP/1.1 400 No\r\nX-Upstream: r\r\nContent-Length: 2\r\n\r\nno".to_owned(), 400),
        (format!("HTTP/1.1 101 S\r\nConnection: upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"), 502),
        (format!("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"), 502),
        (
            format!("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: foo\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"),
            502,
        ),
        ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n".to_owned(), 502),
        (
            "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n"
                .to_owned(),
            502,
        ),
    ] {
        let bytes = answer.clone();
        let upstream = Upstream::answering(move |_| Reply { bytes: bytes.clone().into_bytes(), close: false });
        let gateway = Gateway::start(&upstream);
        let alice = gateway.register("alice");
        let mut raw = gateway.raw();
        raw.send(handshake(&gateway, &alice, ""));
        let got = raw.answer().unwrap();
        assert_eq!(got.status, status, "{answer}");
        if status == 502 {
            assert_eq!(got.code(), "upstream_bad_response");
        }
        // The client's connection is an ordinary one still.
        raw.send(format!("GET /app HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.authority()));
        raw.answer().unwrap().refused(401, "login_required");
    }
}

#[test] // W05
fn a_handshake_without_a_token_is_refused() {
    let (upstream, gateway, _) = fixture();
    let mut raw = gateway.raw();
    let head = format!("GET /app HTTP/1.1\r\nHost: {}\r\n{}\r\n", gateway.authority(), upgrade_fields());
    raw.send(head);
    raw.answer().unwrap().refused(401, "login_required");
    assert_eq!(upstream.connections(), 0);
}

#[test] // W01, W06, W04
fn every_other_upgrade_is_an_ordinary_request() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let usual = upgrade_fields();
    for fields in [
        "Connection: upgrade\r\nUpgrade: foo\r\n".to_owned(),
        "Connection: upgrade\r\nUpgrade: TLS/1.0\r\n".to_owned(),
        "Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n".to_owned(),
        "Connection: upgrade\r\nUpgrade: connect-udp\r\n".to_owned(),
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n".to_owned(),
        usual.replace("13", "777"),
        usual.replace(KEY, "dGhlIHNhbXBsZQ=="),
        usual.replace("Upgrade: websocket", "Upgrade: websocket, h2c"),
        usual.replace("Connection: Upgrade", "Connection: close"),
        format!("{usual}Upgrade: h2c\r\n"),
    ] {
        upstream.forget();
        let mut raw = gateway.raw();
        raw.send(format!("GET /pub/x HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", gateway.authority()));
        raw.answer().unwrap().expect(200);
        let seen = upstream.only();
        for name in ["upgrade", "http2-settings", "connection"] {
            assert_eq!(seen.field(name), None, "{fields}");
        }
    }
}

#[test] // W07
fn signing_out_closes_the_socket_with_1008_within_a_second() {
    let (upstream, gateway, alice) = fixture();
    let other = gateway.sign_in("alice");
    let (mut raw, mut stays) = (open(&gateway, &alice), open(&gateway, &other));
    gateway.log_out(&alice.access).expect(204);
    assert_eq!(closing(&mut raw), (1008, "the session has ended".to_owned()));
    assert!(raw.ends_within(A_BUSY_SECOND));
    // The backend is told as well.
    until("the backend's close frame", SOON, || {
        upstream.bytes().iter().any(|bytes| bytes.windows(2).any(|two| two == [0x88, 0x97]))
    });
    assert!(stays.send(frame(b"still here")));
    assert_eq!(stays.wire.exactly(frame(b"still here").len()), frame(b"still here"));
}

#[test] // W07
fn a_token_that_expires_closes_the_socket_unless_the_session_was_refreshed() {
    let (upstream, faults) = (echo(), Faults::none());
    let gateway = faults.on(Site::fixture(&upstream)).start();
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    let (mut ends, mut stays) = (open(&gateway, &alice), open(&gateway, &bob));
    // Bob's client renews its token, and Alice's does not.
    faults.clock_is_off_by(10 * MINUTE);
    gateway.refresh(&bob.refresh).expect(200);
    faults.clock_is_off_by(20 * MINUTE);
    assert_eq!(closing(&mut ends).0, 1008);
    assert!(stays.send(frame(b"still here")));
    assert_eq!(stays.wire.exactly(frame(b"still here").len()), frame(b"still here"));
    // And then Bob's client stops as well.
    faults.clock_is_off_by(40 * MINUTE);
    assert_eq!(closing(&mut stays).0, 1008);
}

#[test]
fn a_browsers_socket_lives_as_long_as_its_session_and_ends_with_it() {
    let (upstream, faults) = (echo(), Faults::none());
    let gateway = faults.on(Site::fixture(&upstream)).start();
    let alice = gateway.register("alice");
    let browser = crate::support::Browser::new(&gateway);
    browser.sign_in("alice", "/app").expect(303);
    let (host, origin, cookies) = (gateway.authority(), browser.origin(), browser.cookies().unwrap());
    let mut raw = gateway.raw();
    let fields = upgrade_fields();
    raw.send(format!("GET /app/s HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nCookie: {cookies}\r\n{fields}\r\n"));
    assert!(raw.wire.head().unwrap().first.starts_with("HTTP/1.1 101"));
    let mut other = open(&gateway, &alice);
    faults.clock_is_off_by(20 * MINUTE);
    // Both tokens are over; the browser's session is not.
    assert_eq!(closing(&mut other).0, 1008);
    assert!(raw.send(frame(b"here")));
    assert_eq!(raw.wire.exactly(frame(b"here").len()), frame(b"here"));
    browser.send(browser.fetch("POST", "/auth/logout")).expect(204);
    assert_eq!(closing(&mut raw).0, 1008);
}

#[test]
fn disabling_somebody_or_changing_their_roles_closes_their_sockets() {
    for change in [&["user", "disable", "alice"][..], &["user", "edit", "alice", "--add-role", "guest"][..]] {
        let (_upstream, gateway, alice) = fixture();
        let mut raw = open(&gateway, &alice);
        authgate(gateway.folder(), gateway.site().variables(), change).expect(0);
        assert_eq!(closing(&mut raw).0, 1008, "{change:?}");
    }
}

#[test]
fn with_close_streams_off_or_on_an_observed_route_a_socket_outlives_its_session() {
    let upstream = echo();
    let observed = format!("prefix = \"/app/socket\"\nupstream = \"{}\"\nmode = \"observe\"", upstream.url());
    let site = Site::fixture(&upstream);
    for site in [site.clone().set("sessions", "close_streams", "false"), site.route(&observed)] {
        let gateway = site.start();
        let alice = gateway.register("alice");
        let mut raw = open(&gateway, &alice);
        gateway.log_out(&alice.access).expect(204);
        assert!(!raw.ends_within(Duration::from_millis(1200)));
        raw.wire.stream.set_read_timeout(Some(SOON)).unwrap();
        assert!(raw.send(frame(b"still here")));
        assert_eq!(raw.wire.exactly(frame(b"still here").len()), frame(b"still here"));
    }
}

#[test]
fn a_socket_in_which_nothing_moves_is_closed_and_so_are_all_when_the_gateway_stops() {
    let upstream = echo();
    let url = upstream.url();
    let site = Site::new()
        .set("upstreams.app", "urls", &format!("\"{url}\""))
        .set("upstreams.app", "idle_timeout", "\"400ms\"")
        .route("prefix = \"/app\"\nupstream = \"app\"\nauth = \"none\"")
        .route(&format!("prefix = \"/pub\"\nupstream = \"{url}\"\nauth = \"none\""));
    let mut gateway = site.start();
    let shake = |path: &str| {
        let mut raw = gateway.raw();
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{}\r\n", gateway.authority(), upgrade_fields()));
        assert!(raw.wire.head().unwrap().first.contains("101"));
        raw
    };
    let (mut idle, mut other) = (shake("/app"), shake("/pub"));
    assert_eq!(closing(&mut idle), (1001, "nothing was sent for too long".to_owned()));
    gateway.stop();
    assert_eq!(closing(&mut other), (1001, "the gateway is stopping".to_owned()));
}

#[test]
fn a_backend_that_goes_away_ends_the_socket_after_what_it_sent() {
    let upstream = Upstream::talking(|wire| {
        if is_handshake(wire) {
            wire.send(format!("{}{}", accepted(), "\u{1}\u{3}abc"));
        }
    });
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let mut raw = open(&gateway, &alice);
    assert_eq!(raw.wire.exactly(5), b"\x01\x03abc");
    assert!(raw.ends_within(SOON));
}

#[test]
fn a_client_that_does_not_read_stops_the_backend_and_not_the_gateway() {
    const MUCH: usize = 64 * 1024 * 1024;
    let upstream = Upstream::talking(|wire| {
        if is_handshake(wire) {
            wire.send(accepted());
            let piece = vec![0; 1024 * 1024];
            let sent = (0..64).filter(|_| wire.send(&piece)).count();
            wire.send(format!("{sent}"));
        }
    });
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let mut raw = open(&gateway, &alice);
    gateway.is_alive();
    let held = gateway.resident_kib();
    assert!(held < 200 * 1024, "{held} KiB while the client does not read");
    assert_eq!(raw.wire.exactly(MUCH).len(), MUCH);
}

fn fixture() -> (Upstream, Gateway, Person) {
    let upstream = echo();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    (upstream, gateway, alice)
}

/// Takes every handshake and sends back what comes.
fn echo() -> Upstream {
    Upstream::talking(|wire| {
        if is_handshake(wire) {
            wire.send(accepted());
            wire.echo();
        }
    })
}

/// Any other request is answered at once.
fn is_handshake(wire: &mut Wire) -> bool {
    let Some(head) = wire.head() else { return false };
    if head.field("upgrade") == Some("websocket") {
        return true;
    }
    wire.send(Reply::new("200 OK", "Connection: close\r\n", "ok").bytes);
    false
}

fn accepted() -> String {
    format!(
        "HTTP/1.1 101 Go\r\nX-Upstream: echo\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    )
}

fn upgrade_fields() -> String {
    format!("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n")
}

fn handshake(gateway: &Gateway, person: &Person, more: &str) -> String {
    let fields = upgrade_fields();
    let (host, token) = (gateway.authority(), &person.access);
    format!("GET /app/socket HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{fields}{more}\r\n")
}

#[track_caller]
fn open(gateway: &Gateway, person: &Person) -> Raw {
    let mut raw = gateway.raw();
    raw.send(handshake(gateway, person, ""));
    let head = raw.wire.head().unwrap();
    assert!(head.first.starts_with("HTTP/1.1 101"), "{}", head.first);
    assert_eq!(head.field("sec-websocket-accept"), Some(ACCEPT));
    assert!(head.field("x-request-id").is_some());
    raw
}

fn upstream_head(upstream: &Upstream) -> String {
    let bytes = upstream.bytes();
    String::from_utf8_lossy(bytes.last().unwrap()).to_lowercase()
}

/// A masked binary frame, its mask all zeros.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        long @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
        huge => {
            frame.push(0x80 | 127);
            frame.extend((huge as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The close frame that comes within a second, or a little later on a busy machine.
#[track_caller]
fn closing(raw: &mut Raw) -> (u16, String) {
    raw.wire.stream.set_read_timeout(Some(A_BUSY_SECOND)).unwrap();
    let head = raw.wire.exactly(2);
    assert_eq!(head.first(), Some(&0x88), "no close frame came: {head:?}");
    let payload = raw.wire.exactly(usize::from(head[1]));
    (u16::from_be_bytes([payload[0], payload[1]]), String::from_utf8_lossy(&payload[2..]).into_owned())
}

const MINUTE: i64 = 60;

#[test]
fn events_end_with_their_session_or_their_token_and_pass_one_by_one_until_then() {
    let upstream = Upstream::talking(|wire| {
        if wire.head().is_some_and(|head| head.first.contains("/events")) {
            wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");
            wire.send("9\r\ndata: 1\n\n\r\n");
            // The next one comes when the client asks by another way: nothing is held back for it.
            while wire.fill().unwrap_or(0) > 0 {}
        } else {
            wire.send(Reply::new("200 OK", "Connection: close\r\n", "ok").bytes);
        }
    });
    let gateway = Site::shared_secret(&upstream).start();
    let alice = gateway.register("alice");
    let elsewhere = |jti: &str| Mint::of(&Mint::of(&alice.access).claim("sid", json!(null))).claim("jti", json!(jti));
    let (one, other) = (elsewhere("one"), elsewhere("other"));
    let robot = ["token", "create", "--name", "robot", "--scope", "a", "--expires", "1h"];
    let robot = authgate(gateway.folder(), gateway.site().variables(), &robot).expect(0).out.trim().to_owned();
    gateway.keep_secret(&robot);
    until("the machine's token is known", SOON, || gateway.get("/app").bearer(&robot).send().status == 200);
    let mut open = [&alice.access, &one, &other, &robot].map(|token| {
        let mut raw = gateway.raw();
        raw.send(gateway.get("/app/events").bearer(token).bytes());
        assert!(raw.wire.head().unwrap().first.contains("200"));
        assert_eq!(raw.wire.exactly(14), b"9\r\ndata: 1\n\n\r\n");
        raw
    });
    assert!(open.iter_mut().all(|raw| !raw.ends_within(Duration::from_millis(300))));
    let [hers, one_made, other_made, machines] = &mut open;
    gateway.log_out(&one).expect(204);
    assert!(one_made.ends_within(A_BUSY_SECOND), "the one token made elsewhere");
    gateway.post("/auth/revoke").form(&format!("token={robot}")).send().expect(200);
    assert!(machines.ends_within(A_BUSY_SECOND), "the machine's");
    assert!(!hers.ends_within(Duration::from_millis(300)) && !other_made.ends_within(Duration::from_millis(300)));
    gateway.post("/auth/logout-all").bearer(&alice.access).json(&json!({})).send().expect(204);
    for raw in [hers, other_made] {
        assert!(raw.ends_within(A_BUSY_SECOND));
        assert_eq!(raw.wire.take_unread(), b"", "broken off, and not ended as if it were whole");
    }
}
