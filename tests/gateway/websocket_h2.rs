//! WebSocket over HTTP/2 (RFC 8441): the same gate, the same tunnel and the same end as over HTTP/1.1.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Taken, block, frame};
use crate::support::{A_BUSY_SECOND, Browser, Gateway, Person, Reply, SOON, Site, Upstream, Wire, accept_of, until};

type Sender = http2::SendRequest<Empty<Bytes>>;
type Tunnel = TokioIo<Upgraded>;

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_joins_a_stream_and_a_backend_and_bytes_pass_both_ways() {
    let (upstream, gateway, alice) = fixture();
    let mut sender = connect(&gateway).await;
    let mut asked = request(&gateway, "/app/socket?room=1", Some(&alice));
    for (name, value) in [
        ("sec-websocket-protocol", "chat, other"),
        ("sec-websocket-extensions", "permessage-deflate"),
        // Not the client's to say over HTTP/2.
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("x-user-name", "root"),
    ] {
        asked.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let answer = sender.send_request(asked).await.unwrap();
    assert_eq!(answer.status(), 200);
    for (name, value) in [
        ("sec-websocket-protocol", Some("chat")),
        ("sec-websocket-extensions", Some("permessage-deflate; server_no_context_takeover")),
        ("sec-websocket-accept", None),
        ("upgrade", None),
        ("connection", None),
        ("content-length", None),
    ] {
        assert_eq!(answer.headers().get(name).map(|value| value.to_str().unwrap()), value, "{name}");
    }
    assert!(answer.headers().contains_key("x-request-id"));
    let seen = upstream_head(&upstream);
    assert!(seen.starts_with("get /app/socket?room=1 http/1.1\r\n"), "{seen}");
    for line in ["upgrade: websocket", "connection: upgrade", "x-user-name: alice", "sec-websocket-version: 13"] {
        assert!(seen.contains(&format!("{line}\r\n")), "{line}: {seen}");
    }
    assert!(!seen.contains("authorization") && !seen.contains("root") && !seen.contains("dghlihnhbxbs"), "{seen}");
    let mut tunnel = joined(answer).await;
    for size in [0_usize, 5, 125, 70_000, 1_000_000] {
        echoes(&mut tunnel, &vec![7; size]).await;
    }
    // Its connection serves other requests meanwhile, and after it.
    assert_eq!(get(&mut sender, &gateway, "/app").await, 401);
    tunnel.shutdown().await.unwrap();
    assert_eq!(rest(&mut tunnel).await, b"");
    assert_eq!(get(&mut sender, &gateway, "/app").await, 401);
}

#[tokio::test(flavor = "multi_thread")] // W04
async fn only_an_answer_that_belongs_to_the_handshake_makes_a_tunnel() {
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", 502),
        ("HTTP/1.1 204 OK\r\n\r\n", 502),
        ("HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno", 400),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", 302),
        ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 502),
        ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n", 502),
        ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: @ACCEPT\r\n\r\n", 502),
    ] {
        let upstream = Upstream::answering(move |seen| {
            let accept = accept_of(seen.field("sec-websocket-key").unwrap_or_default());
            Reply { bytes: answer.replace("@ACCEPT", &accept).into_bytes(), close: false }
        });
        let gateway = Gateway::start(&upstream);
        let alice = gateway.register("alice");
        let mut sender = connect(&gateway).await;
        let got = sender.send_request(request(&gateway, "/app/socket", Some(&alice))).await.unwrap();
        let (status_got, body) = (got.status(), got.into_body().collect().await.unwrap().to_bytes());
        assert_eq!(status_got, status, "{answer}");
        match status {
            502 => assert!(String::from_utf8_lossy(&body).contains("upstream_bad_response"), "{answer}"),
            400 => assert_eq!(body, "no"),
            _ => assert_eq!(body, ""),
        }
        assert_eq!(get(&mut sender, &gateway, "/app").await, 401, "the connection is an ordinary one still");
    }
}

#[tokio::test(flavor = "multi_thread")] // W05
async fn the_gate_is_that_of_every_other_request() {
    let (upstream, gateway, alice) = fixture();
    let mut sender = connect(&gateway).await;
    for (path, person, status, code) in [
        ("/app/s", None, 401, "login_required"),
        ("/nowhere", Some(&alice), 404, "no_route"),
        ("/pub/../app", Some(&alice), 400, "ambiguous_path"),
        ("/auth/healthz", Some(&alice), 405, "connect_refused"),
        ("/auth/me", None, 405, "connect_refused"),
    ] {
        let answer = sender.send_request(request(&gateway, path, person)).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(code), "{path}: {body:?}");
    }
    // A cookie is taken from our own pages only, as with whatever may change something.
    let browser = Browser::new(&gateway);
    browser.sign_in("alice", "/app").expect(303);
    let (cookies, own) = (browser.cookies().unwrap(), browser.origin());
    for (origin, status) in [("http://evil.example", 403), (own.as_str(), 200)] {
        let mut asked = request(&gateway, "/app/socket", None);
        asked.headers_mut().insert("cookie", HeaderValue::from_str(&cookies).unwrap());
        asked.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
        let answer = sender.send_request(asked).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{origin}");
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")] // W07
async fn signing_out_closes_the_stream_with_1008_within_a_second_and_no_other() {
    let (upstream, gateway, alice) = fixture();
    let other = gateway.sign_in("alice");
    let mut sender = connect(&gateway).await;
    let mut ends = open(&mut sender, &gateway, &alice).await;
    let mut stays = open(&mut sender, &gateway, &other).await;
    gateway.log_out(&alice.access).expect(204);
    assert_eq!(closing(&mut ends).await, (1008, "the session has ended".to_owned()));
    assert_eq!(rest(&mut ends).await, b"");
    until("the backend's close frame", SOON, || {
        upstream.bytes().iter().any(|bytes| bytes.windows(2).any(|two| two == [0x88, 0x97]))
    });
    echoes(&mut stays, b"still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_which_nothing_moves_is_closed_and_so_are_all_when_the_gateway_stops() {
    let upstream = echo();
    let url = upstream.url();
    let site = Site::new()
        .set("upstreams.app", "urls", &format!("\"{url}\""))
        .set("upstreams.app", "idle_timeout", "\"400ms\"")
        .route("prefix = \"/app\"\nupstream = \"app\"\nauth = \"none\"")
        .route(&format!("prefix = \"/pub\"\nupstream = \"{url}\"\nauth = \"none\""));
    let mut gateway = site.start();
    let mut sender = connect(&gateway).await;
    let mut idle = joined(sender.send_request(request(&gateway, "/app", None)).await.unwrap()).await;
    let mut other = joined(sender.send_request(request(&gateway, "/pub", None)).await.unwrap()).await;
    assert_eq!(closing(&mut idle).await, (1001, "nothing was sent for too long".to_owned()));
    assert_eq!(rest(&mut idle).await, b"");
    gateway.signal("TERM");
    assert_eq!(closing(&mut other).await, (1001, "the gateway is stopping".to_owned()));
    assert_eq!(gateway.wait_for_end(), Some(0), "{}", gateway.log_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_goes_away_ends_the_stream_after_what_it_sent() {
    let upstream = Upstream::talking(|wire| {
        if accept_handshake(wire) {
            wire.send("\u{1}\u{3}abc");
        }
    });
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let mut sender = connect(&gateway).await;
    let mut tunnel = open(&mut sender, &gateway, &alice).await;
    assert_eq!(rest(&mut tunnel).await, b"\x01\x03abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_stops_the_backend_and_not_the_gateway() {
    const MUCH: usize = 64 * 1024 * 1024;
    let upstream = Upstream::talking(|wire| {
        if accept_handshake(wire) {
            let piece = vec![0; 1024 * 1024];
            let _sent = (0..64).filter(|_| wire.send(&piece)).count();
        }
    });
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let mut sender = connect(&gateway).await;
    let mut tunnel = open(&mut sender, &gateway, &alice).await;
    gateway.is_alive();
    let held = gateway.resident_kib();
    assert!(held < 200 * 1024, "{held} KiB while the client does not read");
    assert_eq!(rest(&mut tunnel).await.len(), MUCH);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_loses_its_stream_and_no_other() {
    let let_go = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&let_go);
    let upstream = Upstream::talking(move |wire| {
        if accept_handshake(wire) {
            while wire.send([0; 64 * 1024]) {}
            told.store(true, Ordering::Release);
        }
    });
    let site = Site::new()
        .set("upstreams.app", "urls", &format!("\"{}\"", upstream.url()))
        .set("upstreams.app", "idle_timeout", "\"300ms\"")
        .route("prefix = \"/\"\nupstream = \"app\"\nauth = \"none\"");
    let gateway = site.start();
    let mut sender = connect(&gateway).await;
    let mut tunnel = joined(sender.send_request(request(&gateway, "/", None)).await.unwrap()).await;
    until("the backend is let go", SOON, || let_go.load(Ordering::Acquire));
    let mut all = Vec::new();
    // What had come, and then the stream is over, one way or the other.
    let _ended = timeout(SOON, tunnel.read_to_end(&mut all)).await.unwrap();
    assert!(all.len() < 10_000_000, "{} bytes", all.len());
    assert_eq!(get(&mut sender, &gateway, "/auth/healthz").await, 200);
}

#[test] // F06, W03, W06: what follows is in frames, because no client would send it.
fn what_is_no_websocket_over_http_2_is_refused() {
    let (upstream, gateway, _) = fixture();
    let at = gateway.authority();
    let usual: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        (b":scheme", b"http"),
        (b":path", b"/pub/x"),
        (b":authority", at.as_bytes()),
        (b"sec-websocket-version", b"13"),
    ];
    let with = |name: &'static [u8], value: &'static [u8]| {
        usual.iter().map(|&(known, is)| (known, if known == name { value } else { is })).collect::<Vec<_>>()
    };
    let without = |name: &[u8]| usual.iter().copied().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let twice = |name: &'static [u8], value: &'static [u8]| {
        let mut all = usual.clone();
        all.insert(if name.starts_with(b":") { 1 } else { all.len() }, (name, value));
        all
    };
    let (reset, refused) = (Taken::Reset, |status| Taken::Refused(Some(status)));
    for (fields, taken) in [
        (with(b":protocol", b"connect-udp"), refused(405)),
        (with(b":protocol", b"WebSocket"), refused(405)),
        (with(b":protocol", b""), refused(405)),
        (without(b":protocol"), reset),
        (with(b":method", b"GET"), reset),
        (with(b":method", b"POST"), reset),
        (without(b":path"), reset),
        (without(b":scheme"), reset),
        (with(b":path", b""), reset),
        (with(b":path", b"*"), refused(400)),
        (with(b":scheme", b"wss"), refused(400)),
        (without(b":authority"), refused(400)),
        (twice(b":protocol", b"websocket"), reset),
        (without(b"sec-websocket-version"), refused(400)),
        (with(b"sec-websocket-version", b"777"), refused(400)),
        (twice(b"sec-websocket-version", b"13"), refused(400)),
        (twice(b"upgrade", b"websocket"), reset),
        (twice(b"connection", b"upgrade"), reset),
        (twice(b"host", b"other.example"), refused(400)),
        // It has no body, and says that it has one.
        (twice(b"content-length", b"3"), reset),
    ] {
        assert_eq!(Frames::open(&gateway).ask(1, &fields), taken, "{fields:?}");
    }
    assert_eq!(upstream.connections(), 0);
    // What comes before the answer belongs to the tunnel, and what comes after the end to nobody.
    let mut frames = Frames::open(&gateway);
    let head = with(b":path", b"/pub/socket");
    frames.wire.send(frame(HEADERS, END_HEADERS, 1, &block(&head)));
    frames.wire.send(frame(DATA, END_STREAM, 1, b"GET /app/admin HTTP/1.1\r\nHost: a\r\n\r\n"));
    frames.wire.send(frame(DATA, END_STREAM, 1, b"GET /app/late HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(matches!(frames.taken(1), Taken::Answered | Taken::Reset | Taken::Ended));
    for bytes in upstream.bytes() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.starts_with("GET /pub/socket HTTP/1.1\r\n") && !text.contains("/app/late"), "{text}");
    }
    gateway.is_alive();
}

fn fixture() -> (Upstream, Gateway, Person) {
    let upstream = echo();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    (upstream, gateway, alice)
}

/// Takes every handshake and sends back what comes.
fn echo() -> Upstream {
    Upstream::talking(|wire| {
        if accept_handshake(wire) {
            wire.echo();
        }
    })
}

/// Any other request is answered at once.
fn accept_handshake(wire: &mut Wire) -> bool {
    let Some(head) = wire.head() else { return false };
    let Some(key) = head.field("sec-websocket-key") else {
        wire.send(Reply::new("200 OK", "Connection: close\r\n", "ok").bytes);
        return false;
    };
    let mut more = String::new();
    if head.field("sec-websocket-protocol").is_some() {
        more.push_str("Sec-WebSocket-Protocol: chat\r\n");
        more.push_str("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n");
    }
    let accept = accept_of(key);
    wire.send(format!(
        "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    ))
}

async fn connect(gateway: &Gateway) -> Sender {
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], gateway.port))).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    // The settings have come by then; whoever connects must have seen that this is offered.
    assert_eq!(get(&mut sender, gateway, "/auth/healthz").await, 200);
    sender
}

fn request(gateway: &Gateway, path: &str, person: Option<&Person>) -> Request<Empty<Bytes>> {
    let uri = format!("http://{}{path}", gateway.authority());
    let mut request = Request::builder().method(Method::CONNECT).uri(uri).body(Empty::new()).unwrap();
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    request.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("13"));
    if let Some(person) = person {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", person.access)).unwrap();
        request.headers_mut().insert("authorization", bearer);
    }
    request
}

async fn get(sender: &mut Sender, gateway: &Gateway, path: &str) -> StatusCode {
    let uri = format!("http://{}{path}", gateway.authority());
    sender.send_request(Request::get(uri).body(Empty::new()).unwrap()).await.unwrap().status()
}

async fn open(sender: &mut Sender, gateway: &Gateway, person: &Person) -> Tunnel {
    joined(sender.send_request(request(gateway, "/app/socket", Some(person))).await.unwrap()).await
}

async fn joined(answer: Response<Incoming>) -> Tunnel {
    assert_eq!(answer.status(), 200);
    TokioIo::new(hyper::upgrade::on(answer).await.unwrap())
}

/// Sends one masked frame and gets it back.
async fn echoes(tunnel: &mut Tunnel, payload: &[u8]) {
    let mut sent = vec![0x82, 0x80 | 127];
    sent.extend((payload.len() as u64).to_be_bytes());
    sent.extend([0; 4]);
    sent.extend(payload);
    let (mut reading, mut writing) = tokio::io::split(tunnel);
    let mut came = vec![0; sent.len()];
    let (written, read) = tokio::join!(writing.write_all(&sent), reading.read_exact(&mut came));
    written.unwrap();
    read.unwrap();
    assert!(came == sent, "{} bytes", payload.len());
}

/// The close frame that comes within a second, or a little later on a busy machine.
async fn closing(tunnel: &mut Tunnel) -> (u16, String) {
    let frame = async {
        let mut head = [0; 2];
        tunnel.read_exact(&mut head).await.unwrap();
        assert_eq!(head[0], 0x88, "no close frame came");
        let mut payload = vec![0; usize::from(head[1])];
        tunnel.read_exact(&mut payload).await.unwrap();
        payload
    };
    let payload = timeout(A_BUSY_SECOND, frame).await.expect("a close frame in time");
    (u16::from_be_bytes([payload[0], payload[1]]), String::from_utf8_lossy(&payload[2..]).into_owned())
}

/// Everything to the end of the stream.
async fn rest(tunnel: &mut Tunnel) -> Vec<u8> {
    let mut all = Vec::new();
    timeout(SOON, tunnel.read_to_end(&mut all)).await.unwrap().unwrap();
    all
}

fn upstream_head(upstream: &Upstream) -> String {
    let bytes = upstream.bytes();
    String::from_utf8_lossy(bytes.last().unwrap()).to_lowercase()
}
