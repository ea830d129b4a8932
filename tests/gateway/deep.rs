//! `authgate check --deep`: what the file names is looked at, and nothing is changed there.
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::authority::Authority;
use crate::support::gateway::free_port;
use crate::support::servers::{Kind, Server};
use crate::support::{Gateway, Mailbox, Ran, Running, SOON, Site, Upstream, authgate, until};

/// A folder with a file of these lines, and what the command says there.
fn check(folder: &Path, text: &str, args: &[&str]) -> Ran {
    fs::write(folder.join("gateway.toml"), text).unwrap();
    authgate(folder, &[], &[&["check", "--deep"], args].concat())
}

fn routed(url: &str) -> String {
    format!(
        "[accounts]\nregistration = \"closed\"\n[passwords]\nparallel_hashes = 1\n\
         [[routes]]\nprefix = \"/\"\nupstream = \"{url}\"\nauth = \"none\"\n"
    )
}

#[track_caller]
fn line<'a>(ran: &'a Ran, kind: &str) -> &'a str {
    let starts = |line: &&str| line.get(8..).is_some_and(|rest| rest.starts_with(kind));
    ran.out.lines().find(starts).unwrap_or_else(|| panic!("no line about {kind}:\n{}{}", ran.out, ran.err))
}

#[test]
fn what_is_there_is_told_with_the_time_it_took() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let deep = |args: &[&str]| {
        let args = [&["check", "--deep", "-c", "gateway.toml"], args].concat();
        authgate(gateway.folder(), gateway.site().variables(), &args)
    };
    let ran = deep(&[]).expect(0);
    assert!(ran.out.contains("gateway.toml is fine"), "{}", ran.out);
    assert!(line(&ran, "upstream").starts_with(&format!("  ok    upstream {}", upstream.url())), "{}", ran.out);
    assert!(line(&ran, "upstream").contains("answered in ") && line(&ran, "upstream").ends_with(" ms"), "{}", ran.out);
    let store = line(&ran, "store sqlite:authgate.db");
    assert!(store.starts_with("  ok") && store.contains("tables of version "), "{store}");
    assert!(line(&ran, "memory").contains("2 hashes x 8 MiB = 16 MiB of "), "{}", ran.out);
    assert_eq!(ran.out.matches("upstream http").count(), 1, "three routes lead to one place: {}", ran.out);
    let all = deep(&["--format", "json"]).expect(0).json();
    let store = all.as_array().unwrap().iter().find(|one| one["code"] == "store").unwrap();
    assert_eq!((&store["severity"], &store["name"]), (&"ok".into(), &"sqlite:authgate.db".into()));
    assert!(store["took_ms"].is_number() && store["message"].is_string() && store["help"].is_null(), "{store}");
    assert_eq!(all, {
        let mut again = deep(&["--json"]).expect(0).json();
        again_times(&mut again, &all);
        again
    });
    assert!(deep(&["--format", "github"]).expect(0).out.is_empty());
    deep(&["--show"]).expect(2);
}

/// The times are another each time.
fn again_times(again: &mut Value, all: &Value) {
    for (one, other) in again.as_array_mut().unwrap().iter_mut().zip(all.as_array().unwrap()) {
        for changing in ["took_ms", "message"] {
            if one["took_ms"].is_number() || changing == "message" {
                one[changing] = other[changing].clone();
            }
        }
    }
}

#[test]
fn what_is_not_there_fails_with_its_cure_and_no_file_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = free_port();
    let text = routed(&format!("http://127.0.0.1:{nobody}"));
    let ran = check(folder.path(), &text, &[]).expect(1);
    let failed = line(&ran, "upstream");
    assert!(failed.starts_with("  FAIL") && failed.contains("Connection refused"), "{failed}");
    assert!(ran.out.contains("\n        is it running"), "{}", ran.out);
    assert!(line(&ran, "store").contains("is not there yet: the first `authgate run` makes it"), "{}", ran.out);
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["gateway.toml"]);
    let told = check(folder.path(), &text, &["--format", "github"]).expect(1).out;
    assert!(told.contains("::error file=gateway.toml::upstream http"), "{told}");
    assert!(told.contains("::warning file=gateway.toml::store sqlite"), "{told}");
    // A doubt is none but where it is asked for.
    let upstream = Upstream::start();
    check(folder.path(), &routed(&upstream.url()), &[]).expect(0);
    check(folder.path(), &routed(&upstream.url()), &["--deny-warnings"]).expect(1);
    let elsewhere = format!("{}[store]\nurl = \"sqlite:no/such/folder.db\"\n", routed(&upstream.url()));
    let ran = check(folder.path(), &elsewhere, &[]).expect(1);
    assert!(line(&ran, "store").contains("the folder no/such is not there"), "{}", ran.out);
    // What is wrong with the file itself comes first.
    let ran = check(folder.path(), "prefx = 1\n", &[]).expect(1);
    assert!(ran.out.contains("E103") && !ran.out.contains("upstream"), "{}", ran.out);
}

#[test]
fn an_unwell_backend_and_one_that_says_nothing_are_told_apart_within_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let with_health = |path: &str| {
        format!("{}[upstreams.app]\nurls = [\"{}\"]\nhealth = {{ path = \"{path}\" }}\n", routed("app"), upstream.url())
    };
    let ran = check(folder.path(), &with_health("/up"), &[]).expect(0);
    assert!(line(&ran, "upstream").contains("passes its health check"), "{}", ran.out);
    // Takes the connection and never says a word of TLS.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let text = format!("{}[upstreams.app]\nurls = [\"{url}\"]\nconnect_timeout = \"60s\"\n", routed("app"));
    let ran = check(folder.path(), &text, &[]).expect(1);
    assert!(line(&ran, "upstream").contains("no answer within 5 s"), "{}", ran.out);
}

#[test]
fn a_backend_over_tls_is_held_against_its_own_authority_and_certificates_are_read() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    authority.sign("here", "DNS:localhost,IP:127.0.0.1", "30");
    authority.sign("soon", "DNS:localhost", "10");
    authority.sign("late", "DNS:localhost", "-1");
    let port = free_port();
    let mut server = Command::new("openssl");
    server.args(["s_server", "-www", "-accept", &port.to_string(), "-cert"]).arg(authority.file("here.pem"));
    server.arg("-key").arg(authority.file("here.key"));
    let _server = Running::start(server.stdout(Stdio::null()).stderr(Stdio::null()));
    until("openssl to listen", SOON, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let folder = tempfile::tempdir().unwrap();
    let before = |ca: &Authority| {
        let ca = ca.quoted("ca.pem");
        format!("{}[upstreams.app]\nurls = [\"https://localhost:{port}\"]\nca = {ca}\n", routed("app"))
    };
    let ran = check(folder.path(), &before(&authority), &[]).expect(0);
    assert!(line(&ran, "upstream https").contains(" ms, certificate 29 days left"), "{}", ran.out);
    let ran = check(folder.path(), &before(&foreign), &[]).expect(1);
    assert!(line(&ran, "upstream https").contains("no TLS with the upstream: invalid peer certificate"), "{}", ran.out);
    assert!(ran.out.contains("name the PEM file of its authority with `ca`"), "{}", ran.out);
    let shown = |name: &str| {
        let (cert, key) = (authority.quoted(&format!("{name}.pem")), authority.quoted(&format!("{name}.key")));
        format!("{}[tls]\ncert = {cert}\nkey = {key}\n", before(&authority))
    };
    for (name, code, word, said) in [
        ("here", 0, "ok  ", "29 days left"),
        ("soon", 0, "warn", "9 days left: renew it"),
        ("late", 1, "FAIL", "has expired"),
    ] {
        let ran = check(folder.path(), &shown(name), &[]).expect(code);
        let told = line(&ran, "certificate");
        assert!(told.starts_with(&format!("  {word}")) && told.ends_with(said), "{told}");
    }
}

#[test]
fn a_wrong_password_for_a_database_is_told_by_where_it_came_from_and_never_by_itself() {
    let Some(server) = Server::start(Kind::Postgres) else { return };
    server.ask_for_password("locked", "right-password");
    let (open, upstream) = (server.database("deep"), Upstream::start());
    let folder = tempfile::tempdir().unwrap();
    let with = |url: &str, more: &str| format!("{}[store]\nurl = \"{url}\"\n{more}", routed(&upstream.url()));
    let ran = check(folder.path(), &with(&open, ""), &[]).expect(0);
    assert!(line(&ran, "store postgres").contains("no tables yet"), "{}", ran.out);
    let again = check(folder.path(), &with(&open, ""), &[]).expect(0);
    assert!(line(&again, "store").contains("no tables yet"), "a look made some: {}", again.out);
    let manual = with(&open, "migrate = \"manual\"\n");
    assert!(line(&check(folder.path(), &manual, &[]).expect(1), "store").contains("authgate store migrate"));
    authgate(folder.path(), &[], &["store", "migrate"]).expect(0);
    let ran = check(folder.path(), &manual, &[]).expect(0);
    assert!(line(&ran, "store").contains("tables of version "), "{}", ran.out);
    let locked = open.replace("gw@", "locked@");
    let secret = folder.path().join("database");
    let by_file = with(&locked, &format!("password = \"${{file:{}}}\"\n", secret.display()));
    for (password, code, said) in [
        ("right-password\n", 0, ""),
        ("right-password ", 1, ", 15 bytes, ends with a space"),
        ("wrong-password", 1, ", 14 bytes"),
    ] {
        fs::write(&secret, password).unwrap();
        let ran = check(folder.path(), &by_file, &[]).expect(code);
        assert!(!ran.out.contains("password \n") && !ran.out.contains(password.trim()), "{}", ran.out);
        if code == 1 {
            let told = line(&ran, "store postgres");
            assert!(told.contains("password authentication failed for user \"locked\""), "{told}");
            let cure = format!("        the password came from ${{file:{}}}{said}\n", secret.display());
            assert!(ran.out.contains(&cure), "{}", ran.out);
        }
    }
    let ran = check(folder.path(), &with(&locked.replace("locked@", "locked:wrong-password@"), ""), &[]).expect(1);
    assert!(ran.out.contains("`url` (gateway.toml:") && !ran.out.contains("wrong-password"), "{}", ran.out);
    drop(server);
    let ran = check(folder.path(), &by_file, &[]).expect(1);
    assert!(line(&ran, "store").contains("Connection refused"), "{}", ran.out);
}

#[test]
fn mysql_and_redis_are_looked_at_as_well() {
    let (Some(mysql), Some(mut redis)) = (Server::start(Kind::MySql), Server::start(Kind::Redis)) else { return };
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let text = format!(
        "{}[store]\nurl = \"{}\"\nshared = \"{}\"\n",
        routed(&upstream.url()),
        mysql.database("deep"),
        redis.database("")
    );
    let ran = check(folder.path(), &text, &[]).expect(0);
    assert!(line(&ran, "store mysql").contains("no tables yet"), "{}", ran.out);
    assert!(line(&ran, "shared").starts_with("  ok"), "{}", ran.out);
    redis.stop();
    let wrong = text.replace("root@", "root:wrong-password@");
    let ran = check(folder.path(), &wrong, &[]).expect(1);
    assert!(line(&ran, "store mysql").contains("Access denied for user 'root'"), "{}", ran.out);
    assert!(line(&ran, "shared").starts_with("  FAIL"), "{}", ran.out);
    assert!(!ran.out.contains("wrong-password"), "{}", ran.out);
}

#[test]
fn the_mail_server_is_greeted_and_nothing_is_sent() {
    let Some(mailbox) = Mailbox::with(&["0", "gateway", "right-password"]) else { return };
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let url = format!("smtp://gateway@127.0.0.1:{}", mailbox.port);
    let with = |password: &str| {
        format!("{}[mail]\nurl = \"{url}\"\npassword = \"${{{password}:-}}\"\n", routed(&upstream.url()))
    };
    let run = |value: &str| {
        fs::write(folder.path().join("gateway.toml"), with("MAIL_PASSWORD").replace(":-", "")).unwrap();
        authgate(folder.path(), &[("MAIL_PASSWORD".to_owned(), value.to_owned())], &["check", "--deep"])
    };
    let ran = run("right-password").expect(0);
    assert!(line(&ran, "mail").starts_with(&format!("  ok    mail smtp://127.0.0.1:{}", mailbox.port)), "{}", ran.out);
    let ran = run("wrong-password").expect(1);
    assert!(line(&ran, "mail").starts_with("  FAIL"), "{}", ran.out);
    assert!(ran.out.contains("the password came from ${MAIL_PASSWORD}, 14 bytes\n"), "{}", ran.out);
    assert!(!ran.out.contains("wrong-password") && mailbox.letters().is_empty());
    drop(mailbox);
    let ran = run("right-password").expect(1);
    assert!(line(&ran, "mail").contains("Connection refused"), "{}", ran.out);
}

#[test]
fn more_memory_than_there_is_fails() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let greedy = "parallel_hashes = 1024\nargon2 = { memory = \"4GiB\", iterations = 2, lanes = 1 }\n";
    let text = routed(&upstream.url()).replace("parallel_hashes = 1\n", greedy);
    let ran = check(folder.path(), &text, &[]).expect(1);
    assert!(line(&ran, "memory").starts_with("  FAIL"), "{}", ran.out);
    assert!(line(&ran, "memory").contains("1024 hashes x 4096 MiB = 4194304 MiB of "), "{}", ran.out);
}

#[test]
fn a_unix_socket_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new().route("prefix = \"/\"\nupstream = \"unix:/no/such.sock\"\nauth = \"none\"");
    let ran = check(folder.path(), &site.text(free_port(), free_port()), &[]).expect(1);
    assert!(line(&ran, "upstream unix:/no/such.sock").contains("No such file"), "{}", ran.out);
    assert!(ran.out.contains("is this where its socket is?"), "{}", ran.out);
}
