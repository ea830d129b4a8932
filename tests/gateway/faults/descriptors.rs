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
    let before = gateway.descriptors();
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
    until("all are given back", SOON, || gateway.descriptors() <= before);
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

/// Systems start programs with few and let them take more.
#[test]
fn it_takes_as_many_descriptors_as_the_system_lets_it_have_and_says_when_those_are_few() {
    let site = Site::fixture(&Upstream::start()).set("limits", "max_connections", "300");
    let gateway = site.under(&["prlimit", "--nofile=100:700"]).start();
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.process())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap().split_whitespace();
    assert_eq!(line.skip(3).take(2).collect::<Vec<_>>(), ["700", "700"]);
    assert!(!gateway.log_text().contains("too few file descriptors"));
    let crowd: Vec<Raw> = (0..250).map(|_| gateway.raw()).collect();
    gateway.is_alive();
    drop(crowd);
    let mut gateway = gateway;
    gateway.change(|site| site.under(&["prlimit", "--nofile=100:500"]));
    gateway.stop();
    gateway.run();
    until("it is said", SOON, || gateway.log_text().contains("too few file descriptors"));
}

fn may_open(gateway: &Gateway, most: usize) {
    let args = [format!("--pid={}", gateway.process()), format!("--nofile={most}:")];
    assert!(Command::new("prlimit").args(args).status().unwrap().success());
}
