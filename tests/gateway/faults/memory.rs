//! No memory left.
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::client::password_of;
use crate::support::{A_BUSY_SECOND, Gateway, Raw, Reply, Site, Upstream, authgate};

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

/// Two hundred megabytes each way, and more memory is not to be had than a few of its pieces take.
#[test]
fn two_hundred_megabytes_pass_up_and_down_through_a_process_that_may_hold_sixteen() {
    let upstream = Upstream::talking(|wire| {
        while let Some(head) = wire.head() {
            let length: usize = head.field("content-length").map_or(0, |length| length.parse().unwrap());
            let taken = if wire.passes_over(length) { length } else { 0 };
            if head.first.contains("/down") {
                wire.send(format!("HTTP/1.1 200 OK\r\nX-Upstream: far\r\nContent-Length: {LARGE}\r\n\r\n"));
                let piece = vec![b'x'; MEGABYTE];
                let _all = (0..LARGE / MEGABYTE).all(|_| wire.send(&piece));
            } else {
                wire.send(Reply::new("200 OK", "", taken.to_string()).bytes);
            }
        }
    });
    let gateway = Site::fixture(&upstream).set("limits", "max_body", "\"256MiB\"").start();
    gateway.is_alive();
    may_use(&gateway, in_use(&gateway) + 16 * 1024);
    let resident = gateway.resident_kib();
    for _ in 0..2 {
        let mut raw = gateway.raw();
        raw.send(gateway.get("/pub/down").bytes());
        assert!(raw.wire.head().unwrap().first.contains("200"));
        assert!(raw.wire.passes_over(LARGE), "it broke off");
        let begin = gateway.post("/pub/up").header("Content-Length", &LARGE.to_string());
        assert!(raw.send(begin.bytes()));
        let piece = vec![b'x'; MEGABYTE];
        assert!((0..LARGE / MEGABYTE).all(|_| raw.send(&piece)), "it was not taken");
        assert_eq!(raw.answer().expect("an answer").expect(200).text(), LARGE.to_string());
    }
    let grown = gateway.resident_kib().saturating_sub(resident);
    assert!(grown < 16 * 1024, "{grown} KiB more than {resident}");
    gateway.is_alive();
}

const MEGABYTE: usize = 1024 * 1024;
const LARGE: usize = 200 * MEGABYTE;

/// Less and less, until it refuses or ends. Then it says why, and nothing is lost.
#[test]
fn when_memory_truly_runs_out_it_refuses_or_ends_with_the_cause_and_what_was_acknowledged_is_there() {
    let mut gateway = Site::fixture(&Upstream::start()).start();
    gateway.register("first");
    let mut said: Vec<(String, Option<u16>)> = Vec::new();
    for turn in 0..6 {
        may_hold(&gateway, held(&gateway, "VmData:") + (4096 >> turn));
        let mut crowd: Vec<Raw> = (0..24).map(|_| gateway.raw()).collect();
        let name = |number: usize| format!("m{turn}-{number}");
        for (number, raw) in crowd.iter_mut().enumerate() {
            let body = json!({ "username": name(number), "password": password_of(&name(number)) });
            raw.send(gateway.post("/auth/register").header("X-Wide", &"x".repeat(30_000)).json(&body).bytes());
        }
        for (number, raw) in crowd.iter_mut().enumerate() {
            let status = raw.answer().filter(|answer| answer.whole).map(|answer| answer.status);
            assert!([None, Some(201), Some(503)].contains(&status), "{status:?}");
            said.push((name(number), status));
        }
        // Who got no answer may have seen it dying.
        let begun = Instant::now();
        while said.iter().rev().take(24).any(|(_, status)| status.is_none())
            && gateway.runs()
            && begun.elapsed() < A_BUSY_SECOND
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !gateway.runs() {
            break;
        }
    }
    assert!(said.iter().any(|(_, status)| *status != Some(201)), "there was memory enough for all");
    let refused = said.iter().any(|(_, status)| *status == Some(503));
    assert!(!gateway.runs() || refused, "it goes on and refused nobody: {said:?}");
    if !gateway.runs() {
        assert_eq!(gateway.wait_for_end(), None, "it goes on with memory that it does not have");
        let said = gateway.log_text();
        let why = ["memory allocation of ", "Cannot allocate memory", "Resource temporarily unavailable"];
        assert!(why.iter().any(|why| said.contains(why)), "it says why");
        gateway.run();
    }
    may_hold(&gateway, 64 * 1024 * 1024);
    authgate(gateway.folder(), gateway.site().variables(), &["store", "check"]).expect(0);
    gateway.sign_in("first");
    for (name, status) in said {
        let signs_in = gateway.log_in(&name, &password_of(&name)).status == 200;
        assert!(signs_in || status != Some(201), "{name} was acknowledged and is gone");
        let again = json!({ "username": name, "password": password_of(&name) });
        gateway.post("/auth/register").json(&again).send().expect(if signs_in { 409 } else { 201 });
    }
    gateway.is_alive();
}

/// Address space, in KiB.
fn in_use(gateway: &Gateway) -> u64 {
    held(gateway, "VmSize:")
}

fn held(gateway: &Gateway, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Memory that it may write to: the allocator sets address space aside that is not yet any.
fn may_hold(gateway: &Gateway, kib: u64) {
    let args = [format!("--pid={}", gateway.process()), format!("--data={}:", kib * 1024)];
    assert!(Command::new("prlimit").args(args).status().unwrap().success());
}

fn may_use(gateway: &Gateway, kib: u64) {
    let args = [format!("--pid={}", gateway.process()), format!("--as={}:", kib * 1024)];
    assert!(Command::new("prlimit").args(args).status().unwrap().success());
}
