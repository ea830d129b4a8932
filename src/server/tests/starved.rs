//! A process that runs out of descriptors.
use std::process::Command;

use super::support::{Raw, limits, start};

#[test]
fn the_accept_loop_survives_a_lack_of_descriptors() {
    let run = format!("ulimit -n {DESCRIPTORS} && exec \"$0\" --exact --ignored {SELF_STARVED}");
    let me = std::env::current_exe().unwrap();
    let ended = Command::new("sh").arg("-c").arg(run).arg(me).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ended.stderr));
}

#[tokio::test]
#[ignore = "its neighbour runs it, in a process of its own with few descriptors"]
async fn starved() {
    let server = start(limits());
    let mut first = Raw::connect(server.address).await;
    assert!(first.get("/ok").await.ends_with("ok"));
    let mut clients = Vec::new();
    // Each costs a descriptor here and one in the accept loop, until neither side gets another.
    while let Ok(client) = tokio::net::TcpStream::connect(server.address).await {
        clients.push(client);
        assert!(clients.len() < DESCRIPTORS, "the limit was not in force");
        tokio::task::yield_now().await;
    }
    assert!(first.get("/ok").await.ends_with("ok"), "those that are in are served");
    clients.truncate(2);
    assert!(Raw::connect(server.address).await.get("/ok").await.ends_with("ok"), "and so are others, later");
}

const DESCRIPTORS: usize = 48;
const SELF_STARVED: &str = "server::tests::starved::starved";
