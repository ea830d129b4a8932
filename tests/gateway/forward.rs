//! What reaches the backend, and what comes back.
use std::os::unix::net::UnixListener;

use crate::support::{Gateway, Reply, SOON, Site, Upstream, until};

#[test]
fn the_usual_small_file_opens_the_front_and_keeps_the_rest_closed() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let gateway = Site::new()
        .route(&format!("prefix = \"/\"\nupstream = \"{url}\"\nauth = \"none\""))
        .route(&format!("prefix = \"/api\"\nupstream = \"{url}\""))
        .start();
    gateway.get("/").send().expect(200);
    upstream.forget();
    gateway.get("/api/invoices").send().refused(401, "login_required");
    assert_eq!(upstream.seen().len(), 0);
    let body = serde_json::json!({ "username": "ann", "password": "a-Good-Password", "email": "ann@example.com", "name": "Zoë B" });
    let answer = gateway.post("/auth/register").json(&body).send().expect(201);
    let ann = gateway.person("ann", &answer);
    gateway.get("/api/invoices").bearer(&ann.access).send().expect(200);
    let seen = upstream.only();
    assert_eq!(seen.field("remote-user"), Some("ann"));
    assert_eq!(seen.field("remote-sub"), Some(ann.id.as_str()));
    assert_eq!(seen.field("remote-groups"), Some("user"));
    assert_eq!(seen.field("remote-email"), Some("ann@example.com"));
    assert_eq!(seen.field("remote-name"), Some("Zo%C3%AB B"));
    assert_eq!(seen.field("authorization"), None);
}

#[test]
fn the_least_file_keeps_everything_closed() {
    let upstream = Upstream::start();
    let gateway = Site::new().route(&format!("prefix = \"/\"\nupstream = \"{}\"", upstream.url())).start();
    for path in ["/", "/x", "/index.html", "/api/x", "/.well-known/other"] {
        gateway.get(path).send().refused(401, "login_required");
    }
    assert_eq!(upstream.connections(), 0);
    let alice = gateway.register("alice");
    gateway.get("/x").bearer(&alice.access).send().expect(200);
}

#[test]
fn every_method_passes() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let methods =
        ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCALENDAR", "REPORT", "M-SEARCH", "QUERY"];
    for method in methods {
        gateway.call(method, "/app/x").bearer(&alice.access).send().expect(200);
        assert_eq!(upstream.last().method, method);
    }
    let head = gateway.call("HEAD", "/app/x").bearer(&alice.access).send().expect(200);
    assert!(head.body.is_empty());
    assert!(head.field("content-length").is_some_and(|length| length != "0"));
    gateway.stands(&upstream);
}

#[test]
fn query_strings_arrive_byte_for_byte() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    for query in
        ["?", "?a=b", "?a=1&a=2", "?x=%2f..%2F%00", "?q=a+b%20c", "?;;;", "?a=//../", "?%zz", "??", "?a[]={}|^`\\'"]
    {
        let answer = gateway.get(&format!("/app/x{query}")).bearer(&alice.access).send();
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        assert_eq!(upstream.last().target, format!("/app/x{query}"));
    }
}

#[test]
fn bodies_arrive_byte_for_byte() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let every_byte: Vec<u8> = (0..=255).collect();
    for body in
        [every_byte.clone(), every_byte.repeat(4096), b"0\r\n\r\nGET /pub HTTP/1.1\r\n\r\n".to_vec(), Vec::new()]
    {
        gateway.post("/app/x").bearer(&alice.access).body("application/octet-stream", &body).send().expect(200);
        let seen = upstream.last();
        assert!(seen.body == body, "{} bytes came of {}", seen.body.len(), body.len());
    }
}

#[test]
fn a_chunked_body_arrives_whole_and_framed_anew() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let mut raw = gateway.raw();
    raw.send(format!(
        "POST /app/x HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
        gateway.authority(),
        alice.access
    ));
    raw.answer().unwrap().expect(200);
    assert_eq!(upstream.only().body, b"abc0123456789abcdef");
    assert!(!String::from_utf8_lossy(&upstream.bytes()[0]).contains("ext=1"));
}

#[test]
fn a_request_body_is_streamed_not_collected() {
    let upstream = Upstream::talking(|wire| {
        wire.head();
        if wire.wait_for(b"first") {
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        if wire.wait_for(b"second") {
            wire.send(b"HTTP/1.1 200 OK\r\nX-Upstream: s\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let gateway = Gateway::start(&upstream);
    let mut raw = gateway.raw();
    raw.send(format!(
        "POST /pub/x HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
        gateway.authority()
    ));
    until("the first piece is there before the last is sent", SOON, || {
        upstream.bytes().iter().any(|bytes| bytes.windows(5).any(|window| window == b"first"))
    });
    raw.send("6\r\nsecond\r\n0\r\n\r\n");
    raw.answer().unwrap().expect(200);
}

#[test]
fn an_answer_is_streamed_not_collected() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::talking(move |wire| {
        wire.head();
        wire.send(b"HTTP/1.1 200 OK\r\nX-Upstream: s\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        gone.lock().unwrap().recv().unwrap_or_default();
        wire.send(b"6\r\nsecond\r\n0\r\n\r\n");
    });
    let gateway = Gateway::start(&upstream);
    let mut raw = gateway.raw();
    raw.send(format!("GET /pub/x HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.authority()));
    assert!(raw.wire.wait_for(b"first"), "the first piece comes before the last is there");
    go.send(()).unwrap();
    let answer = raw.answer().unwrap().expect(200);
    assert_eq!(answer.text(), "firstsecond");
    assert!(answer.whole);
}

#[test]
fn the_token_is_taken_off_unless_the_route_hands_it_on() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let gateway = Site::fixture(&upstream)
        .route(&format!("prefix = \"/maybe\"\nupstream = \"{url}\"\nauth = \"optional\""))
        .route(&format!("prefix = \"/handed\"\nupstream = \"{url}\"\nforward_token = true"))
        .start();
    let alice = gateway.register("alice");
    let bearer = format!("Bearer {}", alice.access);
    for (path, authorization, reaches) in [
        ("/app/x", bearer.as_str(), None),
        ("/maybe/x", bearer.as_str(), None),
        ("/pub/x", bearer.as_str(), None),
        ("/pub/x", "Basic YTpi", Some("Basic YTpi")),
        ("/handed/x", bearer.as_str(), Some(bearer.as_str())),
    ] {
        gateway.get(path).header("Authorization", authorization).header("Cookie", "app=1; b=\"2\"").send().expect(200);
        let seen = upstream.last();
        assert_eq!(seen.field("authorization"), reaches, "{path}");
        assert_eq!(seen.field("cookie"), Some("app=1; b=\"2\""), "{path}");
    }
    gateway.stands(&upstream);
}

#[test]
fn the_backend_learns_where_the_request_came_from() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let answer =
        gateway.get("/pub/x").header("Host", "shop.example:8080").header("X-Request-Id", "mine").send().expect(200);
    let seen = upstream.only();
    assert_eq!(seen.field("host"), Some("shop.example:8080"));
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.all("x-forwarded-host"), ["shop.example:8080"]);
    let id = seen.field("x-request-id").unwrap();
    assert_ne!(id, "mine", "a stranger does not choose the id");
    assert_eq!(answer.field("x-request-id"), Some(id));
}

#[test]
fn the_host_may_be_the_upstreams_own() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let gateway = Site::new()
        .set("upstreams.app", "urls", &format!("[\"{url}\"]"))
        .set("upstreams.app", "host_header", "\"upstream\"")
        .route("prefix = \"/\"\nupstream = \"app\"\nauth = \"none\"")
        .start();
    gateway.get("/x").header("Host", "shop.example").send().expect(200);
    assert_eq!(upstream.last().field("host"), url.strip_prefix("http://"));
    assert_eq!(upstream.last().field("x-forwarded-host"), Some("shop.example"));
}

#[test]
fn fields_of_one_connection_stay_on_it() {
    let upstream = Upstream::answering(|_| {
        Reply::new("200 OK", "Connection: x-private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nX-Public: 2\r\n", "x")
    });
    let gateway = Gateway::start(&upstream);
    let answer = gateway
        .get("/pub/x")
        .header("Connection", "x-mine, keep-alive")
        .header("X-Mine", "1")
        .header("TE", "trailers")
        .header("Keep-Alive", "timeout=5")
        .header("Proxy-Authorization", "Basic YTpi")
        .header("Upgrade", "websocket")
        .header("X-Kept", "2")
        .send()
        .expect(200);
    let seen = upstream.only();
    for gone in ["x-mine", "te", "keep-alive", "proxy-authorization", "upgrade"] {
        assert_eq!(seen.field(gone), None, "{gone}");
    }
    assert_eq!(seen.field("x-kept"), Some("2"));
    assert_eq!(answer.field("x-private"), None);
    assert_eq!(answer.field("keep-alive"), None);
    assert_eq!(answer.field("x-public"), Some("2"));
}

#[test]
fn answers_come_back_as_they_are() {
    let upstream = Upstream::answering(|seen| match seen.path() {
        "/pub/404" => {
            Reply::new("404 Gone Fishing", "Content-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n", "no")
        }
        "/pub/204" => Reply { bytes: b"HTTP/1.1 204 No Content\r\nX-Upstream: r\r\n\r\n".to_vec(), close: false },
        "/pub/304" => {
            Reply { bytes: b"HTTP/1.1 304 Not Modified\r\nX-Upstream: r\r\nETag: \"x\"\r\n\r\n".to_vec(), close: false }
        }
        "/pub/close" => Reply::bytes("HTTP/1.1 200 OK\r\nX-Upstream: r\r\n\r\nuntil the end"),
        _ => Reply::new("500 Oops", "", "boom"),
    });
    let gateway = Gateway::start(&upstream);
    let mut raw = gateway.raw();
    let gone = gateway.get("/pub/404").send_on(&mut raw).expect(404);
    assert_eq!(gone.text(), "no");
    assert_eq!(gone.head.all("set-cookie"), ["a=1", "b=2"]);
    gateway.get("/pub/204").send_on(&mut raw).expect(204);
    assert_eq!(gateway.get("/pub/304").send_on(&mut raw).expect(304).field("etag"), Some("\"x\""));
    assert_eq!(gateway.get("/pub/close").send_on(&mut raw).expect(200).text(), "until the end");
    assert_eq!(gateway.get("/pub/500").send_on(&mut raw).expect(500).text(), "boom");
}

#[test]
fn connections_to_the_backend_are_kept() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for _ in 0..20 {
        gateway.get("/pub/x").send().expect(200);
    }
    assert!(upstream.connections() <= 2, "{} connections for 20 requests", upstream.connections());
}

#[test]
fn a_backend_may_listen_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in listener.incoming().flatten() {
            let mut head = [0_u8; 4096];
            drop(stream.read(&mut head));
            drop(stream.write_all(
                b"HTTP/1.1 200 OK\r\nX-Upstream: unix\r\nContent-Length: 4\r\nConnection: close\r\n\r\nunix",
            ));
        }
    });
    let gateway =
        Site::new().route(&format!("prefix = \"/\"\nupstream = \"unix:{}\"\nauth = \"none\"", path.display())).start();
    assert_eq!(gateway.get("/x").send().expect(200).text(), "unix");
}

#[test]
fn one_connection_may_carry_many_people() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    let mut raw = gateway.raw();
    let mut bytes = Vec::new();
    bytes.extend(gateway.get("/app").bearer(&alice.access).bytes());
    bytes.extend(gateway.get("/app").bytes());
    bytes.extend(gateway.get("/pub").bytes());
    bytes.extend(gateway.get("/app").bearer(&bob.access).bytes());
    raw.send(bytes);
    let who = |answer: crate::support::Answer| {
        let fields = answer.json()["fields"].as_array().cloned().unwrap_or_default();
        fields
            .iter()
            .find(|field| field[0].as_str().unwrap().eq_ignore_ascii_case("x-user-name"))
            .map(|field| field[1].clone())
    };
    assert_eq!(who(raw.answer().unwrap().expect(200)), Some("alice".into()));
    raw.answer().unwrap().expect(401);
    assert_eq!(who(raw.answer().unwrap().expect(200)), None);
    assert_eq!(who(raw.answer().unwrap().expect(200)), Some("bob".into()));
    gateway.stands(&upstream);
}
