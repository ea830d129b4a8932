//! The document that describes the endpoints, and other people's program that holds them to it.
use std::path::Path;
use std::process::Command;

use crate::support::{Site, Upstream};

#[test]
fn the_document_is_served_to_anybody_and_kept_by_whoever_has_it() {
    let gateway = Site::fixture(&Upstream::start()).start();
    let answer = gateway.get("/auth/openapi.json").send().expect(200);
    assert_eq!(answer.field("content-type"), Some("application/json"));
    assert_eq!(answer.field("cache-control"), Some("public, max-age=300"));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"]["/auth/me"]["get"]["responses"]["200"]["description"], "Done");
    assert!(document["paths"].get("/auth/verify/nginx").is_none(), "no proxy is trusted here");
    let mark = answer.field("etag").unwrap();
    for known in [mark.to_owned(), format!("W/{mark}"), format!("\"other\", {mark}"), "*".to_owned()] {
        let again = gateway.get("/auth/openapi.json").header("if-none-match", &known).send().expect(304);
        assert_eq!(again.field("etag"), Some(mark));
        assert!(again.body.is_empty());
    }
    gateway.get("/auth/openapi.json").header("if-none-match", "\"other\"").send().expect(200);
}

#[test]
fn at_the_root_the_name_is_the_backends() {
    let upstream = Upstream::start();
    let gateway = Site::new()
        .set("server", "auth_prefix", "\"/\"")
        .route(&format!("prefix = \"/\"\nupstream = \"{}\"\nauth = \"none\"", upstream.url()))
        .start();
    gateway.get("/openapi.json").send().expect(200);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn schemathesis_finds_no_answer_that_the_document_does_not_say() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/conformance/schemathesis");
    // Few examples here; `make conformance` asks for many.
    let ran = Command::new(script)
        .args([env!("CARGO_BIN_EXE_authgate"), "1"])
        .env("SUITE", "schemathesis-short")
        .env("PHASES", "fuzzing,stateful")
        .env("TAIL", "200")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if err.contains("!! SKIPPED") {
        eprintln!("{err}");
    }
    assert!(ran.status.success(), "{out}\n{err}");
}
