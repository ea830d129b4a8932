//! A server with a stub handler, and a client that writes bytes.
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::super::{Handler, Limits, ListenAddress, Running, Server, Settings, Stop};
use crate::wire::{Body, BodyError, Peer};

/// Long enough that only a test that fails waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
pub(super) const SHORT: Duration = Duration::from_millis(150);
pub(super) const LONG: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Stub {
    pub(super) handled: AtomicUsize,
    /// `/slow` says that it waits, and waits to be let go.
    pub(super) waiting: Notify,
    pub(super) go: Notify,
    /// `/endless` was dropped.
    pub(super) dropped: Arc<AtomicBool>,
    pub(super) produced: Arc<AtomicUsize>,
}

impl Handler for Stub {
    async fn handle(&self, request: Box<Request<Body>>, _peer: Peer) -> Response<Body> {
        self.handled.fetch_add(1, Ordering::SeqCst);
        match request.uri().path() {
            "/panic" => panic!("a secret of the client"),
            "/slow" => {
                self.waiting.notify_one();
                self.go.notified().await;
                Response::new(Body::full("slow but sure"))
            }
            "/endless" => {
                let (dropped, produced) = (Arc::clone(&self.dropped), Arc::clone(&self.produced));
                Response::new(Body::wrap(Endless { dropped, produced }))
            }
            "/body" => match request.into_body().collect().await {
                Ok(body) => Response::new(Body::full(body.to_bytes())),
                Err(_) => Response::new(Body::full("broken")),
            },
            _ => Response::new(Body::full("ok")),
        }
    }

    fn unread(&self, status: StatusCode, _: Peer) -> Response<Body> {
        let mut response = Response::new(Body::full("unread"));
        *response.status_mut() = status;
        response
    }
}

/// Gives as much as is asked for.
struct Endless {
    dropped: Arc<AtomicBool>,
    produced: Arc<AtomicUsize>,
}

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.produced.fetch_add(PIECE.len(), Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PIECE)))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::SeqCst);
    }
}

static PIECE: &[u8] = &[b'x'; 16 * 1024];

pub(super) struct Fixture {
    pub(super) stub: Arc<Stub>,
    pub(super) running: Running<Stub>,
    pub(super) stop: Stop,
    pub(super) address: SocketAddr,
}

/// Nothing is short unless the test says so.
pub(super) fn limits() -> Limits {
    Limits {
        announcing: Vec::new(),
        max_connections: 100,
        max_connections_per_ip: 100,
        max_header: 16 * 1024,
        header_timeout: LONG,
        body_timeout: LONG,
        idle_timeout: LONG,
    }
}

pub(super) fn settings(limits: Limits) -> Settings {
    let listen = vec![ListenAddress::Tcp("127.0.0.1:0".parse().unwrap())];
    Settings { listen, workers: 1, shutdown_grace: LONG, limits }
}

pub(super) fn start(limits: Limits) -> Fixture {
    let stub = Arc::new(Stub::default());
    let stop = Stop::new(LONG);
    let running = Server::bind(&settings(limits)).unwrap().serve(Arc::clone(&stub), stop.clone()).unwrap();
    let address = tcp_address(&running);
    Fixture { stub, running, stop, address }
}

pub(super) fn tcp_address(running: &Running<Stub>) -> SocketAddr {
    running
        .addresses()
        .into_iter()
        .find_map(|address| match address {
            ListenAddress::Tcp(address) => Some(address),
            ListenAddress::Unix(_) => None,
        })
        .unwrap()
}

/// A client that says exactly what it is told to.
pub(super) struct Raw(pub(super) TcpStream);

impl Raw {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self(timeout(PATIENCE, TcpStream::connect(address)).await.unwrap().unwrap())
    }

    pub(super) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.0.write_all(bytes.as_ref())).await.unwrap().unwrap();
    }

    pub(super) async fn get(&mut self, path: &str) -> String {
        self.say(format!("GET {path} HTTP/1.1\r\nHost: g\r\n\r\n")).await;
        self.answer().await
    }

    /// One answer with a `Content-Length`, or all there is until the server closes.
    pub(super) async fn answer(&mut self) -> String {
        let mut read = Vec::new();
        let mut piece = [0_u8; 4096];
        loop {
            let text = String::from_utf8_lossy(&read);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .to_lowercase()
                    .split_once("content-length: ")
                    .and_then(|(_, rest)| rest.split("\r\n").next().and_then(|number| number.parse::<usize>().ok()));
                if length.is_some_and(|length| body.len() >= length) {
                    return text.into_owned();
                }
            }
            match timeout(PATIENCE, self.0.read(&mut piece)).await.unwrap() {
                Ok(0) | Err(_) => return String::from_utf8_lossy(&read).into_owned(),
                Ok(n) => read.extend_from_slice(&piece[..n]),
            }
        }
    }

    /// Everything until the server closes; fails when it does not.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut read = Vec::new();
        // A reset is an end as well.
        drop(timeout(PATIENCE, self.0.read_to_end(&mut read)).await.expect("the server closes"));
        read
    }
}

/// Waits until something is so, without a guess at how long that takes.
pub(super) async fn until(what: &str, so: impl Fn() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain until {what}");
}
