//! Other people's clients and servers on both sides of the gateway; each script in tests/python says what it asks.
use std::process::Command;

use crate::support::gateway::free_port;
use crate::support::{Gateway, Site, python_with_streams, shipped};

#[test]
fn the_websockets_package_speaks_through_the_gateway() {
    passes("websockets_pass.py", "http");
}

#[test]
fn grpcio_calls_of_every_kind_pass_and_end_with_the_session() {
    passes("grpc_passes.py", "h2c");
}

#[test]
fn h2_and_wsproto_speak_websocket_over_http_2_and_tls() {
    let Some(python) = python_with_streams() else { return };
    let backend = free_port();
    let site = Site::new()
        .set("identity", "names", "{ user = \"X-User-Name\" }")
        .set("tls", "cert", &format!("\"{}\"", shipped("site.pem").display()))
        .set("tls", "key", &format!("\"{}\"", shipped("site.key").display()))
        .route(&format!("prefix = \"/\"\nupstream = \"http://127.0.0.1:{backend}\""));
    let gateway: Gateway = site.start();
    let ports = [backend.to_string(), gateway.port.to_string()];
    succeeds(Command::new(python).arg(script_at("websocket_h2_pass.py")).args(ports).arg(shipped("site.pem")));
}

fn passes(script: &str, scheme: &str) {
    let Some(python) = python_with_streams() else { return };
    let backend = free_port();
    let url = format!("{scheme}://127.0.0.1:{backend}");
    let site = Site::new()
        .set("identity", "names", "{ user = \"X-User-Name\", sub = \"X-User-Id\" }")
        .route(&format!("prefix = \"/\"\nupstream = \"{url}\""));
    let gateway: Gateway = site.start();
    let alice = gateway.register("alice");
    let told = [backend.to_string(), gateway.port.to_string(), alice.access];
    succeeds(Command::new(python).arg(script_at(script)).args(told));
}

fn script_at(name: &str) -> String {
    format!("{}/tests/python/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let ran = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.contains("passed"), "it ended with {:?}:\n{out}\n{err}", ran.status);
}
