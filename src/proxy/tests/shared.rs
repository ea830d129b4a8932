//! Upstreams of HTTP/2, whose connections many requests share.
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::server::conn::http2;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::*;
use crate::proxy::multiplex::Multiplex;
use crate::proxy::pool::{Opened, Pool, Wait};
use crate::proxy::stream::Stream;
use crate::tls::Offer;

const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const RESET: u8 = 3;
const ACK: u8 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Kind, flags and stream of the next frame.
async fn next_frame(raw: &mut Raw) -> Option<(u8, u8, u32)> {
    let head = raw.bytes(9).await;
    let [a, b, c, kind, flags, stream @ ..] = head.as_slice() else { return None };
    let length = u32::from_be_bytes([0, *a, *b, *c]);
    let stream = u32::from_be_bytes(stream.try_into().ok()?);
    raw.bytes(length.try_into().unwrap()).await;
    Some((*kind, *flags, stream))
}

/// Answers 200 to all requests but the second on its first connection, of which it says `instead`.
async fn declining(instead: Vec<u8>) -> SocketAddr {
    speaking(move |number, stream| (number == 0 && stream == 3).then(|| instead.clone())).await
}

/// Answers 200 but where the number of the connection and of the stream say something else.
async fn speaking(instead: impl Fn(usize, u32) -> Option<Vec<u8>> + Clone + Send + Sync + 'static) -> SocketAddr {
    upstream(move |mut raw, number| {
        let instead = instead.clone();
        async move {
            raw.bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len()).await;
            raw.socket.write_all(&frame(SETTINGS, 0, 0, b"")).await.unwrap();
            while let Some((kind, flags, stream)) = next_frame(&mut raw).await {
                let said = match kind {
                    // `:status: 200`, and the end of it.
                    1 => instead(number, stream).unwrap_or_else(|| frame(1, 5, stream, &[0x88])),
                    SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, b""),
                    _ => continue,
                };
                raw.socket.write_all(&said).await.unwrap();
            }
        }
    })
    .await
}

fn sharing(upstreams: &[SocketAddr]) -> Options {
    let mut options = options(upstreams);
    options.settings.http2 = true;
    options.settings.retries = 0;
    options
}

#[tokio::test]
async fn what_an_upstream_says_it_did_nothing_with_goes_elsewhere_and_is_no_failure() {
    const POST: &str = "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 0\r\n\r\n";
    const BODY: &str = "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 3\r\n\r\nabc";
    let go_away = |reason: u8| frame(GO_AWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, reason]);
    let reset = |reason: u8| frame(RESET, 0, 3, &[0, 0, 0, reason]);
    for (instead, request, answer, standing) in [
        (go_away(0), GET, "200", Standing::Well),
        (go_away(0), POST, "200", Standing::Well),
        (reset(7), GET, "200", Standing::Well),
        (reset(7), POST, "200", Standing::Well),
        // Its body is gone, through nobody's fault.
        (go_away(0), BODY, "418", Standing::Well),
        // An error is one.
        (go_away(2), GET, "418", Standing::Failing),
        (reset(2), GET, "418", Standing::Failing),
        // What it began and gave up may have been done.
        (reset(0), GET, "418", Standing::Failing),
    ] {
        let gateway = gateway(sharing(&[declining(instead.clone()).await])).await;
        assert!(once(&gateway, GET).await.starts_with("HTTP/1.1 200"));
        let said = once(&gateway, request).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {answer}")), "{instead:?} to {request:?}: {said}");
        assert_eq!(gateway.proxy.upstreams["app"].addresses.standing(0), standing, "{instead:?} to {request:?}");
        assert!(once(&gateway, GET).await.starts_with("HTTP/1.1 200"));
    }
}

/// Each of its requests was a 502, with the other address there and well.
#[tokio::test]
async fn an_address_that_takes_no_request_is_left_out_and_the_other_one_answers() {
    let refused: fn(usize, u32) -> Option<Vec<u8>> = |_, stream| Some(frame(RESET, 0, stream, &[0, 0, 0, 7]));
    let gone: fn(usize, u32) -> Option<Vec<u8>> = |_, _| Some(frame(GO_AWAY, 0, 0, &[0; 8]));
    for says in [refused, gone] {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let never = speaking(move |number, stream| {
            count.fetch_add(1, Ordering::Relaxed);
            says(number, stream)
        });
        let mut options = sharing(&[never.await, speaking(|_, _| None).await]);
        (options.settings.balance, options.settings.eject_after) = (Balance::RoundRobin, 5);
        let gateway = gateway(options).await;
        for _ in 0..20 {
            let said = once(&gateway, GET).await;
            assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        }
        assert_eq!(gateway.proxy.upstreams["app"].addresses.standing(0), Standing::LeftOut);
        assert!(asked.load(Ordering::Relaxed) <= 10, "{asked:?}");
    }
}

/// Takes `most` requests at once on each connection; answers those for `/held` when `all` of them are there.
async fn holding(most: u32, all: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let all = Arc::new(Barrier::new(all));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let all = Arc::clone(&all);
            let service = service_fn(move |request: Request<Incoming>| {
                let all = Arc::clone(&all);
                async move {
                    if request.uri().path() == "/held" {
                        all.wait().await;
                    }
                    Ok::<_, Infallible>(Response::new(Body::full("ok")))
                }
            });
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.max_concurrent_streams(most);
            tokio::spawn(builder.serve_connection(TokioIo::new(socket), service));
        }
    });
    address
}

#[tokio::test]
async fn no_connection_is_given_more_requests_than_the_upstream_takes_on_one() {
    for warm in [false, true] {
        let mut options = sharing(&[holding(8, 24).await]);
        options.settings.response_timeout = LONG / 4;
        let gateway = Arc::new(gateway(options).await);
        if warm {
            assert!(once(&gateway, GET).await.ends_with("ok"));
        }
        let mut clients = JoinSet::new();
        for _ in 0..24 {
            let gateway = Arc::clone(&gateway);
            clients.spawn(async move { once(&gateway, "GET /held HTTP/1.1\r\nhost: g\r\n\r\n").await });
        }
        // Those that did not fit waited on the one connection there was, until it was too late.
        for said in clients.join_all().await {
            assert!(said.ends_with("ok"), "{said}");
        }
        assert!((3..=6).contains(&gateway.proxy.upstreams["app"].counts().1));
    }
}

#[tokio::test]
async fn who_waits_for_room_where_tls_is_spoken_hears_that_there_is_none_or_shares_what_another_opened() {
    let address = declining(Vec::new()).await;
    for opens in [false, true] {
        let mut few = options(&[address]).settings;
        few.max_connections = 1;
        few.connect_timeout = if opens { LONG } else { Duration::from_millis(100) };
        let (pool, address) = (Arc::new(Pool::new(&few, None)), few.addresses[0].clone());
        let _held = pool.open(0, &address, Wait::Usual).await.unwrap();
        let multiplex = Arc::new(Multiplex::new(LONG));
        let mut waiting = JoinSet::new();
        for _ in 0..3 {
            let (pool, address, multiplex) = (Arc::clone(&pool), address.clone(), Arc::clone(&multiplex));
            waiting.spawn(async move {
                match pool.open_secure(0, &address, &multiplex, Wait::Usual).await {
                    Ok(Opened::Shared(_, true)) => "shared",
                    Ok(_) => "opened",
                    Err(error) => error.code(),
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        if opens {
            let stream = Stream::connect(&address, None, Offer::Any).await.unwrap();
            drop(pool.add(&multiplex, stream, ()).await.unwrap());
        }
        let heard = timeout(LONG / 2, waiting.join_all()).await.expect("nobody waits in vain");
        // Two of the three waited for the first, and took the address for one that does not answer.
        assert_eq!(heard, [if opens { "shared" } else { "no_healthy_upstream" }; 3]);
    }
}
