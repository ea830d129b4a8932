//! No memory left.
use std::fs;
use std::process::Command;

use crate::support::{Gateway, Reply, Site, Upstream};

const BODY: usize = 40 * 1024 * 1024;

#[test]
fn with_little_memory_bodies_pass_and_who_asks_for_a_hash_gets_it_or_is_refused() {
    let large = "x".repeat(BODY);
    let upstream = Upstream::answering(move |seen| {
        Reply::new("200 OK", "", if seen.target.ends_with("/large") { large.as_str() } else { "ok" })
    });
    let mut gateway = Site::fixture(&upstream)
        .set("passwords", "argon2", "{ memory = \"64MiB\", iterations = 1, lanes = 1 }")
        .set("limits", "max_body", "\"64MiB\"")
        .start();
    gateway.get("/pub/x").send().expect(200);
    // The threads that hash begin with room of their own.
    gateway.log_in("nobody", "nothing-of-his-1").refused(401, "invalid_credentials");
    may_use(&gateway, in_use(&gateway) + 16 * 1024);
    let resident = gateway.resident_kib();
    for _ in 0..3 {
        assert_eq!(gateway.get("/pub/large").send().expect(200).body.len(), BODY);
        gateway.post("/pub/up").body("text/plain", vec![b'x'; BODY]).send().expect(200);
    }
    let grown = gateway.resident_kib().saturating_sub(resident);
    assert!(grown < 16 * 1024, "{grown} KiB more than {resident}");
    // Several at once: what was kept is enough for one of them.
    let mut crowd: Vec<_> = (0..4).map(|_| gateway.raw()).collect();
    for (number, raw) in crowd.iter_mut().enumerate() {
        let body = format!("{{\"username\":\"m{number}\",\"password\":\"a-first-password-1\"}}");
        raw.send(gateway.post("/auth/register").body("application/json", body).bytes());
    }
    let said: Vec<_> = crowd.iter_mut().map(|raw| raw.answer().expect("an answer").status).collect();
    assert!(said.iter().all(|status| [201, 503].contains(status)), "{said:?}");
    gateway.is_alive();
    may_use(&gateway, 64 * 1024 * 1024);
    gateway.register("later");
    gateway.kill();
    gateway.run();
    gateway.sign_in("later");
    for (number, status) in said.iter().enumerate() {
        let signed_in = gateway.log_in(&format!("m{number}"), "a-first-password-1").status == 200;
        assert_eq!(signed_in, *status == 201, "m{number}");
    }
}

/// Address space, in KiB.
fn in_use(gateway: &Gateway) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn may_use(gateway: &Gateway, kib: u64) {
    let args = [format!("--pid={}", gateway.process()), format!("--as={}:", kib * 1024)];
    assert!(Command::new("prlimit").args(args).status().unwrap().success());
}
