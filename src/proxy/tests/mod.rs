//! The whole way on loopback sockets: a raw client, a bare hyper server with the proxy behind it, a raw upstream.
mod connections;
mod messages;
mod shared;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::authz::{self, Caller, Mode, Policy};
use crate::base::Clock;
use crate::wire::{AuthPrefix, Door, IdentityFields, Peer};

/// A gateway without anything but admission and the proxy.
struct Gateway {
    address: SocketAddr,
    proxy: Arc<Proxy>,
}

/// What a test changes of the usual.
#[derive(Clone)]
struct Options {
    settings: Settings,
    max_body: u64,
    body_timeout: Duration,
    strip: Option<PathPrefix>,
}

const LONG: Duration = Duration::from_secs(20);

fn options(upstreams: &[SocketAddr]) -> Options {
    let addresses = upstreams.iter().map(|at| Address::Tcp { host: at.ip().to_string(), port: at.port() }).collect();
    Options {
        settings: Settings {
            name: "app".to_owned(),
            addresses,
            http2: false,
            tls: None,
            health: None,
            balance: Balance::LeastRequests,
            eject_after: 5,
            eject_for: LONG,
            retries: 1,
            connect_timeout: LONG,
            response_timeout: LONG,
            idle_timeout: LONG,
            keep_alive: LONG,
            max_connections: 16,
            host_header: HostHeader::Keep,
            identity: IdentityFields { fields: Vec::new(), separator: ",".to_owned() },
        },
        max_body: 1024 * 1024 * 1024,
        body_timeout: LONG,
        strip: None,
    }
}

async fn gateway(options: Options) -> Gateway {
    let proxy = Arc::new(Proxy::new(std::slice::from_ref(&options.settings), None).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = Arc::new(Door::new(&crate::wire::Settings {
        trusted_proxies: Vec::new(),
        trusts_unix: false,
        own_identity_names: Vec::new(),
        public_url: None,
        auth_prefix: AuthPrefix("/auth".to_owned()),
        well_known: true,
        cors: Default::default(),
        allow_in_path: Default::default(),
        query_token: None,
        cookies: crate::wire::OwnCookies::default(),
    }));
    let shared = Arc::clone(&proxy);
    tokio::spawn(async move {
        while let Ok((socket, peer)) = listener.accept().await {
            let (proxy, door, options) = (Arc::clone(&shared), Arc::clone(&door), options.clone());
            tokio::spawn(async move {
                let peer = Peer { ip: Some(peer.ip()), tls: false };
                let service = service_fn(|request| answer(request, peer, &proxy, &door, &options));
                let _outcome = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    Gateway { address, proxy }
}

async fn answer(
    request: Request<Incoming>,
    peer: Peer,
    proxy: &Proxy,
    door: &Door,
    options: &Options,
) -> Result<Response<Body>, Infallible> {
    let id = door.request_id(request.headers(), peer, Clock::system().now());
    let inbound = match Inbound::admit(Box::new(request.map(Body::Incoming)), peer, door, id) {
        Ok(inbound) => inbound,
        Err(error) => return Ok(refused(error.code())),
    };
    let rule = authz::Settings {
        auth: Asks::Nobody,
        roles: Vec::new(),
        scopes: Vec::new(),
        fresh_login: None,
        mfa: false,
        mode: Mode::Enforce,
    };
    let permit = Policy::new(rule).admit(&Caller::Anonymous, crate::base::Timestamp::from_millis(0)).unwrap();
    let target = Target {
        upstream: "app",
        strip: options.strip.as_ref(),
        set: &[],
        forward_token: false,
        asks: Asks::Nobody,
        timeout: None,
        max_body: options.max_body,
        body_timeout: options.body_timeout,
    };
    Ok(proxy.forward(inbound, permit, &target).await.unwrap_or_else(|error| refused(error.code())))
}

fn refused(code: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::full(code));
    *response.status_mut() = StatusCode::IM_A_TEAPOT;
    response.headers_mut().insert("connection", HeaderValue::from_static("close"));
    response
}

/// A raw upstream: `serve` is called for each connection with its number.
async fn upstream<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(Raw, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(Raw { socket, unread: Vec::new() }, number));
        }
    });
    address
}

/// A socket on which bytes are written and read as they are.
struct Raw {
    socket: TcpStream,
    unread: Vec<u8>,
}

impl Raw {
    async fn connect(address: SocketAddr) -> Self {
        Self { socket: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads up to and including `mark`; what came before the end of the connection if it never comes.
    async fn until(&mut self, mark: &str) -> String {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark.as_bytes()) {
                let rest = self.unread.split_off(at + mark.len());
                return String::from_utf8_lossy(&std::mem::replace(&mut self.unread, rest)).into_owned();
            }
            if !self.more().await {
                return String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned();
            }
        }
    }

    async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count && self.more().await {}
        let rest = self.unread.split_off(count.min(self.unread.len()));
        std::mem::replace(&mut self.unread, rest)
    }

    async fn read_to_the_end(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    async fn more(&mut self) -> bool {
        let read = timeout(LONG, self.socket.read_buf(&mut self.unread)).await.expect("nothing came");
        read.is_ok_and(|count| count > 0)
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nhost: g\r\n\r\n";

/// Answers every request without a body with its connection's number.
async fn numbered(mut raw: Raw, number: usize) {
    while !raw.head().await.is_empty() {
        raw.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n#{number}")).await;
    }
}

async fn ask(client: &mut Raw, request: &str) -> String {
    client.send(request).await;
    let head = client.head().await;
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    head + &String::from_utf8(client.bytes(length.unwrap_or(0)).await).unwrap()
}

/// The answer to one request on a connection of its own.
async fn once(gateway: &Gateway, request: &str) -> String {
    ask(&mut Raw::connect(gateway.address).await, request).await
}

async fn eventually(what: impl Fn() -> bool) {
    let all = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, all).await.expect("it never came about");
}
