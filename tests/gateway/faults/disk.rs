//! The disk is full.
use crate::support::{Faults, SOON, Site, Upstream, authgate, until};

#[test]
fn a_full_disk_acknowledges_nothing_and_is_over_when_there_is_room() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let mut gateway = faults.on(Site::fixture(&upstream)).start();
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    faults.disk_is_full(true);
    for _ in 0..3 {
        gateway.get("/app/x").bearer(&alice.access).send().expect(200);
        gateway.log_in("alice", &alice.password).refused(503, "unavailable");
        gateway.log_in("alice", "wrong one 1").refused(401, "invalid_credentials");
        gateway.refresh(&bob.refresh).refused(503, "unavailable");
        gateway.log_out(&bob.access).refused(503, "unavailable");
    }
    gateway.get("/auth/healthz").send().expect(200);
    faults.disk_is_full(false);
    until("people can sign in again", SOON, || gateway.log_in("alice", &alice.password).status == 200);
    let next = gateway.person("bob", &gateway.refresh(&bob.refresh).expect(200));
    gateway.get("/app/x").bearer(&next.access).send().expect(200);
    gateway.log_out(&next.access).expect(204);
    gateway.get("/app/x").bearer(&next.access).send().refused(401, "session_ended");
    gateway.kill();
    gateway.run();
    gateway.get("/app/x").bearer(&next.access).send().refused(401, "session_ended");
    gateway.sign_in("bob");
    authgate(gateway.folder(), gateway.site().variables(), &["store", "check"]).expect(0);
    gateway.leaks_nothing();
}

/// The log fills the same disk; requests do not wait for it.
#[test]
fn requests_are_answered_while_no_log_line_can_be_written() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let gateway = faults.on(Site::fixture(&upstream)).start();
    faults.disk_is_full(true);
    for number in 0..200 {
        gateway.get(&format!("/pub/unwritten/{number}")).send().expect(200);
    }
    faults.disk_is_full(false);
    gateway.get("/pub/written").send().expect(200);
    until("lines are written again", SOON, || gateway.log_text().contains("/pub/written"));
}
