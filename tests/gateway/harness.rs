//! The harness keeps its own word: what is recorded is what was sent, and answers are read whole.
use std::time::Duration;

use crate::support::rows::filled_in;
use crate::support::{Mint, Raw, Reply, SOON, Upstream, mint, rude};

#[test]
fn an_upstream_keeps_every_byte_and_tells_what_it_saw() {
    let upstream = Upstream::start();
    let mut raw = Raw::open(upstream.port);
    let sent =
        b"POST /a?b HTTP/1.1\r\nX_A: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n";
    raw.send(sent);
    let answer = raw.answer().unwrap().expect(200);
    assert_eq!(answer.json()["body"], "abc");
    assert!(!answer.is_own());
    let seen = upstream.only();
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.path()), ("POST", "/a?b", "/a"));
    assert_eq!(seen.folded("X-A"), ["1", "2"]);
    assert_eq!(seen.trailers, ["T: 1"]);
    assert!(seen.whole);
    assert_eq!(upstream.bytes(), [sent.to_vec()]);
}

#[test]
fn answers_are_read_in_every_framing() {
    let framings: [(&'static [u8], &str, bool); 4] = [
        (b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", true),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok", true),
        (b"HTTP/1.1 200 OK\r\n\r\nok", "ok", true),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "ok", false),
    ];
    for (bytes, text, whole) in framings {
        let upstream = Upstream::answering(move |_| Reply::bytes(bytes));
        let mut raw = Raw::open(upstream.port);
        raw.send("GET / HTTP/1.1\r\n\r\n");
        let answer = raw.answer().unwrap();
        assert_eq!((answer.text().as_str(), answer.whole), (text, whole));
        assert!(raw.ends_within(SOON));
    }
}

#[test]
fn rude_upstreams_are_rude() {
    let ask = |upstream: &Upstream| {
        let mut raw = Raw::open(upstream.port);
        raw.send("GET / HTTP/1.1\r\n\r\n");
        raw
    };
    let silent = rude::silent();
    assert!(!ask(&silent).ends_within(Duration::from_millis(100)));
    let resets = rude::resets();
    assert!(ask(&resets).answer().is_none());
    assert!(std::net::TcpStream::connect(("127.0.0.1", rude::nobody())).is_err());
}

#[test]
fn the_mint_signs_as_others_verify() {
    let header = r#"{"alg":"HS256","typ":"at+jwt","kid":"k"}"#;
    let token = mint::sign(header, r#"{"sub":"a","exp":4000000000,"iat":1}"#);
    let key = jsonwebtoken::DecodingKey::from_secret(crate::support::site::TEST_SECRET.as_bytes());
    let validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    let read = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).unwrap();
    assert_eq!(read.claims["sub"], "a");
    let mint = Mint::of(&token);
    assert_eq!(mint.resigned(), token);
    assert_eq!(mint::part(&mint.claim("sub", serde_json::Value::Null), 1).get("sub"), None);
}

#[test]
fn placeholders_of_a_row_are_filled_in() {
    let cast =
        [("@L", "l"), ("@LONG", "@L"), ("@A", "a"), ("@PA", "p"), ("@70KB", "k")].map(|(name, is)| (name, is.into()));
    assert_eq!(filled_in(b"x@Lb@L", &cast), b"xlbl");
    assert_eq!(filled_in(b"u:p@@L/@ a@b", &cast), b"u:p@l/@ a@b");
    assert_eq!(filled_in(b"@PA@A@LONG@L", &cast), b"pa@Ll");
    assert_eq!(filled_in(b"@70KB@70KB\xff", &cast), b"kk\xff");
}

#[test]
#[should_panic(expected = "nobody is cast as @LONGER")]
fn a_name_that_only_begins_like_another_is_nobodys() {
    filled_in(b"@LONGER", &[("@LONG", String::new())]);
}
