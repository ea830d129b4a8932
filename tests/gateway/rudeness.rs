//! Backends that refuse, stall, reset, lie and answer early.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Gateway, SOON, Site, Upstream, rude, until};

/// `/pub` goes to `upstream`, whose answers must come within a second.
fn impatient(upstream: &Upstream) -> Gateway {
    Site::new()
        .set("upstreams.app", "urls", &format!("[\"{}\"]", upstream.url()))
        .set("upstreams.app", "response_timeout", "\"1s\"")
        .set("upstreams.app", "idle_timeout", "\"1s\"")
        .set("upstreams.app", "connect_timeout", "\"1s\"")
        .route("prefix = \"/pub\"\nupstream = \"app\"\nauth = \"none\"")
        .start()
}

#[test]
fn nobody_there_is_502() {
    let site = Site::new()
        .route(&format!("prefix = \"/pub\"\nupstream = \"http://127.0.0.1:{}\"\nauth = \"none\"", rude::nobody()));
    let gateway = site.start();
    let answer = gateway.get("/pub/x").send().refused(502, "upstream_refused");
    assert!(!answer.text().contains("127.0.0.1") && !answer.text().contains("os error"), "{}", answer.text());
    until("the log tells the operator why", SOON, || gateway.log_text().contains("Connection refused"));
}

#[test]
fn silence_is_504() {
    for upstream in [
        rude::silent(),
        rude::stalls_after(b"HTTP/1.1 200 OK\r\nX-A: "),
        rude::stalls_after(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ] {
        impatient(&upstream).get("/pub/x").send().refused(504, "upstream_timeout");
    }
}

#[test]
fn a_routes_own_timeout_counts() {
    let upstream = rude::silent();
    let gateway = Site::new()
        .route(&format!("prefix = \"/pub\"\nupstream = \"{}\"\nauth = \"none\"\ntimeout = \"500ms\"", upstream.url()))
        .start();
    let begun = Instant::now();
    gateway.get("/pub/x").send().refused(504, "upstream_timeout");
    assert!(begun.elapsed() < SOON);
}

#[test]
fn nonsense_is_502_and_nothing_is_left_for_the_next_client() {
    for said in [
        b"hello\r\n\r\n".as_slice(),
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"",
    ] {
        let upstream = rude::says(said);
        let gateway = impatient(&upstream);
        let answer = gateway.get("/pub/x").send();
        assert_eq!(answer.status, 502, "{:?}: {}", String::from_utf8_lossy(said), answer.text());
        assert!(["upstream_bad_response", "upstream_refused"].contains(&answer.code().as_str()), "{}", answer.text());
    }
}

#[test]
fn a_reset_is_502() {
    let upstream = rude::resets();
    let answer = impatient(&upstream).get("/pub/x").send().expect(502);
    assert!(!answer.text().contains("os error"));
}

#[test]
fn a_head_without_end_is_502() {
    let upstream = Upstream::talking(|wire| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\n");
        while wire.send(format!("X-More: {}\r\n", "a".repeat(8000))) {}
    });
    let answer = impatient(&upstream).get("/pub/x").send();
    assert!([502, 504].contains(&answer.status), "{}", answer.text());
}

#[test]
fn an_answer_that_ends_early_is_not_taken_for_whole() {
    for said in [
        b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 100\r\n\r\nonly this".as_slice(),
        b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n",
    ] {
        let upstream = rude::says(said);
        let gateway = impatient(&upstream);
        let mut raw = gateway.raw();
        raw.send(gateway.get("/pub/x").bytes());
        // Nothing at all is honest too: the head may still have been waiting for company when the end came.
        let Some(answer) = raw.answer() else {
            assert!(raw.ends_within(SOON), "{:?}", String::from_utf8_lossy(said));
            continue;
        };
        assert!(answer.status == 502 || !answer.whole, "{:?}", String::from_utf8_lossy(said));
        assert!(answer.status == 502 || raw.ends_within(SOON));
    }
}

#[test]
fn an_answer_that_stalls_half_way_is_cut() {
    let upstream = rude::stalls_after(b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 100\r\n\r\nhalf");
    let gateway = impatient(&upstream);
    let mut raw = gateway.raw();
    raw.send(gateway.get("/pub/x").bytes());
    let answer = raw.answer().unwrap().expect(200);
    assert!(!answer.whole && answer.text() == "half");
    assert!(raw.ends_within(SOON));
}

#[test]
fn after_an_early_answer_the_rest_of_the_body_is_nobodys_request() {
    let upstream = rude::answers_after(3);
    let gateway = impatient(&upstream);
    let inner = "GET /pub/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut raw = gateway.raw();
    let length = 3 + inner.len();
    raw.send(format!("POST /pub/x HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\nabc", gateway.authority()));
    assert_eq!(raw.answer().unwrap().expect(200).text(), "early");
    raw.send(inner);
    raw.send(gateway.get("/pub/next").bytes());
    if let Some(next) = raw.answer() {
        assert_ne!(next.status, 404, "the rest was read as a request");
    }
    until("the connection is not kept", SOON, || {
        let mut other = gateway.raw();
        other.send(gateway.get("/pub/other").bytes());
        other.answer().is_some() && upstream.connections() >= 2
    });
    let requests = |bytes: &[u8]| String::from_utf8_lossy(bytes).matches(" /pub/").count();
    let smuggled = upstream.bytes().iter().any(|bytes| bytes.starts_with(b"GET /pub/smuggled"));
    assert!(!smuggled);
    for bytes in upstream.bytes() {
        assert!(
            requests(&bytes) <= 2,
            "one connection carried more than its own request: {}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn a_kept_connection_that_died_is_replaced_unseen() {
    let upstream = Upstream::talking(|wire| {
        if wire.head().is_some() {
            wire.send(b"HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = impatient(&upstream);
    for _ in 0..20 {
        gateway.get("/pub/x").send().expect(200);
    }
}

#[test] // H19
fn what_follows_an_answer_is_no_other_clients() {
    const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (method, answer) in [
        ("GET", "200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("GET", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("GET", "204 No Content\r\n\r\n"),
        ("GET", "304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
        ("HEAD", "200 OK\r\nContent-Length: 2\r\n\r\n"),
        ("POST", "200 OK\r\nContent-Length: 0\r\n\r\n"),
    ] {
        // With the answer, and a moment after it; but before the next request, of which it would be an answer.
        for apart in [false, true] {
            let bytes = format!("HTTP/1.1 {}", answer.replacen("\r\n", "\r\nX-Upstream: r\r\n", 1));
            let said = Arc::new(AtomicUsize::new(0));
            let saying = Arc::clone(&said);
            let upstream = Upstream::talking(move |wire| {
                wire.head();
                wire.send(if apart { bytes.clone() } else { format!("{bytes}{EVIL}") });
                if apart {
                    wire.send(EVIL);
                }
                saying.fetch_add(1, Ordering::SeqCst);
                wire.ends_within(SOON);
            });
            let gateway = impatient(&upstream);
            for number in 1..=4 {
                let got = gateway.call(method, "/pub/x").send();
                assert!(!got.text().contains("evil") && got.status == answer[..3].parse::<u16>().unwrap(), "{answer}");
                until("all was said", SOON, || said.load(Ordering::SeqCst) == number);
            }
            assert_eq!(upstream.connections(), 4, "{answer}");
        }
    }
}

#[test]
fn a_body_where_none_may_be_is_nobodys_answer_however_late_it_comes() {
    const EVIL: &str = "HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 4\r\n\r\nevil";
    for (method, answer, late) in [
        ("HEAD", "200 OK\r\nContent-Length: 60\r\n\r\n", EVIL),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", EVIL),
        ("HEAD", "200 OK\r\n\r\n", EVIL),
        ("GET", "204 No Content\r\nContent-Length: 60\r\n\r\n", EVIL),
        ("GET", "204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"),
        ("GET", "304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"),
        ("GET", "304 Not Modified\r\nContent-Length: 60\r\n\r\n", EVIL),
    ] {
        let upstream = Upstream::talking(move |wire| {
            let mut owed = "";
            while let Some(head) = wire.head() {
                // As late as can be: when somebody else asks.
                wire.send(owed);
                let mine = "200 OK\r\nContent-Length: 4\r\n\r\nmine";
                let (said, next) = if head.first.contains("/first") { (answer, late) } else { (mine, "") };
                wire.send(format!("HTTP/1.1 {}", said.replacen("\r\n", "\r\nX-Upstream: r\r\n", 1)));
                owed = next;
            }
        });
        let gateway = impatient(&upstream);
        for _ in 0..3 {
            gateway.call(method, "/pub/first").send().expect(answer[..3].parse().unwrap());
            assert_eq!(gateway.get("/pub/next").send().expect(200).text(), "mine", "after {method} and {answer:?}");
        }
    }
}

#[test]
fn wherever_a_backend_falls_silent_breaks_or_ends_nobody_takes_the_answer_for_whole() {
    const LENGTH: &str = "HTTP/1.1 200 OK\r\nX-Upstream: r\r\nContent-Length: 9\r\n\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nX-Upstream: r\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut rows = Vec::new();
    for (head, body) in [
        ("HTTP/1.1 2", ""),
        ("HTTP/1.1 200 OK\r\nX-Up", ""),
        (LENGTH, "half"),
        (CHUNKED, "5"),
        (CHUNKED, "5\r\nhe"),
        (CHUNKED, "5\r\nhello\r\n"),
        (CHUNKED, "5\r\nhello\r\n0\r\n"),
        (CHUNKED, "5\r\nhello\r\n0\r\nX-Trailer: a"),
        (CHUNKED, "5\r\nhello\r\n0\r\nX-Trailer: a\r\n"),
        (CHUNKED, "5\r\nhello\r\nzz\r\n"),
        (CHUNKED, "5\r\nhello!!!"),
        (CHUNKED, "fffffffffffffffff\r\n"),
        (CHUNKED, "-1\r\n"),
    ] {
        for end in [rude::End::Silence, rude::End::Reset, rude::End::Close] {
            rows.push((body, end, rude::ends_with(format!("{head}{body}"), end)));
        }
    }
    let site = rows.iter().enumerate().fold(Site::new(), |site, (number, (.., upstream))| {
        let section = format!("upstreams.u{number}");
        site.set(&section, "urls", &format!("[\"{}\"]", upstream.url()))
            .set(&section, "response_timeout", "\"300ms\"")
            .set(&section, "idle_timeout", "\"300ms\"")
            .route(&format!("prefix = \"/pub/{number}\"\nupstream = \"u{number}\"\nauth = \"none\""))
    });
    let gateway = site.start();
    for (number, (body, end, _)) in rows.iter().enumerate() {
        let mut raw = gateway.raw();
        raw.send(gateway.get(&format!("/pub/{number}")).bytes());
        let about = format!("{body:?} and then {end:?}");
        if let Some(answer) = raw.answer() {
            assert!([502, 504].contains(&answer.status) || !answer.whole, "{about}: {}", answer.text());
            assert!([502, 504].contains(&answer.status) || !body.is_empty(), "{about}");
        }
    }
}

#[test] // R05
fn interim_answers_without_end_are_502() {
    let upstream = Upstream::talking(|wire| {
        wire.head();
        // One after the other, as slowly as they are read.
        while wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") {}
    });
    let gateway =
        Site::new().route(&format!("prefix = \"/pub\"\nupstream = \"{}\"\nauth = \"none\"", upstream.url())).start();
    gateway.get("/pub/x").send().refused(502, "upstream_bad_response");
    let dripping = Upstream::talking(|wire| {
        wire.head();
        let pace = Duration::from_millis(2);
        while wire.send("HTTP/1.1 102 Processing\r\n\r\n") && !wire.ends_within(pace) {}
    });
    let gateway =
        Site::new().route(&format!("prefix = \"/pub\"\nupstream = \"{}\"\nauth = \"none\"", dripping.url())).start();
    gateway.get("/pub/x").send().refused(502, "upstream_bad_response");
}

#[test] // H15
fn a_backend_that_answers_before_it_wants_the_body_is_heard() {
    let upstream = Upstream::talking(|wire| {
        wire.head();
        wire.send("HTTP/1.1 413 Too Large\r\nX-Upstream: r\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    });
    let gateway = impatient(&upstream);
    let head = |more: &str| format!("POST /pub/x HTTP/1.1\r\nHost: {}\r\n{more}\r\n", gateway.authority());
    let mut raw = gateway.raw();
    raw.send(head("Expect: 100-continue\r\nContent-Length: 5\r\n"));
    // The client sends nothing until it is asked to, and may be asked before the answer comes.
    assert_eq!(raw.answer().unwrap().expect(413).text(), "no");
    // Whoever sends at once, and more than any buffer holds, hears it too.
    let mut raw = gateway.raw();
    let body = vec![b'x'; 9 * 1024 * 1024];
    raw.send(head(&format!("Content-Length: {}\r\n", body.len())));
    let mut sending = raw.wire.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || std::io::Write::write_all(&mut sending, &body).is_ok());
    assert_eq!(raw.answer().unwrap().expect(413).text(), "no");
    assert!(raw.ends_within(SOON), "what is left of the body is nobody's request");
    sender.join().unwrap();
    gateway.get("/auth/healthz").send().expect(200);
}
