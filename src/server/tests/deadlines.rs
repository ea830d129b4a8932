use std::sync::atomic::Ordering;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

use super::super::Limits;
use super::support::{LONG, Raw, SHORT, limits, start, until};

#[tokio::test]
async fn who_sends_nothing_or_too_little_is_closed_at_the_header_timeout() {
    let server = start(Limits { header_timeout: SHORT, ..limits() });
    for first in ["", "P", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nHost:", "\r\n"] {
        let begun = Instant::now();
        let mut client = Raw::connect(server.address).await;
        client.say(first).await;
        let said = client.rest().await;
        assert!(begun.elapsed() >= SHORT, "{first:?} was closed early");
        assert!(begun.elapsed() < SHORT * 20, "{first:?} was closed late");
        assert!(!said.starts_with(b"HTTP"), "{first:?} is not answered");
    }
    assert_eq!(server.stub.handled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_head_that_drips_is_closed_at_the_header_timeout_of_its_first_byte() {
    let server = start(Limits { header_timeout: SHORT, ..limits() });
    let mut client = Raw::connect(server.address).await;
    assert!(client.get("/ok").await.ends_with("ok"));
    sleep(SHORT * 2).await;
    let begun = Instant::now();
    let closed = async {
        use tokio::io::AsyncWriteExt;
        while client.0.write_all(b"G").await.is_ok() {
            sleep(SHORT / 10).await;
        }
    };
    tokio::time::timeout(super::support::PATIENCE, closed).await.expect("closed while dripping");
    assert!(begun.elapsed() >= SHORT);
}

#[tokio::test]
async fn an_idle_connection_is_closed_at_the_idle_timeout_and_not_before() {
    let server = start(Limits { idle_timeout: SHORT, ..limits() });
    let mut client = Raw::connect(server.address).await;
    for _ in 0..4 {
        sleep(SHORT / 2).await;
        assert!(client.get("/ok").await.ends_with("ok"), "each request begins the wait anew");
    }
    let begun = Instant::now();
    assert_eq!(client.rest().await, b"");
    assert!(begun.elapsed() >= SHORT / 2);
}

#[tokio::test]
async fn a_long_idle_wait_does_not_outlast_a_short_head() {
    let server = start(Limits { header_timeout: SHORT, idle_timeout: LONG, ..limits() });
    let mut client = Raw::connect(server.address).await;
    assert!(client.get("/ok").await.ends_with("ok"));
    sleep(SHORT * 2).await;
    client.say("GET / HT").await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_request_that_takes_long_is_not_the_connection_s_business() {
    let server = start(Limits { header_timeout: SHORT, idle_timeout: SHORT, body_timeout: SHORT, ..limits() });
    let mut client = Raw::connect(server.address).await;
    client.say("GET /slow HTTP/1.1\r\nHost: g\r\n\r\n").await;
    server.stub.waiting.notified().await;
    sleep(SHORT * 4).await;
    server.stub.go.notify_one();
    assert!(client.answer().await.ends_with("slow but sure"));
}

#[tokio::test]
async fn who_does_not_take_the_answer_loses_the_connection_and_little_was_made_for_him() {
    let server = start(Limits { body_timeout: SHORT * 2, ..limits() });
    let mut client = Raw::connect(server.address).await;
    client.say("GET /endless HTTP/1.1\r\nHost: g\r\n\r\n").await;
    until("the answer is given up", || server.stub.dropped.load(Ordering::SeqCst)).await;
    let produced = server.stub.produced.load(Ordering::SeqCst);
    assert!(produced < 16 * 1024 * 1024, "{produced} bytes were made while nobody read");
}

#[tokio::test]
async fn who_takes_the_answer_slowly_keeps_the_connection() {
    let server = start(Limits { body_timeout: SHORT * 2, ..limits() });
    let mut client = Raw::connect(server.address).await;
    client.say("GET /endless HTTP/1.1\r\nHost: g\r\n\r\n").await;
    let mut piece = vec![0_u8; 2 * 1024 * 1024];
    for _ in 0..10 {
        client.0.read_exact(&mut piece).await.unwrap();
        sleep(SHORT / 2).await;
    }
    assert!(!server.stub.dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn the_rest_of_an_answer_may_be_taken_slowly_however_short_the_idle_wait() {
    let server = start(Limits { idle_timeout: SHORT / 3, header_timeout: SHORT / 3, ..limits() });
    let mut client = Raw::connect(server.address).await;
    let body = "z".repeat(8_000_000);
    client.say(format!("POST /body HTTP/1.1\r\nHost: g\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let mut taken = vec![0_u8; body.len()];
    for piece in taken.chunks_mut(1_000_000) {
        sleep(SHORT / 2).await;
        client.0.read_exact(piece).await.unwrap();
    }
    assert!(client.rest().await.len() < 1000, "a head's length is left");
}
