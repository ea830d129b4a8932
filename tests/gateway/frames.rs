//! HTTP/2 by raw frames: bodies, trailers, tunnels and floods.
use std::time::{Duration, Instant};

use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Fields, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, Taken,
    WINDOW_UPDATE, block, fields, frame,
};
use crate::support::{A_BUSY_SECOND, Gateway, Reply, Site, Upstream, until};

/// The n-th piece of a flood.
type Piece<'a> = &'a dyn Fn(u32) -> Vec<u8>;

#[test] // F06
fn a_tunnel_is_refused_and_what_comes_in_it_is_nobodys_request() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let at = gateway.authority();
    let tunnel: Fields<'_> = vec![(b":method", b"CONNECT"), (b":authority", at.as_bytes())];
    let mut frames = Frames::open(&gateway);
    frames.wire.send(frame(HEADERS, END_HEADERS, 1, &block(&tunnel)));
    frames.wire.send(frame(DATA, END_STREAM, 1, b"GET /app/admin HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(frames.taken(1), Taken::Refused(Some(405)));
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
        frames.taken(1)
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

#[test] // R04
fn answers_that_nobody_reads_are_held_in_small() {
    let large = "x".repeat(1024 * 1024);
    let upstream = Upstream::answering(move |_| Reply::new("200 OK", "", &large));
    let gateway = Gateway::start(&upstream);
    gateway.get("/pub/x").send().expect(200);
    let (at, resident) = (gateway.authority(), gateway.resident_kib());
    let widest = 0x7fff_ffff_u32.to_be_bytes();
    let asked = block(&fields("GET", "/pub/x", &at, &[]));
    let crowd: Vec<_> = (0..CROWD)
        .map(|_| {
            let mut frames = Frames::open(&gateway);
            frames.wire.send(frame(SETTINGS, 0, 0, &[&[0, 4][..], &widest].concat()));
            frames.wire.send(frame(WINDOW_UPDATE, 0, 0, &(0x7fff_ffff_u32 - 65_535).to_be_bytes()));
            let asks = (0..STREAMS).flat_map(|n| frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &asked));
            frames.wire.send(asks.collect::<Vec<u8>>());
            frames
        })
        .collect();
    let asked = usize::try_from(CROWD * STREAMS).unwrap();
    until("the upstream was asked for all of it", A_BUSY_SECOND, || upstream.seen().len() > asked);
    // It would be there within this time if it were taken in.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        let grown = gateway.resident_kib().saturating_sub(resident);
        assert!(grown < 48 * 1024, "{grown} KiB more");
        gateway.is_alive();
    }
    drop(crowd);
    gateway.stands(&upstream);
}

const CROWD: u32 = 3;
const STREAMS: u32 = 120;

#[test]
fn a_request_that_crosses_the_goodbye_is_answered_whole() {
    // Longer than a goodbye may take.
    let upstream = Upstream::talking(|wire| {
        while let Some(head) = wire.head() {
            if head.first.contains("slow") {
                wire.ends_within(Duration::from_millis(1500));
            }
            wire.send(Reply::new("200 OK", "", "whole").bytes);
        }
    });
    let mut site = Site::fixture(&upstream);
    for name in ["idle_timeout", "body_timeout"] {
        site = site.set("limits", name, "\"1s\"");
    }
    let gateway = site.start();
    let at = gateway.authority();
    let mut frames = Frames::open(&gateway);
    assert_eq!(frames.ask(1, &fields("GET", "/pub/x", &at, &[])), Taken::Answered);
    while frames.next().expect("a goodbye").0 != GOAWAY {}
    // The gateway's PING is not answered yet, so it still takes what comes.
    frames.wire.send(frame(HEADERS, END_STREAM | END_HEADERS, 3, &block(&fields("GET", "/pub/slow", &at, &[]))));
    let (mut answered, mut body) = (false, Vec::new());
    while let Some((kind, flags, stream, payload)) = frames.next() {
        if stream == 3 {
            answered |= kind == HEADERS;
            if kind == DATA {
                body.extend_from_slice(&payload);
            }
            if flags & END_STREAM != 0 {
                break;
            }
        }
    }
    assert!(answered && body == b"whole", "{answered} {body:?}");
}
