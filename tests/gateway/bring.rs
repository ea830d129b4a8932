//! `authgate import`, `export` and `user hashes`: people come with the hashes that another program made, and sign in at once.
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::gateway::command;
use crate::support::{Gateway, Ran, SOON, Upstream, authgate, interrupt, until};

/// Made by the real libraries; see tests/data/password-hashes.json.
const BCRYPT: &str = "$2b$10$xl2Hx1pyGIv4GM8tR3jycezDRH0UMKlf.BR/I5L6Pl0JSicoCSIZC";
const WERKZEUG: &str = "scrypt:16384:8:1$gUo5u9JKVZS0r2vO$8fd2f75621adb7aa6a0238e63277634f37c307643bc16ea8936e074f20912aae5bb6b76dde4ea880e2d8e5b376516d8e4100a3447f31fff11cb679f5408f5f6c";
const PASSWORD: &str = "correct horse battery staple";

fn run(gateway: &Gateway, args: &[&str]) -> Ran {
    authgate(gateway.folder(), gateway.site().variables(), args)
}

fn file(gateway: &Gateway, name: &str, text: &str) -> String {
    let path = gateway.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn hashes(gateway: &Gateway) -> Value {
    run(gateway, &["user", "hashes", "--json"]).expect(0).json()
}

#[test]
fn people_of_a_table_sign_in_at_once_and_their_hashes_become_ours() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let table = format!(
        "email,username,name,password_hash,roles,disabled,created_at\n\
         bob@example.com,bob,\"Bob, the Builder\",{BCRYPT},admin;staff,,2020-01-02T03:04:05Z\n\
         cy@example.com,cy,,{WERKZEUG},,false,1577934245\n\
         alice2@example.com,alice,,,,,\n\
         not-an-email,dan,,,,,\n\
         eve@example.com,eve,,$S$Dxyz,,,\n\
         mallory@example.com,mallory,,$2b$31$xl2Hx1pyGIv4GM8tR3jycezDRH0UMKlf.BR/I5L6Pl0JSicoCSIZC,,,\n\
         fay@example.com,fay,,,,true,2020-01-02\n"
    );
    let path = file(&gateway, "users.csv", &table);
    let dry = run(&gateway, &["import", "users", &path, "--dry-run"]).expect(0);
    assert!(dry.out.starts_with("3 would be added, 1 were there already, 3 refused\n"), "{}", dry.out);
    run(&gateway, &["user", "show", "bob"]).expect(1);
    let ran = run(&gateway, &["import", "users", &path]).expect(0);
    let lines: Vec<_> = ran.out.lines().collect();
    assert_eq!(lines[0], "3 added, 1 were there already, 3 refused");
    assert_eq!(lines[1], "line 5: \"not-an-email\" is not an e-mail address");
    assert_eq!(lines[2], "line 6: hash scheme \"$S$\" is not known: see authgate help import");
    assert_eq!(lines[3], "line 7: the bcrypt hash asks for more work or memory than is allowed");
    assert!(
        lines[4].contains("become argon2id at the next login") && lines[4].ends_with("Undo: authgate import undo 1")
    );
    assert!(
        ran.err.contains("users.csv: 7 users; username, email, name, password_hash (bcrypt, scrypt, unknown), roles"),
        "{}",
        ran.err
    );
    let bob = run(&gateway, &["user", "show", "bob", "--json"]).expect(0).json();
    assert_eq!(
        (bob["name"].as_str(), bob["created_at"].as_str()),
        (Some("Bob, the Builder"), Some("2020-01-02T03:04:05.000Z"))
    );
    assert!(bob["roles"].as_array().unwrap().contains(&json!("staff")), "{bob}");
    assert!(hashes(&gateway).to_string().contains(r#"{"scheme":"bcrypt","people":1,"to_be_replaced":true}"#));
    for name in ["bob", "cy"] {
        gateway.log_in(name, "wrong horse battery staple").refused(401, "invalid_credentials");
        gateway.log_in(name, PASSWORD).expect(200);
        gateway.log_in(name, PASSWORD).expect(200);
    }
    let kinds = hashes(&gateway);
    assert!(!kinds.to_string().contains("bcrypt") && !kinds.to_string().contains("scrypt"), "{kinds}");
    // Who signed in since stays; who did not goes.
    let undone = run(&gateway, &["import", "undo", "1"]).expect(0);
    assert!(undone.out.starts_with("import 1: 1 removed\n2 stay"), "{}", undone.out);
    run(&gateway, &["user", "show", "fay"]).expect(1);
    run(&gateway, &["import", "undo", "9"]).expect(1);
    gateway.is_alive();
}

#[test]
fn the_same_file_twice_adds_nobody_twice() {
    let gateway = Gateway::start(&Upstream::start());
    let path = file(
        &gateway,
        "people.jsonl",
        "{\"username\":\"ann\"}\n\n{\"username\":\"bob\",\"attributes\":{\"team\":\"red\"}}\nnonsense\n{\"username\":\"ann\"}\n",
    );
    let first = run(&gateway, &["import", "users", &path, "--json"]).expect(0).json();
    assert_eq!(
        (&first["added"], &first["present"], &first["refused"][0]["line"]),
        (&json!(2), &json!(1), &json!(4)),
        "{first}"
    );
    let again = run(&gateway, &["import", "users", &path, "--json"]).expect(0).json();
    assert_eq!((&again["added"], &again["present"]), (&json!(0), &json!(3)));
    assert_eq!(run(&gateway, &["user", "show", "bob", "--json"]).expect(0).json()["attributes"]["team"], "red");
}

#[test]
fn a_dry_run_counts_as_the_import_does_also_where_somebody_stands_in_the_file_twice() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let table = "username,email\n\
        ann,ann@example.com\nANN,\n,Ann@Example.com\nbob,ann@example.com\n\
        alice,cy@example.com\ncy,cy@example.com\nbob,\n";
    let path = file(&gateway, "users.csv", table);
    let dry = run(&gateway, &["import", "users", &path, "--dry-run"]).expect(0);
    assert!(dry.out.starts_with("3 would be added, 4 were there already, 0 refused\n"), "{}", dry.out);
    let ran = run(&gateway, &["import", "users", &path]).expect(0);
    assert!(ran.out.starts_with("3 added, 4 were there already, 0 refused\n"), "{}", ran.out);
}

#[test]
fn a_role_that_was_taken_away_does_not_come_back_with_an_export() {
    let here = Gateway::start(&Upstream::start());
    for name in ["alice", "bob", "cy"] {
        here.register(name);
    }
    run(&here, &["user", "edit", "alice", "--remove-role", "user"]).expect(0);
    run(&here, &["user", "edit", "bob", "--remove-role", "user", "--add-role", "admin"]).expect(0);
    let table = run(&here, &["export", "users"]).expect(0).out;
    let lines = run(&here, &["export", "users", "--json"]).expect(0).out;
    for (name, text) in [("out.csv", table), ("out.jsonl", lines)] {
        let there = Gateway::start(&Upstream::start());
        let path = file(&there, name, &text);
        run(&there, &["import", "users", &path]).expect(0);
        let roles = |name: &str| run(&there, &["user", "show", name, "--json"]).expect(0).json()["roles"].clone();
        assert_eq!((roles("alice"), roles("bob"), roles("cy")), (json!([]), json!(["admin"]), json!(["user"])));
        let rows = |gateway: &Gateway| {
            let text = run(gateway, &["export", "users"]).expect(0).out;
            text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(rows(&there), rows(&here));
        let path = file(&there, "unsaid.csv", "username\ndan\n");
        run(&there, &["import", "users", &path]).expect(0);
        assert_eq!(roles("dan"), json!(["user"]));
    }
}

#[test]
fn what_is_exported_is_imported_elsewhere() {
    let here = Gateway::start(&Upstream::start());
    here.register("alice");
    let row = format!(
        "username,email,email_verified,password_hash,scopes,attributes\nbob,b@example.com,yes,{BCRYPT},a:b;c,\"{{\"\"team\"\":\"\"re,d\"\"}}\"\n"
    );
    let path = file(&here, "users.csv", &row);
    run(&here, &["import", "users", &path]).expect(0);
    let there = Gateway::start(&Upstream::start());
    let table = there.folder().join("out.csv").to_str().unwrap().to_owned();
    run(&here, &["export", "users", &table]).expect(0);
    run(&here, &["export", "users", &table]).expect(1);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&table).unwrap().permissions()) & 0o777;
    assert_eq!(mode, 0o600);
    let lines = file(&there, "out.jsonl", &run(&here, &["export", "users", "--json"]).expect(0).out);
    assert!(
        run(&there, &["import", "users", &table]).expect(0).out.starts_with("2 added, 0 were there already, 0 refused")
    );
    assert!(
        run(&there, &["import", "users", &lines]).expect(0).out.starts_with("0 added, 2 were there already, 0 refused")
    );
    let shown = run(&there, &["user", "show", "bob", "--json"]).expect(0).json();
    assert_eq!(
        (&shown["scopes"], &shown["attributes"]["team"], &shown["email_verified"]),
        (&json!(["a:b", "c"]), &json!("re,d"), &json!(true))
    );
    there.log_in("bob", PASSWORD).expect(200);
    there.sign_in("alice");
}

#[test]
fn the_files_of_other_programs_are_read() {
    let gateway = Gateway::start(&Upstream::start());
    let keycloak = json!({ "realm": "x", "users": [{ "username": "kc", "firstName": "Kay", "lastName": "Cee", "enabled": true, "emailVerified": true,
        "email": "kc@example.com", "createdTimestamp": 1_577_934_245_000_u64, "realmRoles": ["default-roles-x", "admin"], "attributes": { "team": ["red"] },
        "credentials": [{ "type": "password",
            "secretData": "{\"value\":\"2vYh9ksC9kxiaKQM9RYe6HXqm7kc+GanaBWDlasp2I4=\",\"salt\":\"aUlaSFRBMnRSR0JudjBxQjJKOEFRNg==\"}",
            "credentialData": "{\"hashIterations\":1000000,\"algorithm\":\"pbkdf2-sha256\",\"additionalParameters\":{}}" }] },
        { "username": "kc2", "credentials": [{ "type": "password",
            "secretData": "{\"value\":\"Ok0swXLccUcfU3ffFx9I9e4OGBRaY3jLAWq/tCR0bfE=\",\"salt\":\"YalrY1dkGBwRx7bW+n6L4g==\"}",
            "credentialData": "{\"hashIterations\":2,\"algorithm\":\"argon2\",\"additionalParameters\":{\"hashLength\":[\"32\"],\"memory\":[\"19456\"],\"type\":[\"id\"],\"version\":[\"1.3\"],\"parallelism\":[\"1\"]}}" }] }] });
    let firebase = json!({ "users": [{ "localId": "1", "email": "fb@example.com", "displayName": "Eff Bee", "createdAt": "1577934245000",
        "passwordHash": "lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==", "salt": "42xEC-ixf3L2lw==" }] });
    let project = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n";
    let project = file(&gateway, "hash.txt", project);
    let pepper = file(&gateway, "pepper.txt", "pepper-0123456789\n");
    let files: [(&str, String, &[&str]); 8] = [
        ("realm.json", keycloak.to_string(), &["--from", "keycloak"]),
        ("firebase.json", serde_json::to_string_pretty(&firebase).unwrap(), &["--from", "firebase", "--firebase-config", &project]),
        ("users_database.yml", format!("users:\n  au:\n    disabled: false\n    displayname: 'A U'\n    password: '{BCRYPT}'\n    email: au@example.com\n    groups:\n      - admins\n      - dev\n"), &[]),
        (".htpasswd", "# people\nap:$apr1$hp4j3E.1$3lZgH4I8M.bV/p/uXjmpH.\nsha:{SHA}q/eq1kOINtvlJqojGr3i0O73TUI=\n".to_owned(), &[]),
        ("supabase.csv", format!("id,email,encrypted_password,email_confirmed_at,raw_user_meta_data,created_at\n1,su@example.com,{BCRYPT},2024-01-02 03:04:05.123+00,\"{{\"\"full_name\"\":\"\"Su Pa\"\"}}\",2024-01-02 03:04:05+00\n"), &["--from", "supabase"]),
        ("auth0.json", format!("{{\"_id\":{{\"$oid\":\"1\"}},\"email\":\"a0@example.com\",\"email_verified\":true,\"username\":\"a0\",\"passwordHash\":\"{BCRYPT}\"}}\n"), &["--from", "auth0"]),
        ("devise.csv", "username,password_hash\nde,$2a$11$bhbvDUMpwONtqAB69VFzROfXwmYVL3TdDEP/h6Ovdx4tsG8ufZ11K\n".to_owned(), &["--pepper-file", &pepper]),
        ("flask.json", "[{\"username\":\"fl\",\n\"password_hash\":\"$2b$10$..LL/hBuo49kdAtjFoE3TObOr07vanepBrlwb8cY5WhHXUirWbFv2\"}]".to_owned(), &["--prehash", "sha256-hex"]),
    ];
    for (name, text, flags) in files {
        let path = file(&gateway, name, &text);
        let args: Vec<_> = ["import", "users", path.as_str()].iter().chain(flags).copied().collect();
        let ran = run(&gateway, &args).expect(0);
        assert!(ran.out.contains("0 were there already, 0 refused"), "{name}: {}", ran.out);
    }
    for name in ["kc", "kc2", "au", "ap", "sha", "a0", "de", "fl"] {
        gateway.log_in(name, PASSWORD).expect(200);
    }
    let show = |name: &str| run(&gateway, &["user", "show", name, "--json"]).expect(0).json();
    assert_eq!((&show("kc")["name"], &show("kc")["attributes"]["team"]), (&json!("Kay Cee"), &json!("red")));
    assert_eq!(show("au")["roles"], json!(["admins", "dev"]));
    assert_eq!((&show("kc")["roles"], &show("kc2")["roles"]), (&json!(["admin", "user"]), &json!(["user"])));
    assert_eq!(
        (&show("su@example.com")["name"], &show("su@example.com")["email_verified"]),
        (&json!("Su Pa"), &json!(true))
    );
    assert_eq!(show("fb@example.com")["name"], "Eff Bee");
}

#[test]
fn a_file_that_cannot_be_read_says_what_to_do() {
    let gateway = Gateway::start(&Upstream::start());
    let strange = file(&gateway, "users.txt", "x");
    assert!(run(&gateway, &["import", "users", &strange]).expect(1).err.contains("say --from csv"));
    let table = file(&gateway, "users.csv", "a,b\n1,2\n");
    assert!(run(&gateway, &["import", "users", &table]).expect(3).err.contains("names neither username nor email"));
    assert!(run(&gateway, &["import", "users", "missing.csv"]).expect(3).err.contains("cannot read"));
    let project =
        json!({ "users": [{ "email": "a@example.com", "passwordHash": "AAAA", "salt": "AAAA" }] }).to_string();
    let path = file(&gateway, "fb.json", &project);
    assert!(
        run(&gateway, &["import", "users", &path, "--from", "firebase"])
            .expect(0)
            .out
            .contains("--firebase-config FILE")
    );
    let bytes = gateway.folder().join("odd.csv");
    std::fs::write(&bytes, b"username\nann\n\xff\xfe\nbob\n").unwrap();
    let ran = run(&gateway, &["import", "users", bytes.to_str().unwrap()]).expect(0);
    assert!(ran.out.starts_with("2 added, 0 were there already, 1 refused\nline 3: "), "{}", ran.out);
}

/// 20,000 people; the whole is a matter of seconds even without optimisation.
fn crowd(folder: &Path) -> String {
    let path = folder.join("crowd.csv");
    let rows = (0..20_000).map(|number| format!("u{number},u{number}@example.com,{BCRYPT}\n"));
    std::fs::write(&path, "username,email,password_hash\n".to_owned() + &rows.collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_crowd_is_quick_and_an_interrupted_import_goes_on() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let path = crowd(gateway.folder());
    let child = command(gateway.folder(), gateway.site().variables())
        .args(["import", "users", &path])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let some = || run(&gateway, &["user", "show", "u600"]).code == 0;
    until("some are there", SOON, some);
    interrupt(child.id());
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{told}");
    assert!(told.contains("the same command goes on where this one stopped"), "{told}");
    // A gateway that serves meanwhile is not in the way, and not held up.
    gateway.sign_in("alice");
    let begun = Instant::now();
    let ran = run(&gateway, &["import", "users", &path, "--json"]).expect(0).json();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let (added, present) = (ran["added"].as_u64().unwrap(), ran["present"].as_u64().unwrap());
    assert_eq!(added + present, 20_000, "{ran}");
    assert!(present >= 500, "{ran}");
    gateway.log_in("u19999", PASSWORD).expect(200);
}

#[test]
fn a_most_used_password_cannot_be_chosen() {
    let gateway = Gateway::start(&Upstream::start());
    let target = format!("{}/register", gateway.auth_prefix());
    let answer = gateway.post(&target).json(&json!({ "username": "zoe", "password": "Password1" })).send();
    let body = answer.refused(422, "weak_password").json();
    assert_eq!(body["errors"][0]["error"], "weak_password", "{body}");
    assert_eq!(body["errors"][0]["detail"], "is one of the 100,000 most used passwords", "{body}");
}

#[test]
fn tuning_prints_a_line_that_the_file_takes() {
    let gateway = Gateway::start(&Upstream::start());
    let ran = run(&gateway, &["passwords", "tune", "--target", "1ms"]).expect(0);
    assert_eq!(ran.out, "argon2 = { memory = \"19MiB\", iterations = 2, lanes = 1 }\n");
    let path = file(
        &gateway,
        "tuned.toml",
        &format!("[[routes]]\nprefix = \"/\"\nupstream = \"http://127.0.0.1:3000\"\n[passwords]\n{}", ran.out),
    );
    run(&gateway, &["check", "-c", &path]).expect(0);
    run(&gateway, &["passwords", "tune", "--target", "soon"]).expect(2);
}

#[test]
fn a_file_that_is_named_and_not_there_is_no_answer() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    let path = file(&gateway, "users.csv", "username\nbob\n");
    for args in [
        ["user", "password", "alice", "--password-file", "nowhere"],
        ["import", "users", &path, "--pepper-file", "nowhere"],
        ["import", "users", &path, "--firebase-config", "nowhere"],
    ] {
        let ran = run(&gateway, &args).expect(3);
        assert!(ran.err.contains("cannot read"), "{args:?} {}", ran.err);
    }
}

#[test]
fn what_no_store_could_keep_or_show_is_refused_row_by_row() {
    let gateway = Gateway::start(&Upstream::start());
    let large = "x".repeat(17_000);
    let lines = [
        r#"{"username":"ann","created_at":18446744073709551615}"#.to_owned(),
        r#"{"username":"bob","created_at":"1969-12-31T23:59:59Z"}"#.to_owned(),
        r#"{"username":"cy","created_at":"9223372036854775807"}"#.to_owned(),
        format!(r#"{{"username":"dan","attributes":{{"photo":"{large}"}}}}"#),
        r#"{"username":"eve","created_at":0}"#.to_owned(),
    ];
    let path = file(&gateway, "users.jsonl", &lines.join("\n"));
    let dry = run(&gateway, &["import", "users", &path, "--dry-run", "--json"]).expect(0).json();
    assert_eq!((&dry["added"], dry["refused"].as_array().unwrap().len()), (&json!(1), 4), "{dry}");
    let ran = run(&gateway, &["import", "users", &path]).expect(0).out;
    for said in ["line 2: created_at", "line 3: created_at", "not between 1970 and 9999", "line 4: attributes are more"]
    {
        assert!(ran.contains(said), "{said}: {ran}");
    }
    let eve = run(&gateway, &["user", "show", "eve", "--json"]).expect(0).json();
    assert_eq!(eve["created_at"], "1970-01-01T00:00:00.000Z");
    // Little by little is too much as well, and what is there can be taken away.
    let set = |name: &str, letters: usize| {
        run(&gateway, &["user", "edit", "eve", "--set", &format!("{name}={}", "x".repeat(letters))])
    };
    set("a", 9000).expect(0);
    let refused = set("b", 9000).expect(1);
    assert!(refused.err.contains("attributes are more than 16 KiB together"), "{}", refused.err);
    set("a", 0).expect(0);
    set("b", 9000).expect(0);
}

#[test]
fn a_quote_that_is_not_closed_is_told_where_it_begins() {
    let gateway = Gateway::start(&Upstream::start());
    let rows = |many: usize| (0..many).map(|row| format!("u{row},Somebody\n")).collect::<String>();
    let refused = |name: &str, text: &str| {
        let ran = run(&gateway, &["import", "users", &file(&gateway, name, text), "--dry-run"]).expect(0);
        ran.out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let said = refused("short.csv", &format!("username,name\nann,Ann\nbob,\"Bob\n{}", rows(50)));
    assert_eq!(said[0], "1 would be added, 0 were there already, 1 refused");
    assert!(said[1].starts_with("line 3: a quote begins here and is not closed: the 5"), "{said:?}");
    // What is behind it is not held in memory.
    let said = refused("long.csv", &format!("username,name\nann,Ann\nbob,\"Bob\n{}", rows(90_000)));
    assert_eq!(said[0], "1 would be added, 0 were there already, 1 refused");
    assert!(said[1].starts_with("line 3: a quote begins here and is not closed"), "{said:?}");
    let said = refused("wide.csv", &format!("username,name\nann,{}\nbob,Bob\n", "x".repeat(3 << 20)));
    assert_eq!(said[1], "line 2: is longer than a megabyte; nothing below it was read");
    // Lines in quotes that are closed are what they are, also in a large file.
    let wide = (0..5000).map(|row| format!("u{row},{},\n", "x".repeat(300))).collect::<String>();
    let said = refused("good.csv", &format!("username,note,attributes\n{wide}eve,,\"{{}}\n\"\n"));
    assert_eq!(said, ["5,001 would be added, 0 were there already, 0 refused"]);
}
