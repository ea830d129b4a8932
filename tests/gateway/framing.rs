//! Where a request ends is beyond doubt; the rows of the catalogue are in `cases`.
use crate::support::{Answer, Gateway, Raw, SOON, Site, Upstream, until};

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
    let answer = raw.answer().unwrap();
    let code = if answer.status == 414 { "target_too_long" } else { "headers_too_large" };
    assert!(matches!(answer.status, 414 | 431), "{}", answer.status);
    told_in_full(&answer, code);
    assert!(raw.ends_within(SOON));
}

/// Like every other refusal: in words, with its code and an id to ask the operator about.
#[track_caller]
fn told_in_full(answer: &Answer, code: &str) {
    assert_eq!(answer.code(), code);
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    assert_eq!((answer.field("connection"), answer.field("cache-control")), (Some("close"), Some("no-store")));
    let told = answer.json();
    assert_eq!(told["status"], answer.status);
    assert_eq!(told["type"], format!("/auth/errors#{code}"));
    assert_eq!(told["request_id"].as_str(), answer.field("x-request-id"));
    assert!(answer.field("x-request-id").is_some_and(|id| id.len() > 8));
}

#[test]
fn what_is_no_request_is_told_so_in_the_words_of_every_other_refusal() {
    let gateway = Site::fixture(&Upstream::start()).set("log", "level", "\"debug\"").start();
    for bytes in [
        "GET /pub\r\n\r\n",
        "GET  /pub HTTP/1.1\r\n\r\n",
        "GET /pub HTTP/1.1\nHost: g\n\n",
        " GET",
        "GET /a#b HTTP/1.1\r\n\r\n",
    ] {
        let mut raw = gateway.raw();
        raw.send(bytes);
        let answer = raw.answer().unwrap().expect(400);
        told_in_full(&answer, "bad_request");
        assert!(raw.ends_within(SOON));
        let id = answer.field("x-request-id").unwrap().to_owned();
        until("the log names it", SOON, || gateway.log_text().contains(&id));
    }
    gateway.is_alive();
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
