//! HTTP/2 by raw frames: what a polite client would never send.
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Gateway, Upstream, Wire};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// How the gateway took a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// 200.
    Answered,
    /// Any other status.
    Refused,
    /// The stream was reset.
    Reset,
    /// The connection was ended.
    Ended,
}

/// The n-th piece of a flood.
type Piece<'a> = &'a dyn Fn(u32) -> Vec<u8>;

type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

struct Frames {
    wire: Wire,
}

impl Frames {
    fn open(gateway: &Gateway) -> Self {
        let mut wire = Wire::new(TcpStream::connect(("127.0.0.1", gateway.port)).unwrap());
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        wire.send(frame(SETTINGS, 0, 0, b""));
        Self { wire }
    }

    /// What becomes of stream 1.
    fn taken(&mut self) -> Taken {
        loop {
            let head = self.wire.exactly(9);
            if head.len() < 9 {
                return Taken::Ended;
            }
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let payload = self.wire.exactly(length);
            match (head[3], head[8]) {
                (GOAWAY, _) => return Taken::Ended,
                (RST_STREAM, 1) => return Taken::Reset,
                // ":status: 200" is entry 8 of the static table; the encoder may resize its own table first.
                (HEADERS, 1) => {
                    let first = payload.iter().find(|byte| **byte & 0b1110_0000 != 0b0010_0000);
                    return if first == Some(&0x88) { Taken::Answered } else { Taken::Refused };
                }
                _ => {}
            }
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Literal fields, neither indexed nor compressed (RFC 7541, section 6.2.2).
fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            length(&mut bytes, text.len());
            bytes.extend_from_slice(text);
        }
    }
    bytes
}

fn length(bytes: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else { return bytes.push(u8::try_from(length).unwrap()) };
    bytes.push(127);
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
}

/// The four fields of every request, then `more`.
fn fields<'a>(method: &'a str, path: &'a str, authority: &'a str, more: &[(&'a [u8], &'a [u8])]) -> Fields<'a> {
    let mut all: Fields<'a> = vec![
        (b":method", method.as_bytes()),
        (b":scheme", b"http"),
        (b":path", path.as_bytes()),
        (b":authority", authority.as_bytes()),
    ];
    all.extend_from_slice(more);
    all
}

/// A request in one frame on a connection of its own.
fn ask(gateway: &Gateway, fields: &[(&[u8], &[u8])]) -> Taken {
    let mut frames = Frames::open(gateway);
    frames.wire.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields)));
    frames.taken()
}

#[test] // F01, F02, F03
fn fields_that_http_2_does_not_know_reach_nobody() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let at = gateway.authority();
    assert_eq!(ask(&gateway, &fields("GET", "/pub/x", &at, &[(b"te", b"trailers")])), Taken::Answered);
    let before = upstream.bytes();
    for more in [
        (&b"connection"[..], &b"close"[..]),
        (b"keep-alive", b"1"),
        (b"proxy-connection", b"x"),
        (b"upgrade", b"h2c"),
        (b"transfer-encoding", b"chunked"),
        (b"te", b"gzip"),
        (b":unknown", b"x"),
        (b":status", b"200"),
        (b":path", b"/app"),
        (b"x", b"a\r\nx-user-id: admin"),
        (b"x", b"a\0"),
        (b"X-User-Id", b"admin"),
        (b"x:y", b"1"),
        (b"x y", b"1"),
        (b"", b"1"),
    ] {
        let taken = ask(&gateway, &fields("GET", "/pub/x", &at, &[more]));
        assert!(matches!(taken, Taken::Reset | Taken::Ended), "{more:?}: {taken:?}");
    }
    for missing in 0..3 {
        let mut some = fields("GET", "/pub/x", &at, &[]);
        let name = some.remove(missing).0;
        let taken = ask(&gateway, &some);
        assert!(matches!(taken, Taken::Reset | Taken::Ended), "without {name:?}: {taken:?}");
    }
    assert_eq!(upstream.bytes(), before);
    gateway.stands(&upstream);
}

#[test] // F04, F05, F06, F07
fn targets_that_no_client_of_http_2_may_send_reach_nobody() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let at = gateway.authority();
    for path in
        ["/a HTTP/1.1", "/a\r\nX: y", "http://e/app", "app", "", "/pub/\0", "*", "?x", "/pub/..", "/pub\\x", "/pub/é"]
    {
        assert_ne!(ask(&gateway, &fields("GET", path, &at, &[])), Taken::Answered, "{path:?}");
    }
    for method in ["get", "G!#$", "CONNECT"] {
        assert_ne!(ask(&gateway, &fields(method, "/pub/x", &at, &[])), Taken::Answered, "{method}");
    }
    for (authority, host) in [(at.as_str(), "other"), (at.as_str(), "u@g"), ("u@g", at.as_str())] {
        let both = fields("GET", "/pub/x", authority, &[(b"host", host.as_bytes())]);
        assert_eq!(ask(&gateway, &both), Taken::Refused, "{authority} {host}");
    }
    assert_ne!(ask(&gateway, &fields("GET", "/pub/x", "", &[])), Taken::Answered);
    let tunnel: Fields<'_> = vec![(b":method", b"CONNECT"), (b":authority", at.as_bytes())];
    let mut frames = Frames::open(&gateway);
    frames.wire.send(frame(HEADERS, END_HEADERS, 1, &block(&tunnel)));
    frames.wire.send(frame(DATA, END_STREAM, 1, b"GET /app/admin HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(frames.taken(), Taken::Refused);
    assert_eq!(upstream.connections(), 0);
    gateway.stands(&upstream);
}

#[test] // F08, F10
fn a_body_is_as_long_as_it_says_and_trailers_go_no_further() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let (at, bearer) = (gateway.authority(), format!("Bearer {}", alice.access));
    let post = |length: &[u8], trailers: &[(&[u8], &[u8])]| {
        let more: [(&[u8], &[u8]); 2] = [(b"authorization", bearer.as_bytes()), (b"content-length", length)];
        let mut frames = Frames::open(&gateway);
        frames.wire.send(frame(HEADERS, END_HEADERS, 1, &block(&fields("POST", "/app/x", &at, &more))));
        let ends = if trailers.is_empty() { END_STREAM } else { 0 };
        frames.wire.send(frame(DATA, ends, 1, b"abc"));
        if !trailers.is_empty() {
            frames.wire.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(trailers)));
        }
        frames.taken()
    };
    for length in [&b"1"[..], b"10", b"+3", b"-3", b"3, 3"] {
        assert_ne!(post(length, &[]), Taken::Answered, "{length:?}");
        assert!(upstream.seen().iter().all(|seen| !seen.whole), "{length:?}");
    }
    upstream.forget();
    assert_eq!(post(b"3", &[(b"x-user-id", b"admin"), (b"authorization", b"x")]), Taken::Answered);
    let seen = upstream.only();
    assert_eq!((seen.body.as_slice(), seen.trailers.len(), seen.field("trailer")), (&b"abc"[..], 0, None));
    assert_eq!(seen.folded("x-user-id"), [alice.id.as_str()]);
    gateway.stands(&upstream);
}

/// Sends what `piece` makes for one number after the other until the gateway ends the connection.
fn flood(gateway: &Gateway, pieces: u32, piece: impl Fn(u32) -> Vec<u8>) -> Taken {
    let mut frames = Frames::open(gateway);
    for from in (0..pieces).step_by(100) {
        let bytes: Vec<u8> = (from..from + 100).flat_map(&piece).collect();
        if !frames.wire.send(bytes) {
            return Taken::Ended;
        }
    }
    if frames.wire.ends_within(Duration::from_millis(200)) { Taken::Ended } else { Taken::Answered }
}

#[test] // F11, F12, F13
fn floods_of_frames_end_their_own_connection_or_cost_nothing() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let at = gateway.authority();
    let get = block(&fields("GET", "/pub/x", &at, &[]));
    let post = block(&fields("POST", "/pub/x", &at, &[]));
    let login = block(&fields("POST", "/auth/login", &at, &[(b"content-type", b"application/json")]));
    let ends: [(&str, Piece<'_>); 6] = [
        ("resets", &|n| {
            [frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &get), frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8])]
                .concat()
        }),
        ("resets of sign-ins", &|n| {
            let body = br#"{"username":"nobody-at-all","password":"wrong-horse"}"#;
            let stream = 2 * n + 1;
            [frame(HEADERS, END_HEADERS, stream, &login), frame(DATA, END_STREAM, stream, body)]
                .into_iter()
                .chain([frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])])
                .collect::<Vec<_>>()
                .concat()
        }),
        ("streams we must reset", &|n| {
            [frame(HEADERS, END_HEADERS, 2 * n + 1, &post), frame(WINDOW_UPDATE, 0, 2 * n + 1, &[0, 0, 0, 0])].concat()
        }),
        ("empty continuations", &|n| {
            if n == 0 { frame(HEADERS, 0, 1, &get) } else { frame(CONTINUATION, 0, 1, b"") }
        }),
        ("continuations without end", &|n| {
            if n == 0 { frame(HEADERS, 0, 1, &get) } else { frame(CONTINUATION, 0, 1, &block(&[(b"a", &[b'b'; 100])])) }
        }),
        ("empty data", &|n| if n == 0 { frame(HEADERS, END_HEADERS, 1, &post) } else { frame(DATA, 0, 1, b"") }),
    ];
    for (name, piece) in ends {
        assert_eq!(flood(&gateway, 10_000, piece), Taken::Ended, "{name}");
        gateway.is_alive();
    }
    for (name, kind, payload) in [("pings", PING, &b"12345678"[..]), ("settings", SETTINGS, b""), ("unknown", 77, b"x")]
    {
        flood(&gateway, 20_000, |_| frame(kind, 0, 0, payload));
        gateway.is_alive();
        assert!(!gateway.log_text().contains("panic"), "{name}");
    }
    let hashed = gateway.admin("GET", "/metrics").send().text();
    let hashes = hashed.lines().find_map(|line| line.strip_prefix("authgate_password_hash_duration_seconds_count "));
    assert!(hashes.unwrap_or("0").parse::<f64>().unwrap() < 200.0, "{hashes:?} hashes for streams that were reset");
}
