//! A command dies between any two of its writes; the gateway beside it goes on, and what the command had said is there.
use crate::support::{Faults, Gateway, Ran, Site, Upstream, authgate};

fn run(gateway: &Gateway, args: &[&str]) -> Ran {
    authgate(gateway.folder(), gateway.site().variables(), args)
}

/// Runs `args` again and again, killed a write later each time, until it comes to its end; `look` is told whether it did.
fn dies_at_each_write(begin: impl Fn(&Gateway, i64) -> Vec<String>, look: impl Fn(&Gateway, i64, bool)) -> i64 {
    let faults = Faults::none();
    let mut gateway = faults.on(Site::fixture(&Upstream::start())).start();
    let mut writes = 1;
    loop {
        let args = begin(&gateway, writes);
        // The gateway feels the faults too, so it must not be there when they come.
        gateway.stop();
        faults.dies_at_write(writes);
        let ran = run(&gateway, &args.iter().map(String::as_str).collect::<Vec<_>>());
        faults.dies_at_write(0);
        gateway.run();
        assert!([0, -1].contains(&ran.code), "{ran:?}");
        look(&gateway, writes, ran.code == 0);
        run(&gateway, &["store", "check"]).expect(0);
        if ran.code == 0 {
            return writes - 1;
        }
        writes += 1;
    }
}

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn a_change_of_roles_that_dies_is_whole_or_not_at_all() {
    let begin = |gateway: &Gateway, writes| {
        let name = format!("d{writes}");
        gateway.register(&name);
        words(&["user", "edit", &name, "--add-role", "admin", "--yes"])
    };
    let deaths = dies_at_each_write(begin, |gateway, writes, done| {
        let name = format!("d{writes}");
        let status = gateway.get("/app/admin/x").bearer(&gateway.sign_in(&name).access).send().status;
        assert!(status == 200 || !done && status == 403, "done {done}: {status}");
    });
    assert!(deaths > 2, "it died only {deaths} times");
}

#[test]
fn a_rotation_that_dies_leaves_every_token_good_and_the_next_one_succeeds() {
    let alice = std::cell::OnceCell::new();
    let begin = |gateway: &Gateway, _| {
        alice.get_or_init(|| gateway.register("alice"));
        words(&["keys", "rotate"])
    };
    let deaths = dies_at_each_write(begin, |gateway, _, _| {
        gateway.get("/app/x").bearer(&alice.get().unwrap().access).send().expect(200);
        gateway.get("/app/x").bearer(&gateway.sign_in("alice").access).send().expect(200);
    });
    assert!(deaths > 2, "it died only {deaths} times");
}

#[test]
fn an_import_that_dies_is_run_again_and_everybody_is_there_once() {
    let table = |writes: i64| {
        let rows = (0..5).map(|row| format!("u{writes}x{row},u{writes}x{row}@example.com\n"));
        "username,email\n".to_owned() + &rows.collect::<String>()
    };
    let begin = |gateway: &Gateway, writes| {
        let path = gateway.folder().join("users.csv");
        std::fs::write(&path, table(writes)).unwrap();
        words(&["import", "users", path.to_str().unwrap()])
    };
    let deaths = dies_at_each_write(begin, |gateway, _, done| {
        let path = gateway.folder().join("users.csv");
        let again = run(gateway, &["import", "users", path.to_str().unwrap(), "--json"]).expect(0).json();
        let count = |name: &str| again[name].as_u64().unwrap_or_else(|| panic!("no {name}: {again}"));
        assert_eq!(count("added") + count("present"), 5, "{again}");
        assert!(!done || count("added") == 0, "{again}");
    });
    assert!(deaths > 2, "it died only {deaths} times");
}
