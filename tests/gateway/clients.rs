//! Clients that other people wrote, from PyPI and npm, against a real gateway. `scripts/clients` brings them.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Gateway, SOON, Site, Upstream, authgate_with_input, until};

#[test]
fn authlib_requests_oauthlib_and_pyjwt_work_unchanged() {
    with_clients(|home, told| {
        let mut python = Command::new(home.join("python/bin/python"));
        python.arg(root().join("tests/clients/oauth.py")).args(told);
        let said = output(&mut python);
        assert_eq!(said, "ok authlib\nok requests_oauthlib\nok pyjwt\n");
    });
}

#[test]
fn oauth4webapi_works_unchanged() {
    with_clients(|home, told| {
        let module = home.join("node/node_modules/oauth4webapi/build/index.js");
        let mut node = Command::new("node");
        node.arg(root().join("tests/clients/oauth.mjs")).arg(module).args(told);
        assert_eq!(output(&mut node), "ok oauth4webapi\n");
    });
}

/// Runs `ask` with the folder of the clients and what each is told: URL, name, password, service token. Where they cannot
/// be had nothing is asked, and said loudly; `make test` says it again at its end.
fn with_clients(ask: impl FnOnce(&Path, &[&str])) {
    let home = root().join("target/clients");
    if !Command::new(root().join("scripts/clients")).status().is_ok_and(|status| status.success()) {
        eprintln!("!! SKIPPED: the clients of others could not be installed, so nothing was tried with them");
        return;
    }
    let gateway = Site::fixture(&Upstream::start()).start();
    let alice = gateway.register("alice");
    let args = ["token", "create", "--scope", "introspect", "--expires", "1h"];
    let made = authgate_with_input(gateway.folder(), gateway.site().variables(), &args, "").expect(0);
    let service = made.out.trim().to_owned();
    gateway.keep_secret(&service);
    until("the token is known", SOON, || gateway.get("/app").bearer(&service).send().status == 200);
    ask(&home, &[&site(&gateway), "alice", &alice.password, &service]);
    gateway.leaks_nothing();
}

/// Where the gateway says it is.
fn site(gateway: &Gateway) -> String {
    format!("http://localhost:{}", gateway.port)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "stdout:\n{out}\nstderr:\n{err}");
    out.into_owned()
}
