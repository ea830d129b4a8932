//! A server on a loopback socket with a stub behind it: what a client can do to it, and what it cannot.
mod deadlines;
mod ending;
mod http2;
mod rest;
mod starved;
mod support;

use std::sync::atomic::Ordering;

use super::*;
use support::{LONG, Raw, SHORT, limits, settings, start, tcp_address, until};

#[tokio::test]
async fn requests_follow_one_another_on_one_connection() {
    let server = start(limits());
    let mut client = Raw::connect(server.address).await;
    for _ in 0..3 {
        assert!(client.get("/ok").await.ends_with("\r\n\r\nok"));
    }
    client.say("POST /body HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhello").await;
    assert!(client.answer().await.ends_with("\r\n\r\nhello"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(limits());
    let mut client = Raw::connect(server.address).await;
    let first = "POST /body HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\n\r\none";
    let second = "POST /body HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\nConnection: close\r\n\r\ntwo";
    client.say(format!("{first}{second}")).await;
    let both = String::from_utf8(client.rest().await).unwrap();
    assert!(both.find("one").unwrap() < both.find("two").unwrap(), "{both}");
}

#[tokio::test]
async fn a_head_in_single_bytes_is_read() {
    let server = start(limits());
    let mut client = Raw::connect(server.address).await;
    for byte in b"POST /body HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\nhi" {
        client.say([*byte]).await;
    }
    assert!(client.answer().await.ends_with("\r\n\r\nhi"));
}

#[tokio::test]
async fn an_accepted_socket_does_not_wait_to_fill_packets() {
    let server = start(limits());
    let listener = Server::bind(&settings(limits())).unwrap().listeners.pop().unwrap().accepting().unwrap();
    let Accepting::Tcp(tcp) = &listener else { panic!("asked for TCP") };
    let client = tokio::net::TcpStream::connect(tcp.local_addr().unwrap()).await.unwrap();
    let (listener::Stream::Tcp(stream), Some(ip)) = listener.accept().await.unwrap() else { panic!("TCP has an ip") };
    assert!(stream.nodelay().unwrap());
    assert_eq!(ip, client.local_addr().unwrap().ip());
    drop(server);
}

#[tokio::test]
async fn too_many_fields_or_too_long_a_head_are_431_and_the_connection_is_closed() {
    let server = start(limits());
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    for head in [fields(101), format!("X-Long: {}\r\n", "y".repeat(17 * 1024))] {
        let mut client = Raw::connect(server.address).await;
        client.say(format!("GET / HTTP/1.1\r\n{head}\r\n")).await;
        let answer = String::from_utf8(client.rest().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let mut client = Raw::connect(server.address).await;
    client.say(format!("GET / HTTP/1.1\r\n{}\r\n", fields(99))).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_panic_costs_one_request_and_tells_the_client_nothing() {
    let server = start(limits());
    let mut other = Raw::connect(server.address).await;
    assert!(other.get("/ok").await.ends_with("ok"));
    let mut client = Raw::connect(server.address).await;
    client.say("GET /panic HTTP/1.1\r\nHost: g\r\n\r\n").await;
    let answer = String::from_utf8(client.rest().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    assert!(answer.contains(r#""error":"internal""#) && !answer.contains("secret"), "{answer}");
    assert!(other.get("/ok").await.ends_with("ok"));
}

#[tokio::test]
async fn one_address_holds_so_many_connections_and_the_next_is_closed_at_once() {
    let server = start(Limits { max_connections_per_ip: 2, ..limits() });
    let mut first = Raw::connect(server.address).await;
    let mut second = Raw::connect(server.address).await;
    assert!(first.get("/ok").await.ends_with("ok"));
    assert!(second.get("/ok").await.ends_with("ok"));
    assert_eq!(Raw::connect(server.address).await.rest().await, b"");
    assert!(first.get("/ok").await.ends_with("ok"), "those that were there go on");
    drop(first);
    until("the place is free", || server.running.shared.crowd.enter("127.0.0.1".parse().unwrap(), 2).is_some()).await;
    assert!(Raw::connect(server.address).await.get("/ok").await.ends_with("ok"));
}

#[tokio::test]
async fn beyond_the_most_connections_a_client_waits_for_a_seat() {
    let server = start(Limits { max_connections: 1, ..limits() });
    let mut first = Raw::connect(server.address).await;
    assert!(first.get("/ok").await.ends_with("ok"));
    let mut second = Raw::connect(server.address).await;
    second.say("GET /ok HTTP/1.1\r\nHost: g\r\n\r\n").await;
    assert!(tokio::time::timeout(SHORT, second.answer()).await.is_err(), "it waits");
    assert_eq!(server.stub.handled.load(Ordering::SeqCst), 1);
    drop(first);
    assert!(second.answer().await.ends_with("ok"));
}

#[tokio::test]
async fn an_answer_reaches_a_client_whose_body_nobody_read() {
    let server = start(limits());
    let mut client = Raw::connect(server.address).await;
    client.say(format!("POST /ok HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\n\r\n{}", "x".repeat(100_000))).await;
    assert!(client.answer().await.ends_with("\r\n\r\nok"));
    client.say("y".repeat(10_000)).await;
    assert_eq!(client.rest().await, b"", "closed without a reset");
}

#[tokio::test]
async fn a_unix_socket_serves_like_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let stop = Stop::new(LONG);
    let settings = Settings { listen: vec![ListenAddress::Unix(path.clone())], ..settings(limits()) };
    let stub = Arc::new(support::Stub::default());
    let _running = Server::bind(&settings).unwrap().serve(stub, stop.clone()).unwrap();
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(b"GET /ok HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
    stop.begin();
    assert_eq!(stop.finished().await, Ended::Complete);
    assert!(!path.exists(), "the socket's file goes with its listener");
}

#[tokio::test]
async fn a_reload_keeps_what_stays_opens_what_is_new_and_closes_what_is_gone() {
    let server = start(limits());
    let mut kept = Raw::connect(server.address).await;
    assert!(kept.get("/ok").await.ends_with("ok"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let mut changed = settings(limits());
    changed.listen.push(ListenAddress::Unix(path.clone()));
    server.running.change(&changed).unwrap();
    assert_eq!(tcp_address(&server.running), server.address, "the same listener");
    tokio::net::UnixStream::connect(&path).await.unwrap();
    server.running.change(&settings(limits())).unwrap();
    until("the unix socket is gone", || !path.exists()).await;
    assert!(kept.get("/ok").await.ends_with("ok"), "no connection was dropped");
}

#[tokio::test]
async fn a_reload_that_cannot_listen_changes_nothing() {
    let server = start(limits());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let wrong = Settings { listen: vec![ListenAddress::Tcp(taken.local_addr().unwrap())], ..settings(limits()) };
    assert!(matches!(server.running.change(&wrong), Err(BindError::InUse { .. })));
    assert!(Raw::connect(server.address).await.get("/ok").await.ends_with("ok"));
}

#[tokio::test]
async fn a_reload_changes_how_many_may_connect() {
    let server = start(Limits { max_connections: 1, ..limits() });
    let mut first = Raw::connect(server.address).await;
    assert!(first.get("/ok").await.ends_with("ok"));
    server.running.change(&settings(Limits { max_connections: 3, ..limits() })).unwrap();
    let mut second = Raw::connect(server.address).await;
    assert!(second.get("/ok").await.ends_with("ok"));
    // The third seat is in the hand of the accept loop already: one more gets in, and nobody after that.
    server.running.change(&settings(Limits { max_connections: 1, ..limits() })).unwrap();
    let mut third = Raw::connect(server.address).await;
    assert!(third.get("/ok").await.ends_with("ok"));
    drop((first, second));
    let mut fourth = Raw::connect(server.address).await;
    fourth.say("GET /ok HTTP/1.1\r\nHost: g\r\n\r\n").await;
    assert!(tokio::time::timeout(SHORT, fourth.answer()).await.is_err(), "one seat is taken, two are gone");
    drop(third);
    assert!(fourth.answer().await.ends_with("ok"));
}
