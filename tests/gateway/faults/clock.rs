//! The system's clock is wrong, and put right.
use crate::support::{A_BUSY_SECOND, Browser, Faults, Gateway, SOON, Site, Upstream, authgate, until};

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

/// A machine that starts with a wrong clock and asks a time server a little later.
#[test]
fn a_start_with_a_clock_that_is_ahead_forgets_neither_who_was_signed_out_nor_who_is_signed_in() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let mut gateway = faults.on(Site::fixture(&upstream)).start();
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    gateway.log_out(&bob.access).expect(204);
    gateway.kill();
    faults.clock_is_off_by(100 * 24 * HOUR);
    gateway.run();
    // The store has one writer: what was begun at the start is done by then.
    let carol = gateway.register("carol");
    gateway.log_out(&carol.access).expect(204);
    assert!(!opens(&gateway, &alice.access));
    faults.clock_is_off_by(0);
    for _ in 0..2 {
        gateway.get("/app/x").bearer(&bob.access).send().refused(401, "session_ended");
        assert!(opens(&gateway, &alice.access));
        gateway.kill();
        gateway.run();
    }
    gateway.refresh(&alice.refresh).expect(200);
    gateway.sign_in("bob");
}

/// As between two nodes: the gateway's clock and that of the command that changes something.
#[test]
fn a_role_that_is_taken_away_is_gone_at_once_whichever_clock_is_ahead() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let right = Site::fixture(&upstream);
    let ahead = faults.on(right.clone());
    faults.clock_is_off_by(4);
    for (here, there) in [(&ahead, &right), (&right, &ahead)] {
        let gateway = here.clone().start();
        let edit = |how: &str| {
            authgate(gateway.folder(), there.variables(), &["user", "edit", "alice", how, "admin"]).expect(0);
        };
        gateway.register("alice");
        edit("--add-role");
        let (alice, browser) = (gateway.sign_in("alice"), Browser::new(&gateway));
        browser.sign_in("alice", "/app").expect(303);
        let admin = |token: &str| gateway.get("/app/admin").bearer(token).send().status;
        assert_eq!((admin(&alice.access), browser.open("/app/admin").status), (200, 200));
        edit("--remove-role");
        until("the token with the role is dead", A_BUSY_SECOND, || admin(&alice.access) == 401);
        assert_eq!(browser.open("/app/admin").status, 403, "and the next one good at once");
        let next = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
        assert_eq!((admin(&next.access), opens(&gateway, &next.access)), (403, true));
    }
}

#[test]
fn a_token_from_a_clock_that_was_far_ahead_ends_too_and_its_person_signs_in_anew() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let gateway = faults.on(Site::fixture(&upstream)).start();
    let alice = gateway.register("alice");
    faults.clock_is_off_by(HOUR);
    let alice = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    assert!(opens(&gateway, &alice.access));
    faults.clock_is_off_by(0);
    let args = ["user", "edit", "alice", "--add-role", "staff"];
    authgate(gateway.folder(), gateway.site().variables(), &args).expect(0);
    gateway.refresh(&alice.refresh).refused(401, "invalid_refresh_token");
    let again = gateway.sign_in("alice");
    assert!(opens(&gateway, &again.access));
    faults.clock_is_off_by(HOUR);
    until("its time has come, and it is dead", SOON, || !opens(&gateway, &alice.access));
}
