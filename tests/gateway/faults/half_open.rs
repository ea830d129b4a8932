//! Clients and backends that vanish without a word: no FIN and no reset ever comes.
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Gateway, Network, Raw, Reply, SOON, Site, Upstream, Wire, until};

#[test]
fn clients_that_vanish_are_let_go_at_their_deadline_whatever_they_were_doing() {
    Network::of_its_own(
        "faults::half_open::clients_that_vanish_are_let_go_at_their_deadline_whatever_they_were_doing",
        |network| {
            let backend = backend();
            let gateway = hasty(&backend);
            gateway.is_alive();
            let host = gateway.authority();
            let doing = [
                ("idle", String::from_utf8(gateway.get("/open/x").bytes()).unwrap(), true),
                ("half a head", format!("GET /open/x HTTP/1.1\r\nHost: {host}\r\nX: "), false),
                (
                    "half a body for us",
                    format!(
                        "POST /auth/login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
                    ),
                    false,
                ),
                ("half a body", format!("POST /open/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99\r\n\r\nx"), false),
                ("takes much", String::from_utf8(gateway.get("/open/large").bytes()).unwrap(), false),
                ("listens", String::from_utf8(gateway.get("/open/drips").bytes()).unwrap(), true),
                ("a quiet socket", format!("GET /open/quiet HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}\r\n"), true),
                (
                    "a socket that is spoken to",
                    format!("GET /open/drips HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}\r\n"),
                    true,
                ),
                ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".to_owned(), false),
            ];
            for (what, sends, heard) in doing {
                let opened = Instant::now();
                let mut crowd: Vec<Raw> = (0..3).map(|_| gateway.raw()).collect();
                for raw in &mut crowd {
                    raw.send(&sends);
                    if heard {
                        assert!(raw.wire.head().is_some(), "{what}: no answer");
                    }
                }
                until(&format!("all are held: {what}"), SOON, || network.accepted(gateway.port) == crowd.len());
                network.cuts(crowd.iter().map(|raw| raw.wire.stream.local_addr().unwrap().port()));
                drop(crowd);
                let begun = Instant::now();
                until(&format!("they are let go: {what}"), SOON, || network.accepted(gateway.port) == 0);
                assert!(begun.elapsed() < Duration::from_secs(8), "{what}: {:?}", begun.elapsed());
                assert!(opened.elapsed() > DEADLINE * 9 / 10, "{what}: not held for {DEADLINE:?}");
                network.is_well();
                gateway.is_alive();
            }
            // The one that is kept for the next who asks.
            until("their backends are let go", SOON, || network.opened(backend.port) <= 1);
        },
    );
}

#[test]
fn a_backend_that_vanishes_ends_the_socket_though_the_client_goes_on_speaking() {
    Network::of_its_own(
        "faults::half_open::a_backend_that_vanishes_ends_the_socket_though_the_client_goes_on_speaking",
        |network| {
            let backend = backend();
            let gateway = hasty(&backend);
            let mut raw = gateway.raw();
            raw.send(format!("GET /open/quiet HTTP/1.1\r\nHost: {}\r\n{UPGRADE}\r\n", gateway.authority()));
            assert!(raw.wire.head().is_some());
            network.cuts([backend.port]);
            let begun = Instant::now();
            while raw.send(b"\x82\x80abcd") && !raw.ends_within(Duration::from_millis(100)) {
                assert!(begun.elapsed() < SOON, "it is held open");
            }
            until("it is let go", SOON, || network.opened(backend.port) + network.accepted(gateway.port) == 0);
            network.is_well();
            gateway.is_alive();
        },
    );
}

const DEADLINE: Duration = Duration::from_secs(2);
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Short deadlines, so that a test sees them pass; none is shorter than `DEADLINE`.
fn hasty(backend: &Upstream) -> Gateway {
    Site::fixture(backend)
        .set("limits", "header_timeout", "\"2s\"")
        .set("limits", "body_timeout", "\"2s\"")
        .set("limits", "idle_timeout", "\"2s\"")
        .set("upstreams.app", "urls", &format!("[\"{}\"]", backend.url()))
        .set("upstreams.app", "idle_timeout", "\"2s\"")
        .set("upstreams.app", "keep_alive", "\"1s\"")
        .route("prefix = \"/open\"\nupstream = \"app\"\nauth = \"none\"")
        .start()
}

/// Speaks for ever, a little at a time, where it is asked to.
fn backend() -> Upstream {
    Upstream::talking(|wire| {
        while let Some(head) = wire.head() {
            let target = head.first.split(' ').nth(1).unwrap_or_default().to_owned();
            let upgrades = head.field("upgrade").is_some();
            if upgrades {
                wire.send("HTTP/1.1 101 Go\r\nX-Upstream: echo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
            }
            match target.as_str() {
                "/open/quiet" => return wire.echo(),
                "/open/drips" => return drips(wire, upgrades),
                "/open/large" => drop(wire.send(Reply::new("200 OK", "", vec![b'x'; 64 * 1024 * 1024]).bytes)),
                _ => drop(wire.send(Reply::new("200 OK", "", "ok").bytes)),
            }
        }
    })
}

fn drips(wire: &mut Wire, upgrades: bool) {
    if !upgrades {
        wire.send("HTTP/1.1 200 OK\r\nX-Upstream: far\r\nContent-Type: text/event-stream\r\n\r\n");
    }
    // A frame of two letters, or a line.
    while wire.send(if upgrades { &b"\x82\x02ab"[..] } else { b":a\n\n" }) {
        thread::sleep(Duration::from_millis(200));
    }
}
