//! Health checks: an address that fails them is left out, comes back when it passes, and is forgotten when the file does.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::authority::Authority;
use crate::support::gateway::free_port;
use crate::support::{Gateway, Reply, SOON, Site, Upstream, authgate, until};

/// An upstream that is as well as the flag says; what it is asked beside is answered 200.
fn patient() -> (Upstream, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&well);
    let upstream = Upstream::answering(move |seen| {
        let well = seen.target != "/healthz" || flag.load(Ordering::SeqCst);
        Reply::new(if well { "200 OK" } else { "503 Service Unavailable" }, "", "x")
    });
    (upstream, well)
}

fn asked(upstream: &Upstream) -> usize {
    upstream.seen().iter().filter(|seen| seen.target != "/healthz").count()
}

fn checked(upstream: &Upstream) -> usize {
    upstream.seen().iter().filter(|seen| seen.target == "/healthz").count()
}

fn site(urls: &[String], more: &[(&str, &str)]) -> Site {
    let site = Site::new()
        .set("upstreams.app", "urls", &format!("{urls:?}"))
        .set("upstreams.app", "health_path", "\"/healthz\"")
        .set("upstreams.app", "health_interval", "\"50ms\"");
    let site = more.iter().fold(site, |site, (key, value)| site.set("upstreams.app", key, value));
    site.route("prefix = \"/\"\nupstream = \"app\"\nauth = \"none\"")
}

#[test]
fn readiness_tells_when_each_address_of_an_upstream_fails_and_goes_on() {
    let ((one, well), (other, other_well)) = (patient(), patient());
    let gateway = site(&[one.url(), other.url()], &[]).start();
    let told = || {
        let [public, admin] = [gateway.get("/auth/readyz").send(), gateway.admin("GET", "/readyz").send()];
        assert_eq!(public.json(), admin.json());
        assert_eq!(public.json()["status"], "ok");
        public.expect(200).json()["checks"]["upstreams"].as_str().unwrap().to_owned()
    };
    assert_eq!(told(), "ok");
    well.store(false, Ordering::SeqCst);
    until("the address is left out", SOON, || gateway.log_text().contains("it fails its health check"));
    assert_eq!(told(), "ok", "the other one is well");
    other_well.store(false, Ordering::SeqCst);
    until("readiness tells", SOON, || up(&gateway).as_deref() == Some("0"));
    assert_eq!(told(), "failed");
    well.store(true, Ordering::SeqCst);
    until("it is well again", SOON, || up(&gateway).as_deref() == Some("1"));
    assert_eq!(told(), "ok");
}

fn up(gateway: &Gateway) -> Option<String> {
    let page = gateway.admin("GET", "/metrics").send().text();
    let line = page.lines().find_map(|line| line.strip_prefix("authgate_upstream_up{upstream=\"app\"} "));
    line.map(str::to_owned)
}

#[test]
fn an_address_that_fails_is_left_out_and_comes_back_and_both_are_told_once() {
    let ((one, well), (other, _)) = (patient(), patient());
    let gateway = site(&[one.url(), other.url()], &[("balance", "\"round_robin\""), ("eject_for", "\"50ms\"")]).start();
    assert_eq!(up(&gateway).as_deref(), Some("1"));
    well.store(false, Ordering::SeqCst);
    until("the address is left out", SOON, || gateway.log_text().contains("it fails its health check"));
    let before = asked(&one);
    (0..10).for_each(|_| drop(gateway.get("/x").send().expect(200)));
    assert_eq!((asked(&one), asked(&other) >= 10), (before, true));
    assert_eq!(up(&gateway).as_deref(), Some("1"), "the other one is well");
    well.store(true, Ordering::SeqCst);
    until("the address is back", SOON, || {
        gateway.get("/x").send().expect(200);
        asked(&one) > before
    });
    until("that is told", SOON, || gateway.log_text().contains("passes its health check again"));
    let log = gateway.log_text();
    assert_eq!(log.matches("it fails its health check").count(), 1);
    assert_eq!(log.matches("passes its health check again").count(), 1);
    let check = one.seen().into_iter().find(|seen| seen.target == "/healthz").unwrap();
    assert_eq!((check.method.as_str(), check.field("host")), ("GET", Some(one.url().trim_start_matches("http://"))));
    assert!(check.field("user-agent").is_some_and(|agent| agent.contains("health check")));
}

#[test]
fn where_every_address_fails_nobody_is_sent_there() {
    let (one, well) = patient();
    let gateway = site(&[one.url()], &[]).start();
    gateway.get("/x").send().expect(200);
    well.store(false, Ordering::SeqCst);
    until("nobody is well", SOON, || up(&gateway).as_deref() == Some("0"));
    let before = asked(&one);
    gateway.get("/x").send().refused(503, "no_healthy_upstream");
    assert_eq!(asked(&one), before);
    well.store(true, Ordering::SeqCst);
    until("it is well again", SOON, || gateway.get("/x").send().status == 200);
    // What cannot be reached at all fails too.
    let dead = site(&[format!("http://127.0.0.1:{}", free_port())], &[]).start();
    until("nobody is there", SOON, || up(&dead).as_deref() == Some("0"));
    dead.get("/x").send().refused(503, "no_healthy_upstream");
}

#[test]
fn what_is_no_longer_in_the_file_is_checked_no_more() {
    let ((gone, _), (kept, _)) = (patient(), patient());
    let mut gateway = site(&[gone.url()], &[]).start();
    until("it is checked", SOON, || checked(&gone) > 1);
    gateway.change(|site| site.set("upstreams.app", "urls", &format!("[\"{}\"]", kept.url())));
    authgate(gateway.folder(), &[], &["reload"]).expect(0);
    until("the other is checked", SOON, || checked(&kept) > 1);
    let (before, then) = (checked(&gone), checked(&kept));
    until("it was checked for some more time", SOON, || checked(&kept) > then + 5);
    assert!(checked(&gone) <= before + 1, "one may have been under way");
    gateway.change(|site| {
        site.set("upstreams.app", "health_path", "\"/other\"").set("upstreams.app", "health_interval", "\"1h\"")
    });
    authgate(gateway.folder(), &[], &["reload"]).expect(0);
    assert_eq!(up(&gateway).as_deref(), Some("1"));
}

#[test]
fn a_backend_whose_certificate_is_not_believed_fails() {
    let authority = Authority::new();
    let ca = authority.quoted("ca.pem");
    let (plain, _) = patient();
    let gateway = site(&[plain.url().replace("http", "https")], &[("ca", &ca)]).start();
    until("it is left out", SOON, || gateway.log_text().contains("it fails its health check"));
    gateway.get("/x").send().refused(503, "no_healthy_upstream");
}
