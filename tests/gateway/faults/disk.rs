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

/// What a backup writes first is its log, and the file comes from that: there is a moment in which all is committed and
/// the file, which alone is kept, does not have it.
#[test]
fn a_backup_on_a_disk_that_fills_up_is_whole_or_refused() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let gateway = faults.on(Site::fixture(&upstream)).start();
    let folder = gateway.folder();
    let rows: String = (0..1500).map(|row| format!("u{row},u{row}@example.com\n")).collect();
    std::fs::write(folder.join("users.csv"), format!("username,email\n{rows}")).unwrap();
    let run = |args: &[&str]| authgate(folder, gateway.site().variables(), args);
    run(&["import", "users", "users.csv"]).expect(0);
    let whole = run(&["store", "backup", "first.db", "--json"]).expect(0).json();
    let size = i64::try_from(std::fs::metadata(folder.join("first.db")).unwrap().len()).unwrap();
    let mut refused = 0;
    for eighths in 1..=20 {
        faults.room(size * eighths / 8);
        let ran = run(&["store", "backup", "kept.db", "--json"]);
        faults.room(-1);
        let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let kept: Vec<_> = names.filter(|name| name.starts_with("kept.db")).collect();
        if ran.code == 0 {
            assert_eq!(kept, ["kept.db"], "{eighths}");
            let url = [("AUTHGATE__STORE__URL".to_owned(), "sqlite:kept.db".to_owned())];
            let there = authgate(folder, &url, &["store", "check", "--json"]).expect(0).json();
            assert_eq!(there["rows"], whole["rows"], "{eighths}");
            std::fs::remove_file(folder.join("kept.db")).unwrap();
        } else {
            let ran = ran.expect(3);
            assert!(ran.out.is_empty() && ran.err.contains("full"), "{eighths}: {ran:?}");
            assert!(kept.is_empty(), "{eighths}: {kept:?}");
            refused += 1;
        }
    }
    assert!((8..20).contains(&refused), "refused {refused} times");
}

#[test]
fn an_import_that_fails_midway_says_what_it_did_and_can_be_taken_back() {
    let (upstream, faults) = (Upstream::start(), Faults::none());
    let gateway = faults.on(Site::fixture(&upstream)).start();
    let folder = gateway.folder();
    let rows: String = (0..1700).map(|row| format!("u{row},u{row}@example.com\n")).collect();
    std::fs::write(folder.join("users.csv"), format!("username,email\n{rows}")).unwrap();
    let run = |args: &[&str]| authgate(folder, gateway.site().variables(), args);
    for room in (1..).map(|turn| turn * 100 * 1024) {
        faults.room(room);
        let ran = run(&["import", "users", "users.csv"]);
        faults.room(-1);
        let first = ran.out.lines().next().unwrap_or_default().to_owned();
        assert!(ran.code == 3, "{room}: it never failed in the middle: {ran:?}");
        if first.starts_with("0 added") || first.is_empty() {
            continue;
        }
        let added = first.split(' ').next().unwrap();
        assert!(ran.err.contains(&format!("stopped after {added} of 1,700 rows")), "{ran:?}");
        let added = added.replace(',', "");
        let number = ran.out.rsplit(' ').next().unwrap().trim();
        assert!(ran.out.contains("Undo: authgate import undo") && ran.err.contains("What was added stays"), "{ran:?}");
        let undone = run(&["import", "undo", number, "--json"]).expect(0).json();
        assert_eq!(undone["removed"].to_string(), added);
        return;
    }
}
