//! Upstreams that stall, reset, lie about length and answer early.
use std::net::TcpListener;
use std::time::Duration;

use super::{Upstream, Wire};

/// Takes the request and never says anything.
pub(crate) fn silent() -> Upstream {
    Upstream::talking(|wire| {
        wire.head();
        hold(wire);
    })
}

/// Sends `bytes` once a head has come, and then nothing more; the connection stays open.
pub(crate) fn stalls_after(bytes: &'static [u8]) -> Upstream {
    Upstream::talking(move |wire| {
        wire.head();
        wire.send(bytes);
        hold(wire);
    })
}

/// Sends exactly `bytes` once a head has come, and closes.
pub(crate) fn says(bytes: &'static [u8]) -> Upstream {
    Upstream::talking(move |wire| {
        wire.head();
        wire.send(bytes);
    })
}

/// What a backend does in the middle of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Silence,
    Reset,
    Close,
}

/// Sends `bytes` once a head has come, and then no more.
pub(crate) fn ends_with(bytes: String, end: End) -> Upstream {
    Upstream::talking(move |wire| {
        wire.head();
        wire.send(&bytes);
        match end {
            End::Silence => hold(wire),
            End::Reset => socket2::SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO)).unwrap(),
            End::Close => {}
        }
    })
}

/// Ends the connection with a reset once a head has come.
pub(crate) fn resets() -> Upstream {
    Upstream::talking(|wire| {
        wire.head();
        socket2::SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
}

/// Answers after `count` bytes of the body and goes on reading.
pub(crate) fn answers_after(count: usize) -> Upstream {
    Upstream::talking(move |wire| {
        wire.head();
        wire.exactly(count);
        wire.send(b"HTTP/1.1 200 OK\r\nX-Upstream: early\r\nContent-Length: 5\r\n\r\nearly");
        hold(wire);
    })
}

/// A port that nobody listens on.
pub(crate) fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Reads until the other side closes, so that the connection stays open as long as it wants.
fn hold(wire: &mut Wire) {
    wire.ends_within(Duration::from_secs(60));
}
