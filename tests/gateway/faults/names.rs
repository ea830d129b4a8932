//! Names that cannot be looked up.
use std::time::{Duration, Instant};

use crate::support::{Faults, Gateway, Names, SOON, Site, Upstream, until};

fn behind_a_name(upstream: &Upstream, faults: &Faults) -> Gateway {
    let named = format!("http://backend.test:{}", upstream.port);
    let route = format!("prefix = \"/named\"\nupstream = \"{named}\"\nauth = \"none\"");
    faults.on(Site::fixture(upstream).route(&route)).start()
}

#[test]
fn a_name_that_is_not_found_is_the_backends_fault_and_is_asked_for_again() {
    let (upstream, faults) = (Upstream::answering(|_| closing()), Faults::none());
    let gateway = behind_a_name(&upstream, &faults);
    gateway.get("/named/x").send().expect(200);
    faults.names(Names::NotFound);
    gateway.get("/named/x").send().refused(502, "upstream_refused");
    gateway.get("/pub/x").send().expect(200);
    faults.names(Names::Known);
    until("the backend is found again", SOON, || gateway.get("/named/x").send().status == 200);
}

#[test]
fn a_name_server_that_says_nothing_holds_up_nobody_else() {
    let (upstream, faults) = (Upstream::answering(|_| closing()), Faults::none());
    let gateway = behind_a_name(&upstream, &faults);
    let alice = gateway.register("alice");
    faults.names(Names::NobodyAnswers);
    let mut stuck: Vec<_> = (0..30).map(|_| gateway.raw()).collect();
    for raw in &mut stuck {
        raw.send(gateway.get("/named/x").bytes());
    }
    let begun = Instant::now();
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    gateway.sign_in("alice");
    assert!(begun.elapsed() < Duration::from_secs(3), "the others waited {:?}", begun.elapsed());
    for raw in &mut stuck {
        let status = raw.answer().expect("an answer").status;
        assert!([502, 504].contains(&status), "{status}");
    }
    faults.names(Names::Known);
    until("the backend is found again", SOON, || gateway.get("/named/x").send().status == 200);
}

/// So that each request asks for the name.
fn closing() -> crate::support::Reply {
    crate::support::Reply { close: true, ..crate::support::Reply::new("200 OK", "Connection: close\r\n", "") }
}
