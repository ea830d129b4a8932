//! Networks that lose packets: a fifth of them, or all.
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::client::password_of;
use crate::support::relay::port_of;
use crate::support::servers::{Kind, Server};
use crate::support::{Network, Raw, Reply, SOON, Site, Upstream, until};

#[test]
fn with_a_fifth_of_all_packets_lost_answers_are_right_or_errors_in_time() {
    Network::of_its_own(
        "faults::losses::with_a_fifth_of_all_packets_lost_answers_are_right_or_errors_in_time",
        |network| {
            let upstream = Upstream::answering(|seen| Reply::new("200 OK", "", answer_to(&seen.target, &seen.body)));
            let gateway = Site::fixture(&upstream)
                .set("upstreams.far", "urls", &format!("[\"{}\"]", upstream.url()))
                .set("upstreams.far", "response_timeout", "\"5s\"")
                .set("upstreams.far", "idle_timeout", "\"5s\"")
                .set("limits", "header_timeout", "\"60s\"")
                .route("prefix = \"/far\"\nupstream = \"far\"\nauth = \"none\"")
                .start();
            network.loses(20, [upstream.port]);
            let told = Mutex::new(HashMap::new());
            let ask = |who: usize| {
                for turn in 0..3 {
                    let (target, begun) = (format!("/far/{who}-{turn}"), Instant::now());
                    let body = target.repeat(1000);
                    let posts = turn % 2 == 0;
                    let call =
                        if posts { gateway.post(&target).body("text/plain", &body) } else { gateway.get(&target) };
                    let mut raw = gateway.raw();
                    raw.send(call.bytes());
                    let answer = raw.answer().unwrap_or_else(|| panic!("{target}: no answer"));
                    assert!(begun.elapsed() < Duration::from_secs(18), "{target}: {:?}", begun.elapsed());
                    assert!([200, 502, 504].contains(&answer.status), "{target}: {}", answer.status);
                    if answer.status == 200 && answer.whole {
                        let right = answer_to(&target, if posts { body.as_bytes() } else { b"" });
                        assert!(answer.body == right.as_bytes(), "{target}: another's answer");
                    }
                    told.lock().unwrap().insert(target, (posts, answer.status));
                }
            };
            thread::scope(|all| drop((0..8).map(|who| all.spawn(move || ask(who))).collect::<Vec<_>>()));
            let told = told.into_inner().unwrap();
            let well = told.values().filter(|(_, status)| *status == 200).count();
            assert!(well * 2 > told.len(), "only {well} of {}", told.len());
            let seen = upstream.seen();
            for (target, (posts, status)) in told {
                let times = seen.iter().filter(|seen| seen.target == target && seen.whole).count();
                assert!(times <= 1 || !posts, "{target} was done {times} times");
                assert!(times >= 1 || status != 200, "{target} was answered and never asked");
            }
            // And between client and gateway. A client that loses its SYN and then its request twice is heard after ten seconds.
            network.loses(20, [gateway.port]);
            for turn in 0..6 {
                let target = format!("/far/again-{turn}");
                let mut raw = gateway.raw();
                raw.wire.stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                let answer = gateway.get(&target).send_on(&mut raw).expect(200);
                assert!(answer.whole && answer.body == answer_to(&target, b"").as_bytes(), "{target}");
            }
            network.is_well();
            gateway.is_alive();
        },
    );
}

/// Long enough for some packets, and nobody else's.
fn answer_to(target: &str, body: &[u8]) -> String {
    format!("{}{}", target.repeat(1000), String::from_utf8_lossy(body))
}

#[test]
fn with_a_fifth_of_all_packets_to_postgres_lost_what_is_acknowledged_is_there() {
    Network::of_its_own(
        "faults::losses::with_a_fifth_of_all_packets_to_postgres_lost_what_is_acknowledged_is_there",
        |network| {
            let Some(server) = Server::start(Kind::Postgres) else { return };
            let (upstream, store) = (Upstream::start(), server.database("people"));
            let gateway = Site::fixture(&upstream)
                .set("store", "url", &format!("{store:?}"))
                .set("tokens", "refresh_grace", "\"60s\"")
                .start();
            let alice = gateway.register("alice");
            network.loses(20, [port_of(&store)]);
            let kept = Mutex::new((Vec::new(), Vec::new()));
            let ask = |path: &str, name: &str| {
                let begun = Instant::now();
                let body = json!({ "username": name, "password": password_of(name) });
                let mut raw = gateway.raw();
                // Each statement has its deadline, and a sign-in has several.
                raw.wire.stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                raw.send(gateway.post(path).json(&body).bytes());
                let answer = raw.answer().unwrap_or_else(|| panic!("{path} {name}: no answer"));
                assert!(begun.elapsed() < Duration::from_secs(60), "{path} {name}: {:?}", begun.elapsed());
                assert!([200, 201, 409, 503].contains(&answer.status), "{path} {name}: {}", answer.text());
                (answer.status < 300).then(|| answer.json()["refresh_token"].as_str().unwrap().to_owned())
            };
            let live = |who: usize| {
                let name = format!("p{who}");
                if ask("/auth/register", &name).is_some() {
                    kept.lock().unwrap().0.push(name);
                }
                if let Some(refresh) = ask("/auth/login", "alice") {
                    kept.lock().unwrap().1.push(refresh);
                }
                let begun = Instant::now();
                gateway.get("/app/x").bearer(&alice.access).send().expect(200);
                assert!(begun.elapsed() < Duration::from_secs(2), "a known token waited {:?}", begun.elapsed());
            };
            thread::scope(|all| drop((0..2).map(|who| all.spawn(move || live(who))).collect::<Vec<_>>()));
            network.is_well();
            until("the node is ready", SOON, || gateway.get("/auth/readyz").send().status == 200);
            let (people, sign_ins) = kept.into_inner().unwrap();
            assert!(people.len() + sign_ins.len() > 0, "{people:?} and {} sign-ins", sign_ins.len());
            for name in &people {
                gateway.sign_in(name);
            }
            for refresh in &sign_ins {
                gateway.refresh(refresh).expect(200);
            }
            gateway.leaks_nothing();
        },
    );
}

#[test]
fn a_link_that_is_cut_while_requests_are_under_way_ends_them_in_time_and_service_returns_with_it() {
    Network::of_its_own(
        "faults::losses::a_link_that_is_cut_while_requests_are_under_way_ends_them_in_time_and_service_returns_with_it",
        |network| {
            let link_is_cut = Arc::new(AtomicBool::new(false));
            let (near, far) = (Upstream::start(), far_backend(Arc::clone(&link_is_cut)));
            let gateway = Site::fixture(&near)
                .set("upstreams.far", "urls", &format!("[\"{}\"]", far.url()))
                .set("upstreams.far", "connect_timeout", "\"1s\"")
                .set("upstreams.far", "response_timeout", "\"2s\"")
                .set("upstreams.far", "idle_timeout", "\"2s\"")
                .set("limits", "body_timeout", "\"2s\"")
                .set("limits", "max_body", "\"64MiB\"")
                .route("prefix = \"/far\"\nupstream = \"far\"\nauth = \"none\"")
                .start();
            gateway.register("alice");
            gateway.get("/far/x").send().expect(200);
            gateway.get("/pub/x").send().expect(200);
            let mut under_way = Vec::new();
            for target in ["/far/waits", "/far/half", "/far/endless"] {
                under_way.extend((0..3).map(|_| sends(&gateway.get(target).bytes(), gateway.raw())));
            }
            let up = gateway.post("/far/waits").header("Content-Length", "60000000").bytes();
            under_way.extend((0..3).map(|_| sends(&[up.as_slice(), &[b'x'; 100_000]].concat(), gateway.raw())));
            until("all are with the backend", SOON, || far.connections() >= under_way.len());
            network.cuts([far.port]);
            link_is_cut.store(true, Ordering::SeqCst);
            let cut = Instant::now();
            let ended: Vec<_> = under_way.into_iter().map(|raw| thread::spawn(move || ends(raw))).collect();
            for (number, ended) in ended.into_iter().enumerate() {
                let (status, whole) = ended.join().unwrap();
                assert!([504, 502, 408].contains(&status) || !whole, "{number}: {status}");
            }
            assert!(cut.elapsed() < Duration::from_secs(12), "the last ended after {:?}", cut.elapsed());
            for _ in 0..3 {
                let begun = Instant::now();
                let status = gateway.get("/far/x").send().status;
                assert!([502, 503, 504].contains(&status), "{status}");
                assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
                gateway.get("/pub/x").send().expect(200);
                gateway.sign_in("alice");
            }
            until("nothing is held of it", SOON, || network.opened(far.port) == 0);
            network.is_well();
            until("service returns", SOON, || gateway.get("/far/x").send().status == 200);
            for _ in 0..5 {
                gateway.get("/far/x").send().expect(200);
            }
            gateway.is_alive();
        },
    );
}

/// Waits for the link to be cut before it answers or in the middle of its answer, or never ends it.
fn far_backend(link_is_cut: Arc<AtomicBool>) -> Upstream {
    Upstream::talking(move |wire| {
        let waits = || until("the link is cut", SOON, || link_is_cut.load(Ordering::SeqCst));
        while let Some(head) = wire.head() {
            let target = head.first.split(' ').nth(1).unwrap_or_default().to_owned();
            let said = match target.as_str() {
                "/far/waits" => {
                    waits();
                    wire.send(Reply::new("200 OK", "", "late").bytes)
                }
                "/far/half" => {
                    wire.send("HTTP/1.1 200 OK\r\nX-Upstream: far\r\nContent-Length: 8\r\n\r\nhalf");
                    waits();
                    wire.send("half")
                }
                "/far/endless" => {
                    wire.send("HTTP/1.1 200 OK\r\nX-Upstream: far\r\nContent-Length: 90000000\r\n\r\n");
                    while wire.send([b'x'; 1000]) {
                        thread::sleep(Duration::from_millis(20));
                    }
                    false
                }
                _ => wire.send(Reply::new("200 OK", "", "ok").bytes),
            };
            if !said {
                return;
            }
        }
    })
}

fn sends(bytes: &[u8], mut raw: Raw) -> Raw {
    raw.send(bytes);
    raw
}

fn ends(mut raw: Raw) -> (u16, bool) {
    raw.answer().map_or((0, false), |answer| (answer.status, answer.whole))
}
