//! Other people's clients and servers on both sides of the gateway; each script in tests/python says what it asks.
use std::process::Command;

use crate::support::gateway::free_port;
use crate::support::{Gateway, Site, python_with_streams};

#[test]
fn the_websockets_package_speaks_through_the_gateway() {
    passes("websockets_pass.py", "http");
}

#[test]
fn grpcio_calls_of_every_kind_pass_and_end_with_the_session() {
    passes("grpc_passes.py", "h2c");
}

fn passes(script: &str, scheme: &str) {
    let root = env!("CARGO_MANIFEST_DIR");
    let Some(python) = python_with_streams() else { return };
    let backend = free_port();
    let url = format!("{scheme}://127.0.0.1:{backend}");
    let site = Site::new()
        .set("identity", "names", "{ user = \"X-User-Name\", sub = \"X-User-Id\" }")
        .route(&format!("prefix = \"/\"\nupstream = \"{url}\""));
    let gateway: Gateway = site.start();
    let alice = gateway.register("alice");
    let ran = Command::new(python)
        .arg(format!("{root}/tests/python/{script}"))
        .args([backend.to_string(), gateway.port.to_string(), alice.access])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.contains("passed"), "{script} ended with {:?}:\n{out}\n{err}", ran.status);
}
