//! The system has no random bytes left to give.
use std::collections::HashSet;

use crate::support::{Faults, Site, Upstream, authgate};

const NEW_SECRET: &[&str] = &["keys", "new-secret"];
const NEW_TOKEN: &[&str] = &["token", "create", "--scope", "s", "--expires", "1d"];
/// Whoever asks the system first says one of these.
const CAUSES: [&str; 3] = ["entropy fill failed", "getrandom: Input/output error", "failed to generate random data"];

/// What was seeded goes on for a while, as it is made to; then there is nothing in its place.
#[test] // K08
fn without_the_systems_randomness_nothing_is_made_of_less_and_nothing_starts() {
    let faults = Faults::none();
    let mut gateway = faults.on(Site::fixture(&Upstream::start())).start();
    let alice = gateway.register("alice");
    faults.randomness_fails(true);
    let (mut raw, mut made) = (gateway.raw(), HashSet::new());
    for turn in 0.. {
        assert!(turn < 50_000, "it needs no randomness of the system's");
        raw.send(gateway.get("/auth/login").bytes());
        let Some(page) = raw.answer().filter(|answer| answer.whole) else { break };
        let cookie = page.expect(200).field("set-cookie").expect("a cookie for the form").to_owned();
        assert!(cookie.len() > 43 && made.insert(cookie), "made twice");
    }
    assert_eq!(gateway.wait_for_end(), None, "it ends rather than go on");
    assert!(gateway.log_text().contains(CAUSES[0]), "and says why");
    let ask = |args: &[&str]| authgate(gateway.folder(), gateway.site().variables(), args);
    for args in [&["run", "-c", "gateway.toml"], NEW_SECRET, NEW_TOKEN] {
        let ran = ask(args);
        // The standard library asks for some before we do, and panics.
        assert!([-1, 101].contains(&ran.code) && ran.out.is_empty(), "{args:?}: {} {}", ran.code, ran.out);
        assert!(CAUSES.iter().any(|cause| ran.err.contains(cause)), "{args:?}: {}", ran.err);
    }
    faults.randomness_fails(false);
    for args in [NEW_SECRET, NEW_TOKEN] {
        assert_ne!(ask(args).expect(0).out, "", "{args:?}");
    }
    gateway.run();
    gateway.refresh(&alice.refresh).expect(200);
    gateway.leaks_nothing();
}
