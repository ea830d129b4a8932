//! SIGTERM: what is under way is finished, what is not is not begun.
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Gateway, SOON, Site, Upstream, rude, until};

/// An upstream that answers `/pub/slow` once it is told to.
fn slow() -> (Upstream, std::sync::mpsc::Sender<()>) {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::talking(move |wire| {
        wire.head();
        wire.send(b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 8\r\n\r\nhalf");
        gone.lock().unwrap().recv().unwrap_or_default();
        wire.send(b"done");
    });
    (upstream, go)
}

#[test]
fn an_answer_under_way_is_finished_and_the_door_is_closed() {
    let (upstream, go) = slow();
    let mut gateway = Gateway::start(&upstream);
    let mut raw = gateway.raw();
    raw.send(gateway.get("/pub/slow").bytes());
    assert!(raw.wire.wait_for(b"half"));
    gateway.signal("TERM");
    until("nobody is let in any more", SOON, || TcpStream::connect(("127.0.0.1", gateway.port)).is_err());
    until("the admin address says so", SOON, || gateway.admin("GET", "/readyz").send().status == 503);
    go.send(()).unwrap();
    let answer = raw.answer().unwrap().expect(200);
    assert!(answer.whole && answer.text() == "halfdone");
    assert_eq!(gateway.wait_for_end(), Some(0));
}

#[test]
fn idle_connections_do_not_hold_it_up() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&upstream);
    let mut idle = gateway.raw();
    gateway.get("/pub/x").send_on(&mut idle).expect(200);
    let silent = gateway.raw();
    let begun = Instant::now();
    gateway.stop();
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
    assert!(idle.ends_within(SOON));
    drop(silent);
}

#[test]
fn what_does_not_end_is_cut_at_the_deadline() {
    let upstream = rude::stalls_after(b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 100\r\n\r\nhalf");
    let mut gateway = Site::fixture(&upstream).set("server", "shutdown_grace", "\"1s\"").start();
    let mut raw = gateway.raw();
    raw.send(gateway.get("/pub/x").bytes());
    assert!(raw.wire.wait_for(b"half"));
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.wait_for_end();
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(800) && took < Duration::from_secs(10), "took {took:?}");
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let upstream = rude::stalls_after(b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 100\r\n\r\nhalf");
    let mut gateway = Gateway::start(&upstream);
    let mut raw = gateway.raw();
    raw.send(gateway.get("/pub/x").bytes());
    assert!(raw.wire.wait_for(b"half"));
    let begun = Instant::now();
    gateway.signal("TERM");
    until("the first signal is heard", SOON, || TcpStream::connect(("127.0.0.1", gateway.port)).is_err());
    gateway.signal("TERM");
    gateway.wait_for_end();
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
}

#[test]
fn the_last_log_lines_are_not_lost() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&upstream);
    for number in 0..50 {
        gateway.get(&format!("/pub/{number}")).send().expect(200);
    }
    gateway.stop();
    let lines = crate::support::log::requests(&gateway.log_text());
    for number in 0..50 {
        assert!(lines.iter().any(|line| line["path"] == format!("/pub/{number}")), "/pub/{number} is not in the log");
    }
}
