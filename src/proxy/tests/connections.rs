//! Which connections are used again, and how long anything waits.
use tokio::task::JoinSet;

use super::*;

#[tokio::test]
async fn a_connection_is_used_again_after_every_clean_end() {
    let address = upstream(|mut raw, number| async move {
        let answers = [
            "content-length: 2\r\n\r\n#0".to_owned(),
            "transfer-encoding: chunked\r\n\r\n2\r\n#0\r\n0\r\n\r\n".to_owned(),
            "content-length: 0\r\n\r\n".to_owned(),
        ];
        for answer in answers.iter().cycle() {
            if raw.head().await.is_empty() {
                return;
            }
            assert_eq!(number, 0);
            raw.send(&format!("HTTP/1.1 200 OK\r\n{answer}")).await;
        }
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    for _ in 0..3 {
        assert!(once(&gateway, GET).await.ends_with("#0"));
        let mut client = Raw::connect(gateway.address).await;
        client.send(GET).await;
        assert!(client.until("0\r\n\r\n").await.contains("#0"));
        assert!(once(&gateway, GET).await.ends_with("\r\n\r\n"));
    }
    let upstream = &gateway.proxy.upstreams["app"];
    eventually(|| upstream.counts() == (1, 1)).await;
}

#[tokio::test]
async fn a_connection_that_ended_while_kept_is_replaced() {
    let address = upstream(|mut raw, number| async move {
        raw.head().await;
        raw.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n#{number}")).await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    for number in 0..5 {
        assert!(once(&gateway, GET).await.ends_with(&format!("#{number}")));
        // The upstream's end arrives between two requests.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_is_used_again_after_surplus_bytes() {
    let address = upstream(|mut raw, number| async move {
        raw.head().await;
        raw.send(&format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n#{number}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
        ))
        .await;
        raw.read_to_the_end().await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    for number in 0..3 {
        assert!(once(&gateway, GET).await.ends_with(&format!("#{number}")));
    }
}

#[tokio::test]
async fn nothing_is_used_again_after_an_answer_before_the_end_of_the_request() {
    let address = upstream(|mut raw, number| async move {
        raw.head().await;
        raw.bytes(3).await;
        raw.send(&format!("HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\n#{number}")).await;
        raw.read_to_the_end().await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    let mut client = Raw::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 100\r\n\r\nabc").await;
    assert!(client.until("#0").await.starts_with("HTTP/1.1 403"));
    let upstream = &gateway.proxy.upstreams["app"];
    eventually(|| upstream.counts() == (0, 0)).await;
    assert!(once(&gateway, "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 3\r\n\r\nabc").await.ends_with("#1"));
}

#[tokio::test]
async fn an_answer_with_two_lengths_is_not_followed_by_another_on_its_connection() {
    let address = upstream(|mut raw, number| async move {
        raw.head().await;
        raw.send(&format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n2\r\n#{number}\r\n0\r\n\r\n"
        ))
        .await;
        raw.read_to_the_end().await;
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    for number in 0..2 {
        let mut client = Raw::connect(gateway.address).await;
        client.send(GET).await;
        let whole = client.until("0\r\n\r\n").await;
        assert!(whole.contains(&format!("#{number}")) && !whole.contains("content-length"), "{whole}");
    }
}

#[tokio::test]
async fn every_wait_has_its_deadline() {
    let short = Duration::from_millis(80);
    let silent = upstream(|mut raw, number| async move {
        raw.head().await;
        if number == 1 {
            raw.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await;
        }
        raw.read_to_the_end().await;
    })
    .await;
    let mut patient = options(&[silent]);
    patient.settings.response_timeout = short;
    patient.settings.idle_timeout = short;
    let gateway_of_silent = gateway(patient).await;
    assert!(once(&gateway_of_silent, GET).await.ends_with("upstream_timeout"));
    let mut client = Raw::connect(gateway_of_silent.address).await;
    client.send(GET).await;
    assert!(client.read_to_the_end().await.ends_with("\r\n\r\nabc"));

    let stalling = gateway(Options { body_timeout: short, ..options(&[silent]) }).await;
    let stalled = "POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 5\r\n\r\nab";
    assert!(once(&stalling, stalled).await.ends_with("body_timeout"));
}

#[tokio::test]
async fn a_long_upload_is_no_silent_upstream() {
    let address = upstream(|mut raw, _| async move {
        raw.head().await;
        raw.bytes(10).await;
        raw.send(OK).await;
        raw.read_to_the_end().await;
    })
    .await;
    let mut options = options(&[address]);
    options.settings.response_timeout = Duration::from_millis(150);
    let gateway = gateway(options).await;
    let mut client = Raw::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nhost: g\r\ncontent-length: 10\r\n\r\n").await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(40)).await;
        client.send("x").await;
    }
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_told_and_the_next_address_is_tried() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nowhere = gateway(options(&[closed])).await;
    assert!(once(&nowhere, GET).await.ends_with("upstream_refused"));
    assert_eq!(nowhere.proxy.upstreams["app"].counts(), (0, 0));
    let open = upstream(numbered).await;
    let gateway = gateway(options(&[closed, open])).await;
    for _ in 0..8 {
        assert!(once(&gateway, GET).await.ends_with("#0"));
    }
}

/// Of twelve requests, what those that went to the address said that ends each connection in this way.
async fn errors_beside(ends: fn(Raw)) -> Vec<String> {
    let open = upstream(numbered).await;
    let ending = upstream(move |raw, _| async move { ends(raw) }).await;
    let mut options = options(&[ending, open]);
    (options.settings.balance, options.settings.eject_after) = (Balance::RoundRobin, 3);
    let gateway = gateway(options).await;
    let mut errors = Vec::new();
    for _ in 0..12 {
        let said = once(&gateway, GET).await;
        if !said.ends_with("#0") {
            errors.push(said);
        }
    }
    assert_eq!(gateway.proxy.upstreams["app"].addresses.standing(0), Standing::LeftOut);
    errors
}

#[tokio::test]
async fn an_address_that_takes_connections_and_ends_them_is_left_out() {
    let after_a_head = |mut raw: Raw| drop(tokio::spawn(async move { raw.head().await }));
    let errors = errors_beside(after_a_head).await;
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors.iter().all(|error| error.ends_with("upstream_bad_response")), "{errors:?}");
    // What was sent before the end is known may be lost.
    let at_once = |raw: Raw| raw.socket.set_zero_linger().unwrap();
    let errors = errors_beside(at_once).await;
    assert!(errors.iter().all(|error| error.ends_with("upstream_bad_response")), "{errors:?}");
}

#[tokio::test]
async fn whoever_holds_an_answer_waits_for_nobody_else_who_does() {
    let address = upstream(|mut raw, _| async move {
        while !raw.head().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            raw.send("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy").await;
        }
    })
    .await;
    for upstreams in [&[address][..], &[address, address]] {
        let mut few = options(upstreams);
        few.settings.max_connections = 2;
        let gateway = Arc::new(gateway(few).await);
        let mut clients = JoinSet::new();
        for _ in 0..8 {
            let gateway = Arc::clone(&gateway);
            clients.spawn(async move {
                for _ in 0..3 {
                    assert!(once(&gateway, GET).await.ends_with("busy"));
                }
            });
        }
        // Each of them once waited as long as for a connection, and was told that there is none.
        let at_once = timeout(LONG / 2, clients.join_all()).await;
        assert!(at_once.is_ok(), "with {} addresses", upstreams.len());
    }
}

#[tokio::test]
async fn connections_are_bounded_and_a_wait_for_one_ends() {
    let (release, released) = tokio::sync::watch::channel(false);
    let address = upstream(move |mut raw, _| {
        let mut released = released.clone();
        async move {
            while !raw.head().await.is_empty() {
                released.wait_for(|open| *open).await.unwrap();
                raw.send(OK).await;
            }
        }
    })
    .await;
    let mut few = options(&[address]);
    few.settings.max_connections = 2;
    few.settings.connect_timeout = Duration::from_millis(100);
    let gateway = Arc::new(gateway(few).await);
    let mut held: Vec<_> = Vec::new();
    for _ in 0..2 {
        let mut client = Raw::connect(gateway.address).await;
        client.send(GET).await;
        held.push(client);
    }
    let upstream = &gateway.proxy.upstreams["app"];
    eventually(|| upstream.counts() == (0, 2)).await;
    assert!(once(&gateway, GET).await.ends_with("no_healthy_upstream"));
    release.send(true).unwrap();
    for client in &mut held {
        assert!(client.until("ok").await.ends_with("ok"));
    }
    assert!(once(&gateway, GET).await.ends_with("ok"));
    assert_eq!(upstream.counts(), (2, 2));
}

#[tokio::test]
async fn an_unused_connection_is_closed_after_a_while() {
    let address = upstream(numbered).await;
    let mut brief = options(&[address]);
    brief.settings.keep_alive = Duration::from_millis(60);
    let gateway = gateway(brief).await;
    assert!(once(&gateway, GET).await.ends_with("#0"));
    let upstream = &gateway.proxy.upstreams["app"];
    eventually(|| upstream.counts() == (0, 0)).await;
    assert!(once(&gateway, GET).await.ends_with("#1"));
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_upstream_connection_along() {
    let address = upstream(|mut raw, _| async move {
        raw.head().await;
        raw.send("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n").await;
        while raw.socket.write_all(&[0; 4096]).await.is_ok() {}
    })
    .await;
    let gateway = gateway(options(&[address])).await;
    let mut client = Raw::connect(gateway.address).await;
    client.send(GET).await;
    client.bytes(9000).await;
    drop(client);
    let upstream = &gateway.proxy.upstreams["app"];
    eventually(|| upstream.counts() == (0, 0)).await;
}

#[tokio::test]
async fn a_reload_keeps_the_connections_of_upstreams_that_did_not_change() {
    let address = upstream(numbered).await;
    let options = options(&[address]);
    let gateway = gateway(options.clone()).await;
    assert!(once(&gateway, GET).await.ends_with("#0"));
    let changed = Settings { name: "other".to_owned(), ..options.settings.clone() };
    let reloaded = Proxy::new(&[options.settings.clone(), changed.clone()], Some(&gateway.proxy)).unwrap();
    assert!(Arc::ptr_eq(&reloaded.upstreams["app"], &gateway.proxy.upstreams["app"]));
    let again = Settings { idle_timeout: Duration::from_secs(1), ..changed };
    let third = Proxy::new(&[again], Some(&reloaded)).unwrap();
    assert!(!Arc::ptr_eq(&third.upstreams["other"], &reloaded.upstreams["other"]));
}

#[tokio::test]
async fn a_unix_socket_is_an_address_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = [0; 16];
        socket.read_exact(&mut seen).await.unwrap();
        socket.write_all(OK.as_bytes()).await.unwrap();
    });
    let mut options = options(&[]);
    options.settings.addresses = vec![Address::Unix { path }];
    assert!(once(&gateway(options).await, GET).await.ends_with("ok"));
}
