use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::super::{Ended, Limits};
use super::support::{SHORT, limits, start, until};

type Sender = SendRequest<Empty<Bytes>>;

async fn connect(address: SocketAddr) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = Builder::new(TokioExecutor::new()).handshake(stream).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://g{path}")).body(Empty::new()).unwrap()
}

async fn text(sender: &mut Sender, path: &str) -> (StatusCode, String) {
    let response = sender.send_request(request(path)).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn http2_by_prior_knowledge_is_served() {
    let server = start(limits());
    let (mut sender, _) = connect(server.address).await;
    for _ in 0..3 {
        assert_eq!(text(&mut sender, "/ok").await, (StatusCode::OK, "ok".to_owned()));
    }
}

#[tokio::test]
async fn a_panic_on_one_stream_leaves_the_others_alone() {
    let server = start(limits());
    let (mut sender, _) = connect(server.address).await;
    let mut other = sender.clone();
    let slow = tokio::spawn(async move { text(&mut other, "/slow").await });
    server.stub.waiting.notified().await;
    assert_eq!(text(&mut sender, "/panic").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    server.stub.go.notify_one();
    assert_eq!(slow.await.unwrap().1, "slow but sure");
}

#[tokio::test]
async fn more_than_a_hundred_fields_are_431() {
    let server = start(limits());
    let (mut sender, _) = connect(server.address).await;
    let mut many = request("/ok");
    for n in 0..101 {
        let name: http::HeaderName = format!("x-{n}").parse().unwrap();
        many.headers_mut().insert(name, "y".parse().unwrap());
    }
    let response = sender.send_request(many).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(server.stub.handled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_success_that_opens_no_tunnel_is_none() {
    let server = start(limits());
    let (mut sender, _) = connect(server.address).await;
    // With this answer the client knows that it may ask for one.
    assert_eq!(text(&mut sender, "/ok").await.1, "ok");
    let mut tunnel = request("/ok");
    *tunnel.method_mut() = Method::CONNECT;
    tunnel.extensions_mut().insert(Protocol::from_static("websocket"));
    assert_eq!(sender.send_request(tunnel).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_to_go() {
    let server = start(Limits { idle_timeout: SHORT, ..limits() });
    let (mut sender, connection) = connect(server.address).await;
    assert_eq!(text(&mut sender, "/ok").await.1, "ok");
    tokio::time::timeout(super::support::PATIENCE, connection).await.expect("closed").unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_lets_a_stream_finish_and_then_closes() {
    let server = start(limits());
    let (mut sender, connection) = connect(server.address).await;
    let slow = tokio::spawn(async move { text(&mut sender, "/slow").await });
    server.stub.waiting.notified().await;
    server.stop.begin();
    tokio::time::sleep(SHORT / 3).await;
    server.stub.go.notify_one();
    assert_eq!(slow.await.unwrap().1, "slow but sure");
    assert_eq!(server.stop.finished().await, Ended::Complete);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_is_not_taken_is_reset_and_the_connection_goes_on() {
    let server = start(Limits { body_timeout: SHORT, ..limits() });
    let (mut sender, _) = connect(server.address).await;
    // Read nothing of it: its window stays closed, while the socket never blocks.
    let endless = sender.send_request(request("/endless")).await.unwrap();
    until("the stream is given up", || server.stub.dropped.load(Ordering::SeqCst)).await;
    assert_eq!(text(&mut sender, "/ok").await.1, "ok");
    assert!(endless.into_body().collect().await.is_err(), "it was reset, not ended");
    let produced = server.stub.produced.load(Ordering::SeqCst);
    assert!(produced < 16 * 1024 * 1024, "{produced} bytes were made while nobody read");
}
