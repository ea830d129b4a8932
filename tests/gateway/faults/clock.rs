//! The system's clock is wrong, and put right.
use crate::support::{Faults, Gateway, SOON, Site, Upstream, until};

const HOUR: i64 = 3600;

#[track_caller]
fn opens(gateway: &Gateway, access: &str) -> bool {
    let status = gateway.get("/app/x").bearer(access).send().status;
    assert!([200, 401].contains(&status), "{status}");
    status == 200
}

#[test]
fn a_clock_that_goes_forth_and_back_lets_nobody_in_and_keeps_nobody_out() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let gateway = faults.on(Site::fixture(&upstream)).start();
    let (mut alice, bob, carol) = (gateway.register("alice"), gateway.register("bob"), gateway.register("carol"));
    gateway.log_out(&bob.access).expect(204);
    let first = alice.access.clone();
    for off in [HOUR, -HOUR, 2 * HOUR, 0] {
        faults.clock_is_off_by(off);
        assert!(off == 0 || !opens(&gateway, &first), "off by {off}: from another time");
        assert!(!opens(&gateway, &bob.access), "off by {off}: signed out");
        gateway.refresh(&bob.refresh).expect(401);
        alice = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
        assert!(opens(&gateway, &alice.access), "off by {off}: renewed");
        // A bucket that seems to be of the future counts as empty and fills up as always.
        until("bob may try", SOON, || gateway.log_in("bob", &bob.password).status == 200);
        let new = gateway.sign_in("bob");
        assert!(opens(&gateway, &new.access), "off by {off}: signed in");
        gateway.log_out(&new.access).expect(204);
        assert!(!opens(&gateway, &new.access), "off by {off}: signed out");
    }
    let carol = gateway.person("carol", &gateway.refresh(&carol.refresh).expect(200));
    assert!(opens(&gateway, &carol.access) && opens(&gateway, &first));
    gateway.stands(&upstream);
}
