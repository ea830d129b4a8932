//! A small backend that says what it was sent: for `demo`.
use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::wire::Body;

/// Starts the backend on a free port of this machine.
pub(super) async fn start() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(
                TokioIo::new(socket),
                service_fn(|request| std::future::ready(Ok::<_, hyper::Error>(echo(&request)))),
            );
            tokio::spawn(connection);
        }
    });
    Ok(address)
}

fn echo(request: &Request<Incoming>) -> Response<Body> {
    let headers: Map<String, Value> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let said = json!({
        "backend": "this is the demo's echo backend; it was sent:",
        "method": request.method().as_str(),
        "path": request.uri().path_and_query().map(http::uri::PathAndQuery::as_str),
        "headers": headers,
    });
    let mut response = Response::new(Body::full(format!("{said:#}\n")));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
