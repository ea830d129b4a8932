//! `authgate store …`: the tables, copies between engines, backups.
use serde_json::Value;

use crate::support::servers::{Kind, Server};
use crate::support::{A_BUSY_SECOND, Gateway, Ran, Site, Upstream, authgate, until};

/// The verb with the gateway's file, on another store when there is one.
fn store(gateway: &Gateway, url: Option<&str>, args: &[&str]) -> Ran {
    let args: Vec<_> = ["store"].iter().chain(args).copied().collect();
    let url = url.map(|url| ("AUTHGATE__STORE__URL".to_owned(), url.to_owned()));
    authgate(gateway.folder(), url.as_slice(), &args)
}

fn counted(gateway: &Gateway, url: Option<&str>) -> Value {
    store(gateway, url, &["check", "--json"]).expect(0).json()["rows"].clone()
}

#[test]
fn all_of_a_store_moves_from_engine_to_engine_and_people_stay_signed_in() {
    let (Some(postgres), Some(mysql)) = (Server::start(Kind::Postgres), Server::start(Kind::MySql)) else { return };
    let upstream = Upstream::start();
    let mut gateway = Gateway::with(Site::fixture(&upstream));
    for number in 0..12 {
        gateway.register(&format!("user{number}"));
    }
    let alice = gateway.register("alice");
    let gone = gateway.sign_in("alice");
    gateway.log_out(&gone.access).expect(204);
    gateway.stop();
    let (first, second) = (postgres.database("people"), mysql.database("people"));
    let here = counted(&gateway, None);
    assert_eq!((here["users"].as_u64(), here["sessions"].as_u64()), (Some(13), Some(14)));
    let stations =
        [(None, first.as_str()), (Some(first.as_str()), second.as_str()), (Some(second.as_str()), "sqlite:end.db")];
    for (from, to) in stations {
        let copied = store(&gateway, from, &["copy", "--to", to, "--json"]).expect(0);
        assert_eq!(copied.json()["rows"], here, "{to}");
        assert!(copied.err.contains(r#""progress":"copying""#), "{}", copied.err);
        assert_eq!(counted(&gateway, Some(to)), here, "{to}");
    }
    let again = store(&gateway, None, &["copy", "--to", &first]).expect(1);
    assert!(again.err.contains("not empty"), "{}", again.err);
    for url in [second.as_str(), "sqlite:end.db"] {
        gateway.change(|site| site.set("store", "url", &format!("\"{url}\"")));
        gateway.run();
        gateway.get("/app/x").bearer(&alice.access).send().expect(200);
        gateway.get("/app/x").bearer(&gone.access).send().refused(401, "session_ended");
        gateway.sign_in("alice");
        gateway.stop();
    }
    gateway.run();
    gateway.refresh(&alice.refresh).expect(200);
}

#[test]
fn what_a_backup_holds_can_be_put_back() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    store(&gateway, None, &["backup", "kept.db"]).expect(0);
    store(&gateway, None, &["backup", "kept.db"]).expect(1);
    gateway.register("bob");
    store(&gateway, None, &["restore", "kept.db"]).expect(1);
    gateway.sign_in("bob");
    let said = store(&gateway, None, &["restore", "kept.db", "-y"]).expect(0).out;
    assert!(said.contains("1 users"), "{said}");
    gateway.sign_in("alice");
    gateway.log_in("bob", "seven green bottles").refused(401, "invalid_credentials");
    let files: Vec<_> = std::fs::read_dir(gateway.folder()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name.to_string_lossy().contains("part")), "{files:?}");
}

/// What runs goes on with what it has in memory unless it is told.
#[test]
fn whoever_a_restore_removes_is_out_of_a_running_gateway_within_a_second() {
    let mut gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    store(&gateway, None, &["backup", "kept.db"]).expect(0);
    let bob = gateway.register("bob");
    let again = gateway.sign_in("alice");
    let robot = authgate(
        gateway.folder(),
        &[],
        &["token", "create", "--name", "robot", "--scope", "a", "--expires", "1h", "--json"],
    )
    .expect(0)
    .json();
    let robot = robot["token"].as_str().unwrap();
    let all = [&bob.access, &again.access, &alice.access, robot];
    until("the machine is known", A_BUSY_SECOND, || gateway.get("/app/x").bearer(robot).send().status == 200);
    for token in all {
        gateway.get("/app/x").bearer(token).send().expect(200);
    }

    store(&gateway, None, &["restore", "kept.db", "-y"]).expect(0);
    for token in all {
        until("it is believed no more", A_BUSY_SECOND, || gateway.get("/app/x").bearer(token).send().status == 401);
    }
    gateway.get("/app/x").bearer(&bob.access).send().refused(401, "session_ended");
    gateway.refresh(&bob.refresh).refused(401, "invalid_refresh_token");
    let alice = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);

    gateway.stop();
    gateway.run();
    gateway.get("/app/x").bearer(&bob.access).send().refused(401, "session_ended");
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    gateway.leaks_nothing();
}

#[test]
fn with_migrate_manual_the_operator_brings_the_tables_up_to_date() {
    let gateway = Gateway::start(&Upstream::start());
    let manual = |args: &[&str]| {
        let variables = [("AUTHGATE__STORE__URL", "sqlite:new.db"), ("AUTHGATE__STORE__MIGRATE", "manual")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        authgate(gateway.folder(), &variables, args)
    };
    let token = ["token", "create", "--name", "a", "--scope", "a", "--expires", "1h"];
    let refused = manual(&token).expect(3);
    assert!(refused.err.contains("authgate store migrate"), "{}", refused.err);
    manual(&["store", "check"]).expect(1);
    manual(&["store", "migrate"]).expect(0);
    manual(&["user", "list"]).expect(0);
    manual(&["store", "check"]).expect(0);
}

#[test]
fn a_store_that_cannot_be_reached_is_said_without_its_password() {
    let gateway = Gateway::start(&Upstream::start());
    let ran = store(&gateway, Some("postgres://gw:hunter22@127.0.0.1:9/people"), &["check"]).expect(3);
    assert!(!ran.err.is_empty() && !ran.err.contains("hunter22"), "{}", ran.err);
    let shown = authgate(
        gateway.folder(),
        &[("AUTHGATE__STORE__URL".to_owned(), "mysql://gw:hunter22@db/x".to_owned())],
        &["check", "--show"],
    );
    assert!(shown.out.contains("mysql://gw:") && !shown.out.contains("hunter22"), "{}", shown.out);
}

#[test]
fn a_question_makes_no_store() {
    let gateway = Gateway::start(&Upstream::start());
    store(&gateway, None, &["backup", "kept.db"]).expect(0);
    std::fs::write(gateway.folder().join("users.csv"), "username\nann\n").unwrap();
    let nowhere = [("AUTHGATE__STORE__URL".to_owned(), "sqlite:nowhere.db".to_owned())];
    let verbs: [&[&str]; 8] = [
        &["user", "list"],
        &["user", "show", "ann"],
        &["user", "edit", "ann", "--set", "a=b"],
        &["session", "list"],
        &["token", "list"],
        &["token", "revoke", "01J8ZKQ5W3B0X7M9N2P4R6T8V0"],
        &["export", "users"],
        &["import", "undo", "1"],
    ];
    for verb in verbs {
        let ran = authgate(gateway.folder(), &nowhere, verb).expect(3);
        assert!(ran.out.is_empty() && ran.err.contains("there is no store"), "{verb:?} {ran:?}");
    }
    let dry = authgate(gateway.folder(), &nowhere, &["import", "users", "users.csv", "--dry-run"]).expect(0);
    assert!(dry.out.starts_with("1 would be added, 0 were there already"), "as into an empty one: {}", dry.out);
    authgate(gateway.folder(), &nowhere, &["store", "restore", "kept.db"]).expect(1);
    assert!(!gateway.folder().join("nowhere.db").exists());
    authgate(gateway.folder(), &nowhere, &["import", "users", "users.csv"]).expect(0);
    authgate(gateway.folder(), &nowhere, &["user", "show", "ann"]).expect(0);
}

#[test]
fn a_backup_stays_as_it_is_also_one_of_an_older_version() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    store(&gateway, None, &["backup", "kept.db"]).expect(0);
    let path = gateway.folder().join("kept.db");
    let older = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.executescript(sys.argv[2])\ndb.close()\n";
    let change = "DELETE FROM _sqlx_migrations WHERE version = 33; DROP INDEX passkey_challenges_by_user;";
    let files = || {
        let names =
            std::fs::read_dir(gateway.folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("kept")).collect();
        names.sort();
        (names, std::fs::read(&path).unwrap())
    };
    for is_older in [false, true] {
        if is_older {
            let made = std::process::Command::new("python3").args(["-c", older]).arg(&path).arg(change).status();
            if !made.is_ok_and(|made| made.success()) {
                eprintln!("!! SKIPPED: python3 is not installed; `scripts/prepare test` installs it");
                return;
            }
        }
        let before = files();
        store(&gateway, None, &["restore", "kept.db"]).expect(1);
        assert!(files() == before, "asked only; older: {is_older}, {:?}", files().0);
        let name = format!("bob{is_older}");
        gateway.register(&name);
        store(&gateway, None, &["restore", "kept.db", "-y"]).expect(0);
        assert!(files() == before, "restored; older: {is_older}, {:?}", files().0);
        gateway.log_in(&name, "seven green bottles").refused(401, "invalid_credentials");
        gateway.sign_in("alice");
    }
    std::fs::write(gateway.folder().join("nothing.db"), "").unwrap();
    let nothing = store(&gateway, None, &["restore", "nothing.db", "-y"]).expect(3);
    assert!(nothing.err.contains("holds no store"), "{}", nothing.err);
    gateway.sign_in("alice");
}
