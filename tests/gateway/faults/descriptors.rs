//! No file descriptors left.
use std::fs;
use std::process::Command;

use crate::support::{Gateway, Raw, SOON, Site, Upstream, until};

#[test]
fn when_descriptors_are_used_up_others_wait_and_are_served_when_there_are_some() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).start();
    let alice = gateway.register("alice");
    let mut kept = gateway.raw();
    gateway.get("/app/x").bearer(&alice.access).send_on(&mut kept).expect(200);
    let before = open(&gateway);
    may_open(&gateway, before + 8);
    let crowd: Vec<Raw> = (0..40).map(|_| gateway.raw()).collect();
    until("none is left", SOON, || gateway.log_text().contains("cannot accept connections"));
    for _ in 0..5 {
        gateway.get("/app/x").bearer(&alice.access).send_on(&mut kept).expect(200);
    }
    // Somebody waits at the door, and is let in when the crowd has gone.
    let mut waiting = gateway.raw();
    waiting.send(gateway.get("/app/x").bearer(&alice.access).bytes());
    drop(crowd);
    assert_eq!(waiting.answer().expect("an answer").status, 200);
    gateway.sign_in("alice");
    gateway.is_alive();
    drop((waiting, kept));
    until("all are given back", SOON, || open(&gateway) <= before);
    assert!(gateway.log_text().matches("cannot accept connections").count() < 60, "it is said now and then");
}

/// A connection was let in with the last descriptor: there is none for its backend.
#[test]
fn without_a_descriptor_for_the_backend_the_answer_says_so_and_nothing_hangs() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).start();
    let mut raw = gateway.raw();
    gateway.get("/auth/healthz").send_on(&mut raw).expect(200);
    may_open(&gateway, 3);
    gateway.get("/pub/x").send_on(&mut raw).refused(502, "upstream_refused");
    may_open(&gateway, 1000);
    gateway.get("/pub/x").send_on(&mut raw).expect(200);
    gateway.is_alive();
}

fn open(gateway: &Gateway) -> usize {
    // Only root may look into a process that leaves no core; to others it counts itself.
    match fs::read_dir(format!("/proc/{}/fd", gateway.process())) {
        Ok(open) => open.count(),
        Err(_) => {
            let metrics = gateway.admin("GET", "/metrics").send().expect(200).text();
            let told = metrics.lines().find_map(|line| line.strip_prefix("process_open_fds ")).unwrap();
            told.trim().parse().unwrap()
        }
    }
}

fn may_open(gateway: &Gateway, most: usize) {
    let args = [format!("--pid={}", gateway.process()), format!("--nofile={most}:")];
    assert!(Command::new("prlimit").args(args).status().unwrap().success());
}
