//! What arrives at the other side: heads, bodies, framing.
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[tokio::test]
async fn query_and_bodies_pass_byte_for_byte() {
    let body: Vec<u8> = (0..300_000_u32).map(|at| (at * 7 % 251) as u8).collect();
    let expected = body.clone();
    let address = upstream(move |mut raw, _| {
        let expected = expected.clone();
        async move {
            let head = raw.head().await;
            assert!(head.starts_with("POST /a/b?q=%61;/../&&x={} HTTP/1.1\r\nhost: g\r\n"), "{head}");
            assert!(raw.bytes(expected.len()).await == expected);
            raw.send(&format!("HTTP/1.1 201 Fine By Me\r\nContent-Length: {}\r\nX-One: 1\r\n\r\n", expected.len()))
                .await;
            raw.socket.write_all(&expected).await.unwrap();
        }
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    let mut client = Raw::connect(gateway.address).await;
    client
        .send(&format!("POST /a/%62?q=%61;/../&&x={{}} HTTP/1.1\r\nhost: g\r\ncontent-length: {}\r\n\r\n", body.len()))
        .await;
    client.socket.write_all(&body).await.unwrap();
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 201 Fine By Me\r\n"), "{head}");
    assert!(head.contains("x-one: 1\r\n"));
    assert!(client.bytes(body.len()).await == body);
}

#[tokio::test]
async fn both_bodies_are_streamed() {
    let address = upstream(|mut raw, _| async move {
        raw.head().await;
        assert_eq!(raw.until("one\r\n").await, "3\r\none\r\n");
        raw.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nuno\r\n").await;
        assert_eq!(raw.until("0\r\n\r\n").await, "3\r\ntwo\r\n0\r\n\r\n");
        raw.send("3\r\ndos\r\n0\r\n\r\n").await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    let mut client = Raw::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await;
    // Each piece must arrive before the next one is sent.
    assert!(client.until("uno\r\n").await.ends_with("\r\n\r\n3\r\nuno\r\n"));
    client.send("3\r\ntwo\r\n0\r\n\r\n").await;
    assert_eq!(client.until("0\r\n\r\n").await, "3\r\ndos\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_get_with_a_body_keeps_it() {
    let address = upstream(|mut raw, _| async move {
        assert!(raw.head().await.contains("transfer-encoding: chunked\r\n"));
        assert_eq!(raw.until("0\r\n\r\n").await, "5\r\nabcde\r\n0\r\n\r\n");
        raw.send(OK).await;
        assert!(raw.head().await.contains("content-length: 5\r\n"));
        assert_eq!(raw.bytes(5).await, b"abcde");
        raw.send(OK).await;
        raw.read_to_the_end().await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    let chunked = "GET / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n5;ext=1\r\nabcde\r\n0\r\n\r\n";
    assert!(once(&gateway, chunked).await.ends_with("ok"));
    assert!(once(&gateway, "GET / HTTP/1.1\r\nhost: g\r\ncontent-length: 5\r\n\r\nabcde").await.ends_with("ok"));
}

#[tokio::test]
async fn trailers_do_not_reach_the_upstream() {
    let address = upstream(|mut raw, _| async move {
        let head = raw.head().await;
        assert!(!head.contains("trailer") && !head.contains("te:"), "{head}");
        assert_eq!(raw.until("0\r\n\r\n").await, "1\r\na\r\n0\r\n\r\n");
        raw.send(OK).await;
        raw.read_to_the_end().await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    let request = "POST / HTTP/1.1\r\nhost: g\r\nte: trailers\r\ntrailer: x-user-id\r\ntransfer-encoding: chunked\r\n\r\n\
        1\r\na\r\n0\r\nx-user-id: admin\r\n\r\n";
    assert!(once(&gateway, request).await.ends_with("ok"));
}

#[tokio::test]
async fn head_and_bodyless_answers_keep_their_framing() {
    let address = upstream(|mut raw, number| async move {
        let answers: &[&str] = match number {
            // What announces a body where none may come is the last that is said on its connection.
            0 => &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"],
            1 => &["HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\ncontent-length: 5\r\n\r\n"],
            2 => &["HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", OK],
            _ => &[],
        };
        for answer in answers {
            raw.head().await;
            raw.send(answer).await;
        }
        assert_eq!(raw.read_to_the_end().await, "");
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    let mut client = Raw::connect(gateway.address).await;
    client.send(&GET.replace("GET", "HEAD")).await;
    assert!(client.head().await.contains("content-length: 5\r\n"));
    client.send(GET).await;
    assert!(client.head().await.starts_with("HTTP/1.1 304"));
    client.send(GET).await;
    assert!(!client.head().await.contains("content-length"));
    assert!(ask(&mut client, GET).await.ends_with("ok"));
}

#[tokio::test]
async fn interim_answers_are_swallowed_and_a_protocol_switch_is_refused() {
    let address = upstream(|mut raw, number| async move {
        raw.head().await;
        if number == 0 {
            raw.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n").await;
            raw.send(OK).await;
            raw.head().await;
        }
        raw.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").await;
        raw.read_to_the_end().await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    assert!(once(&gateway, GET).await.starts_with("HTTP/1.1 200 OK"));
    assert!(once(&gateway, GET).await.ends_with("upstream_bad_response"));
}

#[tokio::test]
async fn nonsense_from_an_upstream_is_a_bad_response() {
    const NONSENSE: &[&str] = &[
        "garbage\r\n\r\n",
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nx",
    ];
    let address = upstream(|mut raw, number| async move {
        raw.head().await;
        raw.send(NONSENSE[number]).await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    for nonsense in NONSENSE {
        assert!(once(&gateway, GET).await.ends_with("upstream_bad_response"), "{nonsense:?}");
    }
    assert_eq!(gateway.proxy.upstreams["app"].counts(), (0, 0));
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_client_too() {
    let address = upstream(|mut raw, number| async move {
        raw.head().await;
        let answer = if number == 0 {
            "content-length: 9\r\n\r\nabc"
        } else {
            "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz"
        };
        raw.send(&format!("HTTP/1.1 200 OK\r\n{answer}")).await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    for _ in 0..2 {
        let mut client = Raw::connect(gateway.address).await;
        client.send(GET).await;
        let whole = client.read_to_the_end().await;
        assert!(!whole.ends_with("0\r\n\r\n") && !whole.contains("abcabc"), "{whole}");
    }
    let upstream = &gateway.proxy.upstreams["app"];
    eventually(|| upstream.counts() == (0, 0)).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_never_reaches_the_upstream_or_breaks_off_there() {
    let contacts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&contacts);
    let address = upstream(move |mut raw, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            assert!(!raw.read_to_the_end().await.ends_with("0\r\n\r\n"));
        }
    })
    .await;
    let gateway = gateway(Options { max_body: 4, ..options(&[address]) }).await;
    let announced = "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 5\r\n\r\nabcde";
    assert!(once(&gateway, announced).await.ends_with("body_too_large"));
    assert_eq!(contacts.load(Ordering::Relaxed), 0);
    let counted = "POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert!(once(&gateway, counted).await.ends_with("body_too_large"));
    assert_eq!(gateway.proxy.upstreams["app"].counts(), (0, 0));
}

#[tokio::test]
async fn a_malformed_body_is_the_clients_fault_and_the_connection_is_dropped() {
    let address = upstream(|mut raw, _| async move { drop(raw.read_to_the_end().await) }).await;
    let gateway = gateway(options(&[address])).await;
    for chunk in [" 3\r\nabc", "0x3\r\nabc", "zz\r\n"] {
        let request = format!("POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n{chunk}\r\n0\r\n\r\n");
        assert!(once(&gateway, &request).await.ends_with("bad_request"), "{chunk}");
    }
    assert_eq!(gateway.proxy.upstreams["app"].counts(), (0, 0));
}

#[tokio::test]
async fn a_prefix_is_taken_off_and_the_gateways_own_words_are_there() {
    let address = upstream(|mut raw, _| async move {
        let head = raw.head().await;
        assert!(head.starts_with("GET /x/?a=1 HTTP/1.1\r\nhost: g\r\n"), "{head}");
        assert!(
            head.contains("\r\nx-forwarded-for: 127.0.0.1\r\n") && head.contains("\r\nx-forwarded-proto: http\r\n")
        );
        assert!(head.contains("\r\nx-forwarded-host: g\r\n") && head.contains("\r\nx-request-id: "));
        assert!(!head.contains("evil") && !head.contains("connection"), "{head}");
        raw.send(OK).await;
        raw.read_to_the_end().await;
    })
    .await;
    let strip = Some(PathPrefix::parse("/api").unwrap());
    let gateway = gateway(Options { strip, ..options(&[address]) }).await;
    let request = "GET /api/x/?a=1 HTTP/1.1\r\nhost: g\r\nconnection: keep-alive\r\nx_forwarded_for: evil\r\n\
        x-forwarded-for: evil\r\nx-real-ip: evil\r\nx-request-id: evil\r\nexpect: 100-continue\r\n\r\n";
    assert!(once(&gateway, request).await.ends_with("ok"));
}
