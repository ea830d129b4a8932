//! The binary as a newcomer and an operator meet it.
use std::fs;
use std::io::{BufRead as _, Read as _};
use std::process::{Child, Stdio};

use serde_json::json;

use crate::support::gateway::{command, free_port};
use crate::support::{Answer, Gateway, Raw, SOON, Site, Upstream, authgate, authgate_with_input, until};

struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn ask(port: u16, method: &str, target: &str, fields: &str, body: &str) -> Option<Answer> {
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    let mut raw = Raw { wire: crate::support::Wire::new(stream) };
    let length = body.len();
    raw.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost:{port}\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    ));
    raw.answer_to(method)
}

#[test]
fn a_newcomer_goes_from_init_to_a_protected_call_and_out_again() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let (port, admin_port) = (free_port(), free_port());
    let variables = [
        ("AUTHGATE__SERVER__LISTEN".to_owned(), format!("127.0.0.1:{port}")),
        ("AUTHGATE__ADMIN__LISTEN".to_owned(), format!("127.0.0.1:{admin_port}")),
    ];
    let ran = authgate(folder.path(), &[], &["init", "--to", &upstream.url(), "--protect", "/api"]).expect(0);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.contains("wrote gateway.toml (14 lines)") && said.contains("authgate run"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("gateway.toml")).unwrap().lines().count(), 14);
    authgate(folder.path(), &variables, &["check"]).expect(0);

    let mut child = Started(
        command(folder.path(), &variables)
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    until("the gateway answers", SOON, || {
        ask(port, "GET", "/auth/healthz", "", "").is_some_and(|answer| answer.status == 200)
    });
    let json_type = "Content-Type: application/json\r\n";
    let form = json!({ "username": "ann", "password": "seven green bottles" }).to_string();
    ask(port, "POST", "/auth/register", json_type, &form).unwrap().expect(201);
    ask(port, "GET", "/", "", "").unwrap().expect(200);
    ask(port, "GET", "/api/x", "", "").unwrap().refused(401, "login_required");
    let token = ask(port, "POST", "/auth/login", json_type, &form).unwrap().expect(200).json();
    let bearer = format!("Authorization: Bearer {}\r\n", token["access_token"].as_str().unwrap());
    ask(port, "GET", "/api/x", &bearer, "").unwrap().expect(200);
    assert_eq!(upstream.last().field("remote-user"), Some("ann"));
    ask(port, "POST", "/auth/logout", &bearer, "").unwrap().expect(204);
    ask(port, "GET", "/api/x", &bearer, "").unwrap().refused(401, "session_ended");
    authgate(folder.path(), &variables, &["health"]).expect(0);

    child.0.kill().unwrap();
    let mut said = String::new();
    child.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let tree =
        format!("|- site      http://localhost:{port}\n  |- sign in   http://localhost:{port}/auth/login\n  |- admin ");
    assert!(said.contains(&tree), "{said}");
    assert!(said.contains("\n\nNo administrator yet. Make one:  authgate user add NAME --admin\n"), "{said}");
    assert!(said.contains(&format!("metrics   http://127.0.0.1:{admin_port}/metrics")), "{said}");
    authgate(folder.path(), &variables, &["health"]).expect(3);
    let down = authgate(folder.path(), &variables, &["health", "--json"]).expect(3);
    assert!(down.json()["healthy"].is_null() && down.err.contains("no gateway answers"), "{}", down.out);
}

#[test]
fn the_start_names_no_page_where_there_is_none_and_no_command_where_there_is_an_administrator() {
    let gateway = Site::fixture(&Upstream::start()).set("pages", "enabled", "false").start();
    until("the hint", SOON, || gateway.log_text().contains("No administrator yet."));
    assert!(!gateway.log_text().contains("sign in  "), "{}", gateway.log_text());
    let args = ["user", "add", "ann", "--admin", "--password-stdin"];
    authgate_with_input(gateway.folder(), gateway.site().variables(), &args, "seven green bottles\n").expect(0);
    let mut again = Started(
        command(gateway.folder(), gateway.site().variables())
            .args(["run", "-c", "gateway.toml"])
            .env("AUTHGATE__SERVER__LISTEN", format!("127.0.0.1:{}", free_port()))
            .env("AUTHGATE__ADMIN__LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut said = std::io::BufReader::new(again.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains("- metrics ")));
    // It stops in good order only once it has said all that it says at the start.
    drop(std::process::Command::new("kill").args(["-TERM", &again.0.id().to_string()]).status());
    assert!(!said.any(|line| line.contains("No administrator")));
}

#[test]
fn init_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gateway.toml"), "mine").unwrap();
    let ran = authgate(folder.path(), &[], &["init", "--to", "http://127.0.0.1:3000"]);
    assert_ne!(ran.code, 0);
    assert_eq!(fs::read_to_string(folder.path().join("gateway.toml")).unwrap(), "mine");
}

#[test]
fn what_prints_data_prints_json_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| authgate(folder.path(), &[], args).expect(0).json();
    let made = run(&["init", "--to", "http://127.0.0.1:3000", "--protect", "/api", "--json"]);
    assert_eq!((&made["file"], &made["lines"]), (&json!("gateway.toml"), &json!(14)));
    assert_eq!((&made["open"], &made["login"]), (&json!(["/"]), &json!(["/api"])));
    let page = run(&["help", "error", "login_too_old", "--json"]);
    assert_eq!((&page["topic"], &page["name"]), (&json!("error"), &json!("login_too_old")));
    assert!(page["text"].as_str().unwrap().contains("fresh_login"), "{page}");
    assert!(run(&["keys", "new-secret", "--json"])["secret"].as_str().unwrap().len() >= 32);
}

#[test]
fn check_says_what_is_open_or_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let upstream = Upstream::start();
    fs::write(&file, Site::fixture(&upstream).text(8080, 9090)).unwrap();
    let good = authgate(folder.path(), &[], &["check"]).expect(0);
    for word in ["/pub", "/app/admin", "open", "login + role", "404  everything else"] {
        assert!(good.out.contains(word), "{word} is not in\n{}", good.out);
    }
    let bad = "[server]\nlisten = \"127.0.0.1:8080\"\n\n[[routes]]\nprefx = \"/\"\nupstream = \"http://127.0.0.1:1\"\n\n[tokens]\naccess_ttl = 900\n";
    fs::write(&file, bad).unwrap();
    let ran = authgate(folder.path(), &[], &["check"]).expect(1);
    let said = format!("{}{}", ran.out, ran.err);
    for word in
        ["error[E103]", "prefx", "did you mean `prefix`?", "error[E110]", "gateway.toml:9:14", "Nothing was started."]
    {
        assert!(said.contains(word), "{word} is not in\n{said}");
    }
    let json = authgate(folder.path(), &[], &["check", "--format", "json"]).expect(1).json();
    assert!(json.as_array().unwrap().len() >= 2, "{json}");
    let github = authgate(folder.path(), &[], &["check", "--format", "github"]).expect(1);
    assert!(github.out.contains("::error file=gateway.toml,line=5,col=1::"), "{}", github.out);
    let piped = authgate_with_input(folder.path(), &[], &["check", "-"], bad).expect(1);
    assert!(format!("{}{}", piped.out, piped.err).contains("E103"));
}

#[test]
fn run_refuses_a_bad_file_with_the_same_findings_and_78() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gateway.toml"), "[sever]\nlisten = \"127.0.0.1:1\"\n").unwrap();
    let ran = authgate(folder.path(), &[], &["run"]).expect(78);
    assert!(ran.err.contains("sever") && ran.err.contains("server"), "{}", ran.err);
}

#[test]
fn a_missing_file_is_78_for_run_and_3_for_every_other_verb_and_the_places_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let verbs = ["user list", "user list --json", "reload", "health", "explain GET /", "keys list", "store check"]
        .map(|verb| (verb, 3));
    for (verb, code) in [("check", 3), ("run", 78)].into_iter().chain(verbs) {
        let args: Vec<_> = verb.split(' ').collect();
        let ran = authgate(folder.path(), &[], &args).expect(code);
        assert!(ran.err.contains("gateway.toml") && ran.err.contains("/etc/authgate/gateway.toml"), "{}", ran.err);
    }
}

#[test]
fn wrong_usage_is_2_and_a_misspelt_verb_gets_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    let ran = authgate(folder.path(), &[], &["chekc"]).expect(2);
    assert!(ran.err.contains("check"), "{}", ran.err);
    authgate(folder.path(), &[], &["run", "--nonsense"]).expect(2);
    let ran = authgate(folder.path(), &[], &["help", "nonsense"]).expect(1);
    assert!(ran.err.contains("config, error, example, headers, metrics"), "{}", ran.err);
    authgate(folder.path(), &[], &["user", "add", "ann", "--password", "secret-on-the-command-line"]).expect(2);
}

#[test]
fn version_help_and_completions_answer() {
    let folder = tempfile::tempdir().unwrap();
    let version = authgate(folder.path(), &[], &["version", "--json"]).expect(0).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(authgate(folder.path(), &[], &["--version"]).expect(0).out, version_words());
    assert_eq!(authgate(folder.path(), &[], &["version"]).expect(0).out, version_words());
    for shell in ["bash", "zsh", "fish"] {
        assert!(authgate(folder.path(), &[], &["completions", shell]).expect(0).out.contains("authgate"));
    }
    for verb in [
        "status",
        "man",
        "init",
        "run",
        "demo",
        "check",
        "explain",
        "reload",
        "user",
        "health",
        "version",
        "completions",
    ] {
        let help = authgate(folder.path(), &[], &[verb, "--help"]).expect(0).out;
        assert!(help.matches(&format!("authgate {verb}")).count() >= 2, "{verb} --help has no two examples:\n{help}");
    }
}

fn version_words() -> String {
    format!("authgate {}\n", env!("CARGO_PKG_VERSION"))
}

#[test]
fn an_address_in_use_is_told_and_not_a_riddle() {
    let gateway = Gateway::start(&Upstream::start());
    let ran = authgate(gateway.folder(), gateway.site().variables(), &["run", "-c", "gateway.toml"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains(&gateway.port.to_string()) && ran.err.contains("in use"), "{}", ran.err);
    assert!(ran.err.contains("cannot listen where [server] listen says"), "{}", ran.err);
    gateway.is_alive();
}

#[test]
fn any_single_value_can_be_set_from_outside_and_a_misspelt_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gateway.toml"), "[[routes]]\nprefix = \"/\"\nupstream = \"http://127.0.0.1:3000\"\n")
        .unwrap();
    let set = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
    let shown = authgate(folder.path(), &set("AUTHGATE__TOKENS__ACCESS_TTL", "7m"), &["check", "--show"]).expect(0);
    assert!(shown.out.contains("7m") && shown.out.contains("AUTHGATE__TOKENS__ACCESS_TTL"), "{}", shown.out);
    let ran = authgate(folder.path(), &set("AUTHGATE__TOKENS__ACESS_TTL", "7m"), &["check"]).expect(1);
    assert!(format!("{}{}", ran.out, ran.err).contains("AUTHGATE__TOKENS__ACCESS_TTL"));
}

#[test]
fn a_manual_page_is_written_for_each_verb_and_over_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let man = |args: &[&str]| authgate(folder.path(), &[], &[&["man"], args].concat());
    let told = man(&["a/man1", "--json"]).expect(0).json();
    let pages = folder.path().join("a/man1");
    let read = |name: &str| fs::read_to_string(pages.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (name, said) in [
        ("authgate.1", "authgate\\-user(1)"),
        ("authgate-run.1", ".SH SYNOPSIS"),
        ("authgate-user.1", "authgate\\-user\\-add(1)"),
        ("authgate-user-add.1", "\\-\\-password\\-stdin"),
        ("authgate-help.1", "manual"),
        ("authgate-check.1", "check \\-\\-deep"),
    ] {
        assert!(read(name).contains(said), "{name} does not say {said}:\n{}", read(name));
    }
    let mut names: Vec<_> =
        fs::read_dir(&pages).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.contains("-user-help")), "{names:?}");
    names.sort();
    let mut listed: Vec<_> = told["pages"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    listed.sort_unstable();
    assert_eq!(names, listed);
    let before = read("authgate.1");
    man(&["a/man1"]).expect(0);
    assert_eq!(read("authgate.1"), before);
    // A page of somebody else's, and a link to one of ours: nothing at all is written.
    for others in [false, true] {
        let (page, other) = (pages.join("authgate-run.1"), folder.path().join("precious"));
        fs::remove_file(&page).unwrap();
        fs::remove_file(pages.join("authgate.1")).unwrap();
        fs::write(&other, "precious").unwrap();
        if others {
            std::os::unix::fs::symlink(&other, &page).unwrap()
        } else {
            fs::copy(&other, &page).map(drop).unwrap()
        }
        assert!(man(&["a/man1"]).expect(1).err.contains("authgate-run.1 is no page that authgate wrote"));
        assert_eq!(read("authgate-run.1") + &fs::read_to_string(&other).unwrap(), "preciousprecious");
        assert!(!pages.join("authgate.1").exists());
        fs::remove_file(&page).unwrap();
        man(&["a/man1"]).expect(0);
    }
    man(&["/dev/null/man1"]).expect(3);
}

/// As on a full disk.
#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let gateway = Gateway::start(&Upstream::start());
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let verbs: [&[&str]; 8] = [
        &["keys", "new-secret"],
        &["keys", "export"],
        &["token", "create", "--name", "a", "--scope", "a", "--expires", "1h"],
        &["user", "list", "--json"],
        &["store", "check"],
        &["schema"],
        &["check", "--show"],
        &["completions", "bash"],
    ];
    for verb in verbs {
        let run = command(gateway.folder(), gateway.site().variables()).args(verb).stdout(full()).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.code() == Some(3) && said.contains("cannot write the result"), "{verb:?} {run:?}");
    }
    // A reader that has enough is no error.
    let mut listing = command(gateway.folder(), gateway.site().variables());
    let mut listing = listing.arg("schema").stdout(Stdio::piped()).spawn().unwrap();
    drop(listing.stdout.take());
    assert_eq!(listing.wait().unwrap().code(), Some(0));
}
