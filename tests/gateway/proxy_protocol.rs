//! Load balancers that forward bytes and say for whom (PROXY protocol).
use crate::support::{Gateway, SOON, Site, Upstream};

fn behind(upstream: &Upstream, trusted: &str) -> Gateway {
    let site = Site::fixture(upstream).set("server", "trusted_proxies", &format!("[\"{trusted}\"]"));
    site.set("server", "proxy_protocol", "true").start()
}

const REQUEST: &[u8] = b"GET /pub/x HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: 7.7.7.7\r\n\r\n";

fn version2(source: [u8; 4]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    bytes.extend(source);
    bytes.extend([10, 0, 0, 1, 0x12, 0x67, 1, 0xbb]);
    bytes
}

#[test]
fn the_announced_client_is_the_one_that_counts() {
    let upstream = Upstream::start();
    let gateway = behind(&upstream, "127.0.0.1");
    for (header, client) in
        [(b"PROXY TCP4 9.9.9.9 10.0.0.1 4711 443\r\n".to_vec(), "9.9.9.9"), (version2([8, 8, 8, 8]), "8.8.8.8")]
    {
        upstream.forget();
        let mut raw = gateway.raw();
        // In two pieces, as a network may deliver it.
        let (first, second) = header.split_at(5);
        raw.send(first);
        raw.send(second);
        raw.send(REQUEST);
        raw.answer().unwrap().expect(200);
        raw.send(REQUEST);
        raw.answer().unwrap().expect(200);
        // What the client itself says of its address is not believed: it is no trusted proxy.
        assert!(upstream.seen().iter().all(|seen| seen.field("x-forwarded-for") == Some(client)), "{client}");
    }
    // The proxy speaks for itself: its own address counts.
    upstream.forget();
    let mut raw = gateway.raw();
    raw.send([b"PROXY UNKNOWN\r\n", REQUEST].concat());
    raw.answer().unwrap().expect(200);
    assert_eq!(upstream.only().field("x-forwarded-for"), Some("7.7.7.7, 127.0.0.1"));
}

#[test]
fn a_proxy_that_announces_nobody_or_wrongly_is_not_heard() {
    let upstream = Upstream::start();
    let gateway = behind(&upstream, "127.0.0.1");
    for header in [
        &b""[..],
        b"PROXY TCP4 9.9.9.9\r\n",
        b"PROXY TCP4 evil 10.0.0.1 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ] {
        let mut raw = gateway.raw();
        raw.send([header, REQUEST].concat());
        assert!(raw.ends_within(SOON), "{header:?}");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn r11_a_stranger_cannot_announce_anybody() {
    let upstream = Upstream::start();
    let gateway = behind(&upstream, "10.0.0.0/8");
    for header in [b"PROXY TCP4 9.9.9.9 10.0.0.1 4711 443\r\n".to_vec(), version2([9, 9, 9, 9])] {
        let mut raw = gateway.raw();
        raw.send([&header, REQUEST].concat());
        assert_eq!(raw.answer().unwrap().status, 400);
        assert!(raw.ends_within(SOON));
    }
    assert!(upstream.seen().is_empty());
    gateway.get("/pub/x").send().expect(200);
    assert_eq!(upstream.only().field("x-forwarded-for"), Some("127.0.0.1"));
}
