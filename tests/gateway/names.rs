//! A backend that moves: its name leads elsewhere, and requests follow.
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::support::gateway::free_port;
use crate::support::{Raw, Running, SOON, Site, Wire, until};

/// Runs the gateway in a mount namespace of its own, in which /etc/hosts is `hosts`.
fn start_with(hosts: &Path, folder: &Path) -> Running {
    let script = format!(
        "mount --bind '{}' /etc/hosts && exec '{}' run -c gateway.toml",
        hosts.display(),
        env!("CARGO_BIN_EXE_authgate")
    );
    let mut command = Command::new("unshare");
    Running::start(command.args(["--mount", "sh", "-c", &script]).current_dir(folder).stderr(Stdio::null()))
}

fn may_unshare() -> bool {
    Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status().is_ok_and(|ran| ran.success())
}

/// Answers every request with its name until the test ends; `None` where this address is not there.
fn answering(at: &str, name: &'static str) -> Option<u16> {
    let listener = TcpListener::bind(at).ok()?;
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut raw = Wire::new(stream);
                while raw.head().is_some() {
                    let answer =
                        format!("HTTP/1.1 200 OK\r\nX-Upstream: x\r\nContent-Length: {}\r\n\r\n{name}", name.len());
                    if !raw.send(answer) {
                        return;
                    }
                }
            });
        }
    });
    Some(port)
}

#[test]
fn a_name_that_leads_elsewhere_is_followed_also_while_requests_keep_coming() {
    if !may_unshare() {
        eprintln!("!! SKIPPED: this needs a mount namespace, which only root may make");
        return;
    }
    let port = answering("127.0.0.2:0", "old").unwrap();
    assert_eq!(answering(&format!("127.0.0.3:{port}"), "new"), Some(port));
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    fs::write(&hosts, "127.0.0.2 moving.example\n").unwrap();
    let (door, desk) = (free_port(), free_port());
    let site = Site::new()
        .set("upstreams.app", "urls", &format!("[\"http://moving.example:{port}\"]"))
        .set("upstreams.app", "keep_alive", "\"300ms\"")
        .route("prefix = \"/\"\nupstream = \"app\"\nauth = \"none\"");
    fs::write(folder.path().join("gateway.toml"), site.text(door, desk)).unwrap();
    let _gateway = start_with(&hosts, folder.path());
    let ask = || {
        let mut raw = Raw::open(door);
        raw.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        raw.answer().map(|answer| answer.text()).unwrap_or_default()
    };
    until("the gateway answers", SOON, || std::net::TcpStream::connect(("127.0.0.1", door)).is_ok());
    assert_eq!(ask(), "old");
    fs::write(&hosts, "127.0.0.3 moving.example\n").unwrap();
    // Never idle for as long as `keep_alive`, so the kept connection would live on.
    until("requests follow", SOON, || ask() == "new");
}
