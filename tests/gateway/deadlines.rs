//! Every wait has an end.
use std::time::{Duration, Instant};

use crate::support::{Gateway, SOON, Site, Upstream};

/// Short deadlines, so that a test sees them pass.
fn hasty(upstream: &Upstream) -> Gateway {
    Site::fixture(upstream)
        .set("limits", "header_timeout", "\"1s\"")
        .set("limits", "body_timeout", "\"1s\"")
        .set("limits", "idle_timeout", "\"1s\"")
        .start()
}

#[test]
fn a_connection_that_says_nothing_or_half_a_head_is_ended() {
    let upstream = Upstream::start();
    let gateway = hasty(&upstream);
    let authority = gateway.authority();
    for said in [
        "",
        "P",
        "PRI * HT",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /pub HTTP/1.1\r\n",
        "GET /pub HTTP/1.1\r\nHost: x\r\nX: ",
    ] {
        let begun = Instant::now();
        let mut raw = gateway.raw();
        raw.send(said);
        assert!(raw.ends_within(Duration::from_secs(10)), "{said:?} of {authority} is held open");
        assert!(begun.elapsed() > Duration::from_millis(500), "{said:?} was ended after {:?}", begun.elapsed());
    }
    gateway.is_alive();
}

#[test]
fn a_head_that_drips_is_ended_though_each_byte_came_in_time() {
    let upstream = Upstream::start();
    let gateway = hasty(&upstream);
    let mut raw = gateway.raw();
    raw.send("GET /pub HTTP/1.1\r\nX: ");
    let begun = Instant::now();
    let mut ended = false;
    while !ended && begun.elapsed() < SOON {
        raw.send("a");
        ended = raw.ends_within(Duration::from_millis(200));
    }
    assert!(ended);
    gateway.is_alive();
}

#[test]
fn an_idle_kept_connection_is_ended() {
    let upstream = Upstream::start();
    let gateway = hasty(&upstream);
    let mut raw = gateway.raw();
    gateway.get("/pub/x").send_on(&mut raw).expect(200);
    assert!(raw.ends_within(Duration::from_secs(10)));
}

#[test]
fn a_body_that_stalls_is_408_for_ourselves_and_for_a_backend() {
    let upstream = Upstream::start();
    let gateway = hasty(&upstream);
    let authority = gateway.authority();
    for target in ["/auth/login", "/pub/x"] {
        for framing in ["Content-Length: 50\r\n\r\n{\"", "Transfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n"] {
            let mut raw = gateway.raw();
            raw.send(format!(
                "POST {target} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\n{framing}"
            ));
            let answer = raw.answer().unwrap_or_else(|| panic!("{target} {framing:?} has no answer")).expect(408);
            assert!(answer.is_own());
            assert!(raw.ends_within(SOON), "{target} {framing:?}");
        }
    }
    assert!(upstream.seen().iter().all(|seen| !seen.whole));
    gateway.is_alive();
}

#[test]
fn a_body_that_goes_on_slowly_is_not_cut() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("limits", "body_timeout", "\"3s\"").start();
    let mut raw = gateway.raw();
    raw.send(format!("POST /pub/x HTTP/1.1\r\nHost: {}\r\nContent-Length: 8\r\n\r\n", gateway.authority()));
    for _ in 0..8 {
        assert!(!raw.ends_within(Duration::from_millis(500)));
        raw.send("x");
    }
    raw.answer().unwrap().expect(200);
}

#[test] // R03
fn a_body_that_drips_for_ever_is_408() {
    let upstream = Upstream::start();
    let gateway = hasty(&upstream);
    let authority = gateway.authority();
    for (fields, piece) in [("Content-Length: 1000", "x"), ("Transfer-Encoding: chunked", "1\r\nx\r\n")] {
        let mut raw = gateway.raw();
        raw.send(format!("POST /pub/x HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n\r\n"));
        let begun = Instant::now();
        while !raw.wire.has_come(Duration::from_millis(300)) {
            assert!(begun.elapsed() < SOON, "{fields}: held for {:?}", begun.elapsed());
            raw.send(piece);
        }
        raw.answer().unwrap().refused(408, "body_timeout");
        assert!(begun.elapsed() > Duration::from_secs(2), "{fields}: ended after {:?}", begun.elapsed());
    }
    assert!(upstream.seen().iter().all(|seen| !seen.whole));
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    const LARGE: usize = 64 * 1024 * 1024;
    let upstream = Upstream::talking(|wire| {
        wire.head();
        wire.send(format!("HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: {LARGE}\r\n\r\n"));
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..LARGE / piece.len() {
            if !wire.send(&piece) {
                return;
            }
        }
    });
    let gateway = hasty(&upstream);
    let mut raw = gateway.raw();
    raw.send(format!("GET /pub/x HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.authority()));
    // Nothing is read for longer than `body_timeout`; then what was on its way is taken up to its end.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let mut taken = 0;
    while let Ok(read) = raw.wire.fill() {
        taken += read;
        raw.wire.take_unread();
        if read == 0 {
            break;
        }
    }
    assert!(taken < LARGE, "all {taken} bytes came although nobody read for four seconds");
}
