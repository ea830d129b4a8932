//! Where a request ends is beyond doubt (catalogue, group H).
use crate::support::{Gateway, Raw, Row, SOON, Saw, Seen, Upstream, run_rows};

const fn refused(id: &'static str, sends: &'static [u8]) -> Row {
    Row { id, sends, status: &[400], saw: Saw::Nothing, closes: true }
}

const fn one(id: &'static str, sends: &'static [u8], saw: fn(&Seen)) -> Row {
    Row { id, sends, status: &[200], saw: Saw::One(saw), closes: false }
}

/// Framed by the gateway: one length or one `chunked`, and nothing that looks like either.
fn framed(seen: &Seen) {
    let lengths = seen.folded("content-length").len();
    let codings = seen.folded("transfer-encoding");
    assert!(lengths + codings.len() <= 1, "{:#?}", seen.head);
    assert!(codings.iter().all(|coding| *coding == "chunked"), "{:#?}", seen.head);
    assert!(seen.whole);
}

fn abc(seen: &Seen) {
    framed(seen);
    assert_eq!(seen.body, b"abc");
}

fn own_host(seen: &Seen) {
    framed(seen);
    assert!(seen.head.first.ends_with("HTTP/1.1"), "{}", seen.head.first);
    assert_eq!(seen.all("host").len(), 1);
}

fn no_expect(seen: &Seen) {
    abc(seen);
    assert!(seen.folded("expect").is_empty());
}

const ROWS: &[Row] = &[
    refused("H01", b"POST /pub HTTP/1.1\nContent-Length: 6\nTransfer-Encoding: chunked\n\n0\n\nX"),
    refused("H01", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 6\n\n0\n\nX"),
    refused(
        "H01",
        b"POST /pub HTTP/1.1\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\nGET /app/admin HTTP/1.1\nHost: @H\n",
    ),
    refused("H02", b"POST /pub HTTP/1.1\nTransfer-Encoding: gzip, chunked\n\n0\n"),
    refused("H02", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked, chunked\n\n0\n"),
    refused("H02", b"POST /pub HTTP/1.1\nTransfer-Encoding: identity\nTransfer-Encoding: chunked\n\n0\n"),
    refused("H02", b"POST /pub HTTP/1.1\nTransfer-Encoding: foo;b=\"x, chunked\", chunked\n\n0\n"),
    refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: xchunked\n\n0\n"),
    refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: \x0bchunked\n\n0\n"),
    refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked;x=1\n\n0\n"),
    refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: \n\n0\n"),
    refused("H03", b"POST /pub HTTP/1.1\nTransfer-Encoding: chunked\nTransfer-Encoding: identity\n\n0\n"),
    refused("H03", b"POST /pub HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n"),
    refused("H04", b"POST /pub HTTP/1.1\nContent-Length: +3\n\nabc"),
    refused("H04", b"POST /pub HTTP/1.1\nContent-Length: -1\n\nabc"),
    refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 0x3\n\nabc"),
    refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 3, 3\n\nabc"),
    refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 3 3\n\nabc"),
    refused("H04", b"POST /pub HTTP/1.1\nContent-Length: \n\nabc"),
    refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 99999999999999999999\n\nabc"),
    refused("H04", b"POST /pub HTTP/1.1\nContent-Length: 3\nContent-Length: 4\n\nabc"),
    refused("H05", b"POST /pub HTTP/1.1\nContent-Length: 3\nContent-Length: 3\n\nabc"),
    refused("H05", b"POST /pub HTTP/1.1\nContent-Length: 3\nContent-Length: 03\n\nabc"),
    one("H06", b"POST /pub HTTP/1.1\nContent-Length: 3\nContent_Length: 99\nTransfer.Encoding: chunked\n\nabc", abc),
    refused("H10", b"GET /pub HTTP/1.1\nX: a\n folded"),
    refused("H10", b"GET /pub HTTP/1.1\n X: a"),
    refused("H10", b"GET /pub HTTP/1.1\nX : a"),
    refused("H10", b"GET /pub HTTP/1.1\nX\t: a"),
    refused("H10", b"GET /pub HTTP/1.1\nno colon"),
    refused("H10", b"GET /pub HTTP/1.1\n: empty"),
    refused("H10", b"GET /pub HTTP/1.1\nX: a\0b"),
    refused("H10", b"GET /pub HTTP/1.1\nX: a\x01b"),
    refused("H10", b"GET /pub HTTP/1.1\nX: a\rb"),
    refused("H10", b"GET /pub HTTP/1.1\nX\xc3\xa9: a"),
    refused("H11", b"GET /pub HTTP/1.1\nHost: g\nHost: g"),
    refused("H11", b"GET /pub HTTP/1.1\nHost: "),
    refused("H11", b"GET /pub HTTP/1.1\nHost: a b@c/d?e#f"),
    refused("H11", b"GET /pub HTTP/1.1\nHost: u@g"),
    refused("H11", b"GET /pub HTTP/1.1\nHost: g:99999"),
    one("H18", b"GET /pub HTTP/1.0\nConnection: close", own_host),
    refused("H18", b"GET  /pub HTTP/1.1"),
    refused("H18", b"GET\t/pub HTTP/1.1"),
    refused("H18", b"GET /pub HTTP/1.2"),
    refused("H18", b"GET /pub http/1.1"),
    refused("H18", b"GET /p\x01ub HTTP/1.1"),
    one(
        "H15",
        b"POST /app HTTP/1.1\nAuthorization: Bearer @A\nExpect: 100-continue\nContent-Length: 3\n\nabc",
        no_expect,
    ),
    Row {
        id: "H15",
        sends: b"POST /app HTTP/1.1\nAuthorization: Bearer @A\nExpect: y 100-continue\nContent-Length: 3\n\nabc",
        status: &[417],
        saw: Saw::Nothing,
        closes: false,
    },
    refused("T23", b"GET /app HTTP/1.1\nAuthorization: Bearer @A\nAuthorization: Bearer @A"),
];

#[test]
fn doubtful_framing_is_refused_or_made_plain() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    for row in ROWS {
        run_rows(&gateway, &upstream, &alice, &[*row]);
        gateway.get("/app/own").bearer(&bob.access).send().expect(200);
        let own = upstream.last();
        assert_eq!((own.target.as_str(), own.field("x-user-name")), ("/app/own", Some("bob")), "after {}", row.id);
    }
}

#[test]
fn chunk_lines_that_are_not_chunk_lines_are_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for body in [
        "3\nabc\r\n0\r\n\r\n",
        "3;a\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "0_3\r\nabc\r\n0\r\n\r\n",
        "11111111111111111\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
    ] {
        upstream.forget();
        let mut raw = gateway.raw();
        let authority = gateway.authority();
        raw.send(format!("POST /pub HTTP/1.1\r\nHost: {authority}\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        let answer = raw.answer().unwrap_or_else(|| panic!("no answer to {body:?}"));
        assert_eq!(answer.status, 400, "{body:?}: {}", answer.text());
        assert!(raw.ends_within(SOON), "{body:?}");
        assert!(upstream.seen().iter().all(|seen| !seen.whole), "{body:?}: the upstream took it for a whole request");
        gateway.is_alive();
    }
}

#[test]
fn a_body_nobody_reads_never_becomes_a_request() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let inner = format!("GET /app/smuggled HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", alice.access);
    for target in ["/app/x", "/auth/logout", "/nowhere", "/auth/healthz", "/pub/../x"] {
        let mut raw = gateway.raw();
        raw.send(format!(
            "POST {target} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{inner}",
            gateway.authority(),
            inner.len()
        ));
        let answer = raw.answer().unwrap();
        assert_ne!(answer.status, 200, "{target}");
        raw.send(gateway.get("/pub/after").bytes());
        if let Some(next) = raw.answer() {
            assert_eq!(next.json()["target"], "/pub/after", "{target}");
        }
    }
    let targets: Vec<_> = upstream.seen().into_iter().map(|seen| seen.target).collect();
    assert!(targets.iter().all(|target| target == "/pub/after"), "{targets:?}");
}

#[test]
fn a_body_on_any_method_is_framed_and_the_next_request_is_whole() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for method in ["GET", "DELETE", "OPTIONS"] {
        upstream.forget();
        let mut raw = gateway.raw();
        let authority = gateway.authority();
        raw.send(format!("{method} /pub/1 HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 5\r\n\r\nabcde"));
        raw.send(format!("GET /pub/2 HTTP/1.1\r\nHost: {authority}\r\n\r\n"));
        raw.answer().unwrap().expect(200);
        raw.answer().unwrap().expect(200);
        let seen = upstream.seen();
        assert_eq!((seen[0].body.as_slice(), seen[1].target.as_str()), (b"abcde".as_slice(), "/pub/2"), "{method}");
    }
}

#[test]
fn a_refused_request_with_an_expectation_is_not_asked_for_its_body() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut raw = gateway.raw();
    let authority = gateway.authority();
    raw.send(format!("POST /app HTTP/1.1\r\nHost: {authority}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    let answer = raw.answer().unwrap().expect(401);
    assert_eq!(answer.interim, [0_u16; 0]);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let many: String = (0..101).map(|n| format!("X-{n}: 1\r\n")).collect();
    let large = format!("X: {}\r\n", "a".repeat(500_000));
    let cookies = format!("Cookie: {}\r\n", "a=b; ".repeat(13_000));
    let authority = gateway.authority();
    for fields in [many, large, cookies] {
        let mut raw = gateway.raw();
        raw.send(format!("GET /pub HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n"));
        refused_by_size(&mut raw);
    }
    let mut raw = gateway.raw();
    raw.send(format!("GET /pub/{} HTTP/1.1\r\nHost: {authority}\r\n\r\n", "a".repeat(70_000)));
    refused_by_size(&mut raw);
    assert_eq!(upstream.seen().len(), 0);
    gateway.is_alive();
}

#[track_caller]
fn refused_by_size(raw: &mut Raw) {
    let status = raw.answer().map(|answer| answer.status);
    assert!(matches!(status, Some(414 | 431)), "{status:?}");
    assert!(raw.ends_within(SOON));
}

#[test]
fn without_a_host_there_is_no_answer_but_400() {
    let gateway = Gateway::start(&Upstream::start());
    let mut raw = gateway.raw();
    raw.send("GET /pub HTTP/1.1\r\n\r\n");
    raw.answer().unwrap().expect(400);
    assert!(raw.ends_within(SOON));
    let mut raw = gateway.raw();
    raw.send("GET /pub\r\n\r\n");
    let answer = raw.answer();
    assert!(answer.is_none_or(|answer| answer.status == 400));
    assert!(raw.ends_within(SOON));
    let mut raw = gateway.raw();
    raw.send("PROXY TCP4 9.9.9.9 9.9.9.9 1 2\r\nGET /pub HTTP/1.1\r\nHost: g\r\n\r\n");
    assert!(raw.answer().is_none_or(|answer| answer.status == 400));
    gateway.is_alive();
}

#[test] // H09
fn a_head_with_a_line_that_ends_in_lf_alone_is_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let at = gateway.authority();
    let heads = [
        format!("GET /pub HTTP/1.1\nHost: {at}\n\n"),
        format!("GET /pub HTTP/1.1\nHost: {at}\r\n\r\n"),
        format!("GET /pub HTTP/1.1\r\nHost: {at}\n\r\n"),
        format!("GET /pub HTTP/1.1\r\nHost: {at}\r\n\n"),
        format!("GET /pub HTTP/1.1\r\nHost: {at}\nX: GET /app HTTP/1.1\r\n\r\n"),
    ];
    for head in &heads {
        // On a fresh connection, behind another request, and behind a body of each kind, in one write and byte by byte.
        for before in [
            String::new(),
            format!("GET /pub/1 HTTP/1.1\r\nHost: {at}\r\n\r\n"),
            format!("POST /pub/1 HTTP/1.1\r\nHost: {at}\r\nContent-Length: 3\r\n\r\na\nb"),
            format!("POST /pub/1 HTTP/1.1\r\nHost: {at}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n0\r\n\r\n"),
        ] {
            for slowly in [false, true] {
                upstream.forget();
                let mut raw = gateway.raw();
                let all = format!("{before}{head}");
                if slowly {
                    for byte in all.bytes() {
                        raw.send([byte]);
                    }
                } else {
                    raw.send(&all);
                }
                if !before.is_empty() {
                    raw.answer().unwrap().expect(200);
                }
                raw.answer().unwrap_or_else(|| panic!("no answer to {all:?}")).expect(400);
                assert!(raw.ends_within(SOON), "{all:?}");
                let seen = upstream.seen();
                assert!(seen.iter().all(|seen| seen.target == "/pub/1"), "{all:?}: {seen:?}");
            }
        }
    }
    gateway.stands(&upstream);
}
