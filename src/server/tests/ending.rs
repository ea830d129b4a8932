use std::time::Duration;

use super::super::{Ended, Limits};
use super::support::{Raw, SHORT, limits, start};

#[tokio::test]
async fn a_stop_lets_a_slow_answer_finish_and_closes_what_is_idle() {
    let server = start(limits());
    let mut idle = Raw::connect(server.address).await;
    assert!(idle.get("/ok").await.ends_with("ok"));
    let mut silent = Raw::connect(server.address).await;
    let mut busy = Raw::connect(server.address).await;
    busy.say("GET /slow HTTP/1.1\r\nHost: g\r\n\r\n").await;
    server.stub.waiting.notified().await;
    server.stop.begin();
    assert_eq!(idle.rest().await, b"");
    assert_eq!(silent.rest().await, b"");
    let refused = async { while tokio::net::TcpStream::connect(server.address).await.is_ok() {} };
    tokio::time::timeout(super::support::PATIENCE, refused).await.expect("nothing new is accepted");
    server.stub.go.notify_one();
    let answer = String::from_utf8(busy.rest().await).unwrap();
    assert!(answer.ends_with("slow but sure"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(server.stop.finished().await, Ended::Complete);
}

#[tokio::test]
async fn after_the_grace_an_unfinished_answer_is_cut() {
    let server = start(limits());
    server.stop.set_grace(SHORT);
    let mut client = Raw::connect(server.address).await;
    client.say("GET /slow HTTP/1.1\r\nHost: g\r\n\r\n").await;
    server.stub.waiting.notified().await;
    server.stop.begin();
    assert_eq!(server.stop.finished().await, Ended::Cut(1));
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_it_within_the_grace() {
    let server = start(limits());
    let mut client = Raw::connect(server.address).await;
    let body = "z".repeat(3_000_000);
    client.say(format!("POST /body HTTP/1.1\r\nHost: g\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    super::until("the request was begun", || server.stub.handled.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    server.stop.begin();
    tokio::time::sleep(SHORT).await;
    let answer = client.rest().await;
    assert!(answer.len() > body.len(), "{} bytes came", answer.len());
    drop(client);
    assert_eq!(server.stop.finished().await, Ended::Complete);
}

#[tokio::test]
async fn a_dripping_head_cannot_hold_up_a_stop_beyond_its_own_deadline() {
    let server = start(Limits { header_timeout: SHORT, ..limits() });
    let mut client = Raw::connect(server.address).await;
    client.say("GET / HTTP/1.1\r\nHo").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.stop.begin();
    assert_eq!(server.stop.finished().await, Ended::Complete);
    assert_eq!(client.rest().await, b"");
}
