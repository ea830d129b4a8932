//! HTTP/2 by prior knowledge: the same decisions, the same words.
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::{Gateway, SOON, Upstream, log, until};

type Sender = http2::SendRequest<Full<Bytes>>;

async fn connect(port: u16) -> Sender {
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn request(gateway: &Gateway, method: &str, path: &str) -> Request<Full<Bytes>> {
    let uri = format!("http://{}{path}", gateway.authority());
    Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(uri).body(Full::default()).unwrap()
}

async fn ask(sender: &mut Sender, request: Request<Full<Bytes>>) -> (StatusCode, serde_json::Value) {
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn too_many_fields_are_refused_in_words() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut sender = connect(gateway.port).await;
    let mut many = request(&gateway, "GET", "/pub/x");
    for n in 0..101 {
        let name: http::HeaderName = format!("x-{n}").parse().unwrap();
        many.headers_mut().insert(name, HeaderValue::from_static("1"));
    }
    let (status, body) = ask(&mut sender, many).await;
    assert_eq!((status.as_u16(), body["error"].as_str()), (431, Some("headers_too_large")));
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn the_main_way_works_over_http_2() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let mut sender = connect(gateway.port).await;
    let (status, body) = ask(&mut sender, request(&gateway, "GET", "/app/x")).await;
    assert_eq!((status.as_u16(), body["error"].as_str()), (401, Some("login_required")));
    let mut signed = request(&gateway, "POST", "/app/%61?q=%2f");
    *signed.body_mut() = Full::from("the body");
    let bearer = HeaderValue::from_str(&format!("Bearer {}", alice.access)).unwrap();
    signed.headers_mut().insert("authorization", bearer);
    signed.headers_mut().insert("x-user-name", HeaderValue::from_static("root"));
    signed.headers_mut().insert("x_user_id", HeaderValue::from_static("root"));
    let (status, _) = ask(&mut sender, signed).await;
    assert_eq!(status, 200);
    let seen = upstream.only();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str(), seen.body.as_slice()),
        ("POST", "/app/a?q=%2f", b"the body".as_slice())
    );
    assert_eq!(seen.folded("x-user-name"), ["alice"]);
    assert_eq!(seen.folded("x-user-id"), [alice.id.as_str()]);
    assert_eq!(seen.all("host"), [gateway.authority()]);
    let id = seen.field("x-request-id").unwrap();
    until("its log line", SOON, || log::request(&gateway.log_text(), id).is_some());
    assert_eq!(log::request(&gateway.log_text(), id).unwrap()["host"], gateway.authority());
    gateway.stands(&upstream);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "two lines of one field are what is tested")]
async fn crumbs_of_a_cookie_are_joined_and_two_credentials_are_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let mut sender = connect(gateway.port).await;
    let mut crumbs = request(&gateway, "GET", "/pub/x");
    for crumb in ["a=1", "b=2"] {
        crumbs.headers_mut().append("cookie", HeaderValue::from_static(crumb));
    }
    assert_eq!(ask(&mut sender, crumbs).await.0, 200);
    assert_eq!(upstream.only().all("cookie"), ["a=1; b=2"]);
    upstream.forget();
    let mut double = request(&gateway, "GET", "/app/x");
    for _ in 0..2 {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", alice.access)).unwrap();
        double.headers_mut().append("authorization", bearer);
    }
    assert_eq!(ask(&mut sender, double).await.0, 400);
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn an_ambiguous_path_is_refused_over_http_2_too() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut sender = connect(gateway.port).await;
    for path in
        ["/pub/../app", "/pub/%2e%2e/app", "//app", "/pub//x", "/pub/..%2fapp", "/pub/;x", "/pub/%252e", "/pub/%00"]
    {
        let (status, body) = ask(&mut sender, request(&gateway, "GET", path)).await;
        assert_eq!((status.as_u16(), body["error"].as_str()), (400, Some("ambiguous_path")), "{path}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_host_that_contradicts_the_authority_is_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut sender = connect(gateway.port).await;
    let mut two = request(&gateway, "GET", "/pub/x");
    two.headers_mut().insert("host", HeaderValue::from_static("other.example"));
    assert_eq!(ask(&mut sender, two).await.0, 400);
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn many_streams_share_one_connection() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let sender = connect(gateway.port).await;
    let calls: Vec<_> = (0..60)
        .map(|number| {
            let (mut sender, request) = (sender.clone(), request(&gateway, "GET", &format!("/pub/{number}")));
            tokio::spawn(async move { (number, ask(&mut sender, request).await) })
        })
        .collect();
    for call in calls {
        let (number, (status, body)) = call.await.unwrap();
        assert_eq!((status.as_u16(), body["target"].as_str().unwrap()), (200, format!("/pub/{number}").as_str()));
    }
}
