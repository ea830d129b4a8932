//! Backends that answer before the request has ended, and what becomes of the rest of it.
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{Gateway, SOON, Secure, Site, Upstream, Wire, python_with_streams, shipped, until};

fn before(upstream: &Upstream) -> Gateway {
    Site::new()
        .set("limits", "body_timeout", "\"2s\"")
        .set("upstreams.app", "urls", &format!("[\"{}\"]", upstream.url()))
        .set("upstreams.app", "idle_timeout", "\"5s\"")
        .route("prefix = \"/pub\"\nupstream = \"app\"\nauth = \"none\"\nmax_body = \"64MiB\"")
        .start()
}

/// Many clients write a whole body before they look for an answer.
#[test]
fn who_writes_before_reading_hears_that_the_body_is_too_large() {
    let Some(python) = python_with_streams() else { return };
    let gateway = Gateway::start(&Upstream::start());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/large_bodies.py");
    let ran = Command::new(python).arg(script).arg(gateway.port.to_string()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "passed\n", "{}", String::from_utf8_lossy(&ran.stderr));
    gateway.is_alive();
}

/// Sends for as long as the other side takes it.
fn talk_on(stream: &TcpStream) {
    let mut wire = Wire::new(stream.try_clone().unwrap());
    thread::spawn(move || while wire.send(format!("2000\r\n{}\r\n", "x".repeat(0x2000))) {});
}

/// What was cut has no end that makes a whole of it, although the answer is under way and nobody reads it.
#[test]
fn an_upload_that_is_cut_during_the_answer_never_looks_whole() {
    let ended = Arc::new(AtomicBool::new(false));
    let upstream = Upstream::talking({
        let ended = Arc::clone(&ended);
        move |wire| {
            if wire.head().is_some() {
                wire.send("HTTP/1.1 200 OK\r\nX-Upstream: early\r\nTransfer-Encoding: chunked\r\n\r\n");
                talk_on(&wire.stream);
                ended.store(wire.ends_within(SOON), Ordering::SeqCst);
                wire.stream.shutdown(Shutdown::Both).ok();
            }
        }
    });
    let gateway = before(&upstream);
    let mut client = gateway.raw();
    client.send(format!(
        "POST /pub/x HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        gateway.authority()
    ));
    assert!(client.wire.head().is_some_and(|head| head.first.contains("200")));
    let got = || upstream.bytes().concat();
    until("the upstream has the piece", SOON, || got().ends_with(b"hello\r\n"));
    // The client takes nothing until the way back is full; what it says then is no chunk.
    until_still(&client.wire.stream);
    client.send("zz\r\n");
    until("the gateway has read it", SOON, || unread(gateway.port, &client.wire.stream) == 0);
    // Now it takes what there is, until it is told.
    while client.wire.fill().is_ok_and(|count| count > 0) {
        client.wire.take_unread();
    }
    until("the upstream has all that ever comes", SOON, || ended.load(Ordering::SeqCst));
    assert!(got().ends_with(b"hello\r\n"), "{:?}", String::from_utf8_lossy(&got()));
}

/// How many bytes of this client lie unread before whoever listens on `port`, as the kernel tells.
fn unread(port: u16, client: &TcpStream) -> u64 {
    let of_client = client.local_addr().unwrap().port();
    let (ours, theirs) = (format!(":{port:04X}"), format!(":{of_client:04X}"));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut lines = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let line = lines.find(|words| words[1].ends_with(&ours) && words[2].ends_with(&theirs)).unwrap();
    u64::from_str_radix(line[4].split_once(':').unwrap().1, 16).unwrap()
}

/// Waits until no more comes to a socket that nobody reads.
fn until_still(stream: &TcpStream) {
    let mut piece = vec![0_u8; 32 << 20];
    let mut before = 0;
    until("the socket is full", SOON, || {
        thread::sleep(Duration::from_millis(100));
        let now = stream.peek(&mut piece).unwrap();
        now == std::mem::replace(&mut before, now)
    });
}

#[test]
fn the_tail_of_a_request_goes_on_after_an_early_answer() {
    let upstream = Upstream::talking(|wire| {
        let Some(length) = wire.head().and_then(|head| head.field("content-length")?.parse::<usize>().ok()) else {
            return;
        };
        // Only when no more fits on the way does it speak, and only then does it read.
        until_still(&wire.stream);
        // The connection ends behind it, and says so: a request that comes late is not to go over it.
        wire.send("HTTP/1.1 200 OK\r\nX-Upstream: early\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
        wire.exactly(length);
        wire.send("0\r\n\r\n");
    });
    let gateway = before(&upstream);
    // Wherever the kernel's buffers end: of some of these, the last pieces are still with the gateway then.
    thread::scope(|scope| {
        for step in 1..48 {
            let gateway = &gateway;
            scope.spawn(move || {
                let mut client = gateway.raw();
                let length = step * 160_000;
                client.send(format!(
                    "POST /pub/x HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n{}",
                    gateway.authority(),
                    "x".repeat(length)
                ));
                let answer = client.answer().unwrap_or_else(|| panic!("{length} has no answer"));
                assert!(answer.expect(200).whole, "{length}");
            });
        }
    });
}

#[test]
fn an_empty_answer_in_chunks_keeps_the_connection() {
    let upstream = Upstream::talking(|wire| {
        while wire.head().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nX-Upstream: r\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        }
    });
    let gateway = before(&upstream);
    for _ in 0..5 {
        let answer = gateway.get("/pub/x").send().expect(200);
        assert!(answer.whole && answer.body.is_empty());
        assert_eq!(answer.field("content-length"), Some("0"));
    }
    assert_eq!(upstream.connections(), 1);
}

/// TLS takes what its socket does not: that nobody reads is seen all the same.
#[test]
fn who_does_not_read_over_tls_loses_the_connection_and_the_backend_is_rid_of_it() {
    let rid = Arc::new(AtomicBool::new(false));
    let upstream = Upstream::talking({
        let rid = Arc::clone(&rid);
        move |wire| {
            if wire.head().is_some() {
                wire.send("HTTP/1.1 200 OK\r\nX-Upstream: r\r\nTransfer-Encoding: chunked\r\n\r\n");
                wire.stream.set_write_timeout(Some(SOON)).unwrap();
                while wire.send(format!("400\r\n{}\r\n", "x".repeat(0x400))) {}
                rid.store(wire.ends_within(SOON), Ordering::SeqCst);
            }
        }
    });
    let quoted = |name: &str| format!("\"{}\"", shipped(name).display());
    let gateway = Site::fixture(&upstream)
        .set("limits", "body_timeout", "\"1s\"")
        .set("tls", "cert", &quoted("site.pem"))
        .set("tls", "key", &quoted("site.key"))
        .start();
    let mut client = Secure::open(gateway.port, "site.example").unwrap();
    client.ask("site.example", "/pub/endless");
    until("the backend is rid of it", SOON, || rid.load(Ordering::SeqCst));
}
