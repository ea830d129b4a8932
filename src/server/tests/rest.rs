//! Connections on which nothing is asked for a while: they hold little, and nobody notices.
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::Limits;
use super::support::{LONG, PATIENCE, Raw, SHORT, limits, start, until};

/// Longer than anything takes that is done between two requests.
const A_WHILE: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_connection_that_rested_is_served_again_and_again_however_the_next_request_comes() {
    let server = start(limits());
    let mut client = Raw::connect(server.address).await;
    for round in 0..3 {
        assert!(client.get("/ok").await.ends_with("ok"), "round {round}");
        sleep(A_WHILE * 3).await;
        for piece in ["P", "OST /body HTTP/1.1\r\nHost: g\r\nContent-Le", "ngth: 5\r\n\r\nhe", "llo"] {
            client.say(piece).await;
            sleep(A_WHILE * 2).await;
        }
        assert!(client.answer().await.ends_with("hello"), "round {round}");
        sleep(A_WHILE * 3).await;
    }
    assert_eq!(server.stub.handled.load(Ordering::SeqCst), 6);
    client.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    // A connection keeps its protocol: no frame is sent, and the connection ends.
    assert!(client.rest().await.starts_with(b"HTTP/1.1 400 "));
}

/// Two requests in one packet, and the beginning of a third that is waited for.
#[tokio::test]
async fn half_a_request_that_came_with_others_before_the_rest_is_not_lost() {
    let server = start(limits());
    let mut client = Raw::connect(server.address).await;
    let whole = "GET /ok HTTP/1.1\r\nHost: g\r\n\r\n";
    client.say(format!("{whole}{whole}GET /o")).await;
    until("both are answered", || server.stub.handled.load(Ordering::SeqCst) == 2).await;
    sleep(A_WHILE * 3).await;
    client.say("k HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n").await;
    let said = String::from_utf8(client.rest().await).unwrap();
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 3, "{said}");
}

#[tokio::test]
async fn who_rests_keeps_to_the_deadlines_of_everybody() {
    let server = start(Limits { idle_timeout: SHORT * 2, header_timeout: SHORT, ..limits() });
    let (mut silent, mut slow) = (Raw::connect(server.address).await, Raw::connect(server.address).await);
    let begun = Instant::now();
    assert!(silent.get("/ok").await.ends_with("ok") && slow.get("/ok").await.ends_with("ok"));
    sleep(A_WHILE * 2).await;
    slow.say("GET / HT").await;
    assert_eq!(slow.rest().await, b"", "the head that began has its own deadline");
    assert!(begun.elapsed() < SHORT * 2 + PATIENCE / 4);
    assert_eq!(silent.rest().await, b"");
    assert!(begun.elapsed() >= SHORT * 2, "closed after {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_stop_ends_who_rests_at_once_and_who_leaves_gives_back_the_seat() {
    let server = start(Limits { max_connections: 1, ..limits() });
    for _ in 0..3 {
        let mut client = Raw::connect(server.address).await;
        assert!(client.get("/ok").await.ends_with("ok"));
        sleep(A_WHILE * 2).await;
    }
    let mut client = Raw::connect(server.address).await;
    assert!(client.get("/ok").await.ends_with("ok"));
    sleep(A_WHILE * 2).await;
    let begun = Instant::now();
    server.stop.begin();
    assert_eq!(client.rest().await, b"");
    assert!(begun.elapsed() < LONG / 2);
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(5), server.stop.finished()).await.unwrap(),
        super::super::Ended::Complete
    );
}

/// What is short enough is waited for, for as long as a head may take; afterwards the connection waits like any other.
#[tokio::test]
async fn a_short_body_that_nobody_read_does_not_cost_the_connection() {
    let server = start(Limits { header_timeout: SHORT, ..limits() });
    let mut client = Raw::connect(server.address).await;
    client.say("POST /ok HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\n").await;
    assert!(client.answer().await.ends_with("\r\n\r\nok"));
    sleep(A_WHILE).await;
    client.say("hello").await;
    sleep(SHORT * 3).await;
    assert!(client.get("/ok").await.ends_with("\r\n\r\nok"));
    client.say("POST /ok HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhe").await;
    assert!(client.answer().await.ends_with("\r\n\r\nok"));
    assert_eq!(client.rest().await, b"", "who never sends the rest is not waited for any longer");
}
