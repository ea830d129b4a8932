//! More sources than anybody keeps a count for.
use std::net::Ipv4Addr;

use crate::support::{Row, Site, Stage, Upstream};

/// Who asked too often before the crowd came is not forgotten for it, and who comes after it is counted too.
pub(super) const AFTER_A_CROWD: &[Row] = &[
    Row::stopped("R10", b"GET /few/x HTTP/1.1\nX-Forwarded-For: 192.0.2.1", &[429]),
    Row::stopped("R10", b"GET /few/x HTTP/1.1\nX-Forwarded-For: 11.0.0.1, 192.0.2.1", &[429]),
    Row::stopped("R10", b"GET /few/x HTTP/1.1\nX-Forwarded-For: 198.51.100.7", &[401, 429]),
];

#[test] // R10
fn a_crowd_of_sources_takes_bounded_memory_and_gives_no_attacker_a_fresh_start() {
    let upstream = Upstream::start();
    let few = format!("prefix = \"/few\"\nupstream = \"{}\"\nrate_per_ip = \"3/h\"", upstream.url());
    let gateway = Site::fixture(&upstream)
        .set("server", "trusted_proxies", "[\"127.0.0.1\"]")
        .set("log", "level", "\"error\"")
        .set("log", "access", "false")
        .route(&few)
        .start();
    let stage = Stage::open(upstream, gateway);
    let from = |source: &str| stage.gateway.get("/few/x").header("X-Forwarded-For", source).bytes();
    let (mut raw, mut statuses) = (stage.gateway.raw(), [0_usize; 600]);
    let before: Vec<_> =
        (0..4).map(|_| stage.gateway.get("/few/x").header("X-Forwarded-For", "192.0.2.1").send().status).collect();
    assert_eq!(before, [401, 401, 401, 429]);
    let resident = stage.gateway.resident_kib();
    for part in 0..SOURCES / TOGETHER {
        let sources = (0..TOGETHER).map(|number| Ipv4Addr::from_bits(0x0b00_0000 + part * TOGETHER + number));
        raw.send(sources.flat_map(|source| from(&source.to_string())).collect::<Vec<u8>>());
        for _ in 0..TOGETHER {
            statuses[usize::from(raw.answer().expect("an answer").status)] += 1;
        }
    }
    let grown = stage.gateway.resident_kib().saturating_sub(resident);
    assert_eq!(statuses[401] + statuses[429], usize::try_from(SOURCES).unwrap());
    assert!(statuses[429] > 1000, "all of them were counted");
    assert!(grown < 64 * 1024, "{grown} KiB more");
    stage.play(AFTER_A_CROWD);
    let after: Vec<_> =
        (0..4).map(|_| stage.gateway.get("/few/x").header("X-Forwarded-For", "198.51.100.7").send().status).collect();
    assert_eq!(after[3], 429, "{after:?}");
}

/// Some thousand more than are counted at once (65,536).
const SOURCES: u32 = 70_000;
const TOGETHER: u32 = 500;
