//! HTTP going out for ourselves: the command line asks a running gateway. Every step inside one deadline.
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

use crate::base::Secret;
use crate::wire::Body;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// For people to look at: text/html.
    pub(crate) is_page: bool,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("{0}")]
    Connect(#[from] io::Error),
    #[error("no answer in time")]
    Slow,
    #[error("what answered does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is too large or broken off")]
    Body,
}

pub(crate) async fn get(to: SocketAddr, path: &str, patience: Duration) -> Result<Answer, NoAnswer> {
    timeout(patience, exchange(to, request(to, Method::GET, path, None))).await.map_err(|_| NoAnswer::Slow)?
}

/// POST without a body, with a secret that the gateway can check; the answer in the form of `accept`.
pub(crate) async fn post(
    to: SocketAddr,
    path: &str,
    secret: &Secret,
    accept: &'static str,
    patience: Duration,
) -> Result<Answer, NoAnswer> {
    let mut request = request(to, Method::POST, path, Some(secret));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    timeout(patience, exchange(to, request)).await.map_err(|_| NoAnswer::Slow)?
}

/// POST of a JSON object to a server that is no gateway.
pub(crate) async fn post_json(
    host: &str,
    port: u16,
    target: &str,
    body: &[u8],
    patience: Duration,
) -> Result<Answer, NoAnswer> {
    let mut request = Request::new(Body::full(body.to_vec()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(format!("{host}:{port}")).map_err(|_| NoAnswer::Body)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let bare = host.trim_matches(['[', ']']);
    timeout(patience, exchange((bare, port), request)).await.map_err(|_| NoAnswer::Slow)?
}

fn request(to: SocketAddr, method: Method, path: &str, secret: Option<&Secret>) -> Request<Body> {
    let mut request = Request::new(Body::Empty);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(host) = HeaderValue::try_from(to.to_string()) {
        headers.insert(HOST, host);
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    if let Some(bearer) = secret.and_then(|secret| HeaderValue::try_from(format!("Bearer {}", secret.expose())).ok()) {
        headers.insert(AUTHORIZATION, bearer);
    }
    request
}

async fn exchange(to: impl ToSocketAddrs, request: Request<Body>) -> Result<Answer, NoAnswer> {
    let socket = TcpStream::connect(to).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    let talking = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_page = kind.get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"));
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|_| NoAnswer::Body)?.to_bytes();
    talking.abort();
    Ok(Answer { status, body, is_page })
}

/// A list of findings is long; more than this is not from a gateway.
const MAX_ANSWER: usize = 1024 * 1024;
