//! Caches between the gateway and people: what is somebody's is given to nobody else. SECURITY-CASES D09.
use std::net::TcpStream;

use crate::support::gateway::free_port;
use crate::support::{Browser, Call, Gateway, Person, Reply, SOON, Site, Upstream, nginx, until};

/// A backend that knows nothing of caches, and says to them what stands in the query.
fn careless() -> Upstream {
    Upstream::answering(|seen| {
        let said = seen.target.split_once('?').map_or("", |(_, said)| said);
        let fields = match said {
            "public" => "Cache-Control: public, max-age=600\r\n",
            "shared" => "Cache-Control: max-age=600, s-maxage=600\r\n",
            "cdn" => "Cache-Control: max-age=600\r\nCDN-Cache-Control: max-age=600\r\nX-Accel-Expires: 600\r\n",
            "fresh" => "Cache-Control: max-age=600\r\n",
            "old" => "Last-Modified: Mon, 02 Jan 2006 15:04:05 GMT\r\nExpires: Fri, 01 Jan 2100 00:00:00 GMT\r\n",
            "none" => "Cache-Control: no-store\r\n",
            _ => "",
        };
        Reply::new("200 OK", fields, format!("for {}", seen.field("x-user-name").unwrap_or("nobody")))
    })
}

const SAID: [&str; 7] = ["public", "shared", "cdn", "fresh", "old", "none", ""];

#[test] // D09
fn what_a_backend_lets_be_shared_is_private_where_it_is_somebodys() {
    let upstream = careless();
    let gateway = site(&upstream).start();
    let alice = gateway.register("alice");
    let says = |path: &str, person: Option<&Person>, method: &str| {
        let call = gateway.call(method, path);
        let answer = person.map_or(call.clone(), |person| call.bearer(&person.access)).send().expect(200);
        let field = |name: &str| answer.field(name).unwrap_or_default().to_owned();
        (field("cache-control"), field("vary"), field("cdn-cache-control") + &field("x-accel-expires"))
    };
    let both = "authorization, cookie";
    for (path, person, method, cache, vary, aside) in [
        ("/app/x?public", Some(&alice), "GET", "private, max-age=600", both, ""),
        ("/app/x?public", Some(&alice), "POST", "private, max-age=600", "", ""),
        ("/app/x?shared", Some(&alice), "HEAD", "private, max-age=600", both, ""),
        ("/app/x?cdn", Some(&alice), "GET", "max-age=600", both, ""),
        ("/app/x?old", Some(&alice), "GET", "", both, ""),
        ("/app/x?none", Some(&alice), "GET", "no-store", "", ""),
        ("/open/x?public", Some(&alice), "GET", "private, max-age=600", both, ""),
        ("/open/x?public", None, "GET", "public, max-age=600", both, ""),
        // Nobody is asked here: the answer is the backend's.
        ("/pub/x?public", Some(&alice), "GET", "public, max-age=600", "", ""),
        ("/pub/x?cdn", None, "GET", "max-age=600", "", "max-age=600600"),
    ] {
        let expected = (cache.to_owned(), vary.to_owned(), aside.to_owned());
        assert_eq!(says(path, person, method), expected, "{method} {path}");
    }
    let bearer_only = site(&upstream).set("tokens", "locations", "[\"header\"]").start();
    let bob = bearer_only.register("bob");
    let answer = bearer_only.get("/app/x").bearer(&bob.access).send().expect(200);
    assert_eq!(answer.field("vary"), Some("authorization"));
}

#[test] // D09
fn a_caching_nginx_before_the_gateway_gives_nobody_what_is_anothers() {
    let upstream = careless();
    let gateway: Gateway = site(&upstream).start();
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let http = format!(
        "proxy_cache_path {}/cache keys_zone=all:1m;\nserver {{\nlisten 127.0.0.1:{port};\nlocation / {{\n\
         proxy_pass http://{};\nproxy_set_header Host $http_host;\nproxy_cache all;\nproxy_cache_key $request_uri;\n\
         add_header X-Cache $upstream_cache_status;\n}}\n}}",
        folder.path().display(),
        gateway.authority(),
    );
    let Some(_nginx) = nginx(&http) else { return };
    until("nginx listens", SOON, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    let browser = Browser::new(&gateway);
    browser.sign_in("alice", "/app/x").expect(303);
    let get = |path: &str| Call::new(&gateway, port, "GET", path);
    for said in SAID {
        for way in ["/app/x", "/open/x"] {
            let path = format!("{way}?{said}");
            for _ in 0..2 {
                assert_eq!(get(&path).bearer(&alice.access).send().expect(200).text(), "for alice", "{path}");
                assert_eq!(browser.send(get(&path)).expect(200).text(), "for alice", "{path}");
                assert_eq!(get(&path).bearer(&bob.access).send().expect(200).text(), "for bob", "{path}");
                let stranger = get(&path).send();
                assert!(stranger.status == 401 || stranger.text() == "for nobody", "{path}: {}", stranger.text());
            }
        }
    }
    // It does keep what it may.
    let kept = || get("/pub/x?public").send().expect(200).field("x-cache") == Some("HIT");
    assert!(kept() || kept());
}

fn site(upstream: &Upstream) -> Site {
    Site::fixture(upstream)
        .route(&format!("prefix = \"/open\"\nupstream = \"{}\"\nauth = \"optional\"", upstream.url()))
}
