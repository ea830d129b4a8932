//! Several addresses behind one name: whose turn it is, who is left out, and what is tried again.
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::gateway::free_port;
use crate::support::{Gateway, Reply, Site, Upstream};

fn site(urls: &[String], more: &[(&str, &str)]) -> Gateway {
    let site = Site::new().set("upstreams.app", "urls", &format!("{urls:?}"));
    let site = more.iter().fold(site, |site, (key, value)| site.set("upstreams.app", key, value));
    site.route("prefix = \"/\"\nupstream = \"app\"\nauth = \"none\"").start()
}

#[test]
fn each_way_to_balance_spreads_or_holds_as_it_says() {
    for (balance, spreads) in [("least_requests", true), ("round_robin", true), ("client_ip", false), ("user", false)] {
        let (one, other) = (Upstream::start(), Upstream::start());
        let gateway = site(&[one.url(), other.url()], &[("balance", &format!("{balance:?}"))]);
        for _ in 0..24 {
            gateway.get("/x").send().expect(200);
        }
        let counts = [one.seen().len(), other.seen().len()];
        assert_eq!(counts.iter().sum::<usize>(), 24);
        assert_eq!(counts.contains(&0), !spreads, "{balance}: {counts:?}");
    }
}

#[test]
fn nobody_notices_an_address_that_is_down_and_it_is_left_out() {
    let one = Upstream::start();
    let dead = format!("http://127.0.0.1:{}", free_port());
    let gateway =
        site(&[dead, one.url()], &[("balance", "\"round_robin\""), ("eject_after", "3"), ("eject_for", "\"1h\"")]);
    for turn in 0..12 {
        let call = if turn % 2 == 0 { gateway.get("/x") } else { gateway.post("/x").body("text/plain", "abc") };
        call.send().expect(200);
    }
    assert_eq!(one.seen().len(), 12);
    assert_eq!(
        gateway.log_text().matches("left an address out").count(),
        1,
        "three failures, and then it is not asked"
    );
}

#[test]
fn without_retries_an_address_that_is_down_is_noticed() {
    let one = Upstream::start();
    let dead = format!("http://127.0.0.1:{}", free_port());
    let gateway = site(&[dead, one.url()], &[("balance", "\"round_robin\""), ("retries", "0")]);
    let mut statuses: Vec<_> = (0..4).map(|_| gateway.get("/x").send().status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 502, 502]);
}

#[test]
fn a_safe_request_is_tried_again_when_the_backend_cannot_answer_just_now() {
    for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let asked = AtomicUsize::new(0);
        let upstream = Upstream::answering(move |_| {
            let first = asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
            Reply::new(if first { status } else { "200 OK" }, "", "x")
        });
        let gateway = site(&[upstream.url()], &[]);
        gateway.get("/x").send().expect(200);
        assert_eq!(upstream.seen().len(), 2);
        let number = status[..3].parse().unwrap();
        gateway.post("/x").body("text/plain", "abc").send().expect(number);
        assert_eq!(upstream.seen().len(), 3, "a POST may have done something");
    }
    let upstream = Upstream::answering(|_| Reply::new("503 Service Unavailable", "Retry-After: 7\r\n", "busy"));
    let gateway = site(&[upstream.url()], &[("retries", "2")]);
    let answer = gateway.get("/x").send().expect(503);
    assert_eq!((answer.text().as_str(), answer.field("retry-after")), ("busy", Some("7")), "the backend's own answer");
    assert_eq!(upstream.seen().len(), 3);
    let error = Upstream::answering(|_| Reply::new("500 Internal Server Error", "", "x"));
    site(&[error.url()], &[]).get("/x").send().expect(500);
    assert_eq!(error.seen().len(), 1);
}
