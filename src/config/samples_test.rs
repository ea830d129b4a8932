//! The files people start from are true: made from the table, complete, and without a finding.
use std::fs;
use std::path::{Path, PathBuf};

use super::settings::SECTIONS;
use super::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What the samples refer to.
fn environment() -> Environment {
    Environment::of([
        ("JWT_SECRET_KEY", "kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a"),
        ("DATABASE_PASSWORD", "seven green bottles"),
        ("SMTP_PASSWORD", "eight green bottles"),
    ])
}

#[track_caller]
fn loads_without_findings(text: &str, name: &str) {
    match parse(text, name, &environment()) {
        Ok(loaded) => assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(Format::Text, false)),
        Err(ConfigError::Wrong(findings)) => panic!("{}", findings.render(Format::Text, false)),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_example_file_is_what_the_table_says() {
    let file = fs::read_to_string(root().join("gateway.toml.example")).unwrap();
    assert_eq!(file, example(), "{WRITE}");
}

#[test]
fn the_schema_is_what_the_table_says() {
    let file = fs::read_to_string(root().join("config/gateway.schema.json")).unwrap();
    assert_eq!(file, schema(), "{WRITE}");
}

#[test]
fn the_example_file_loads_as_it_is_and_with_every_setting_on() {
    let example = example();
    loads_without_findings(&example, "gateway.toml.example");
    // A setting is a mark and a name; words have a space after the mark.
    let on: Vec<_> = example
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
                .unwrap_or(line)
        })
        .collect();
    let on = with_real_files(&on.join("\n"));
    let (on, _files) = with_files(&on);
    // The secret is for another algorithm than the default.
    let fitting = on.replace("\"ES256\"\n", "\"HS256\"\n");
    // A domain is one that the site lies in, and warned of.
    let fitting = fitting.replace("domain = \"example.com\"\n", "");
    // A password and connections are for a server.
    let fitting = fitting.replace("sqlite:authgate.db", "postgres://gw@127.0.0.1/gw");
    loads_without_findings(&fitting, "gateway.toml.example");
    for setting in SECTIONS.iter().flat_map(|section| section.settings) {
        assert!(on.lines().any(|line| line.starts_with(&format!("{} = ", setting.key))), "{}", setting.key);
    }
}

/// Files that are read while the settings are checked: the examples' do not exist here.
pub(super) fn with_real_files(text: &str) -> String {
    let of = |name: &str| root().join("tests/certificates").join(name).display().to_string();
    text.replace("/etc/authgate/tls/fullchain.pem", &of("site.pem"))
        .replace("/etc/authgate/tls/privkey.pem", &of("site.key"))
        .replace("/etc/authgate/tls/internal-ca.pem", &of("site.pem"))
        .replace("/etc/authgate/tls/client.pem", &of("site.pem"))
        .replace("/etc/authgate/tls/client.key", &of("site.key"))
        // Nobody takes a name before its owner has moved here.
        .replace("registration = \"open\"", "registration = \"invite\"")
        // Certificates are for those who speak TLS.
        .replace("http://10.0.0.", "https://10.0.0.")
        .replace("/etc/authgate/logo.svg", &root().join("tests/pages/logo.svg").display().to_string())
        .replace("/etc/authgate/pages", &root().join("src/pages/templates").display().to_string())
}

/// The same with files that are there in place of those it names.
pub(super) fn with_files(text: &str) -> (String, [tempfile::NamedTempFile; 2]) {
    let (secret, key) = (private_file("kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a"), private_file(&new_key()));
    let text = with_real_files(text)
        .replace("/run/secrets/authgate_key", &secret.path().display().to_string())
        .replace("/etc/authgate/keys/2026-11.pem", &key.path().display().to_string());
    (text, [secret, key])
}

/// Made by the owner, for nobody else.
fn private_file(content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    file
}

fn new_key() -> String {
    let key = token::StoredKey::generate(token::Algorithm::Es256, crate::base::Timestamp::from_seconds(1));
    key.unwrap().to_pem().unwrap().expose().to_owned()
}

#[test]
fn every_sample_file_loads_without_a_finding() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("config/examples")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().and_then(|extension| extension.to_str()), Some("toml"));
        let text = fs::read_to_string(&path).unwrap();
        loads_without_findings(&text, &path.display().to_string());
        assert!(text.starts_with("#:schema ../gateway.schema.json\n# "), "{}: says what it is for", path.display());
        seen += 1;
    }
    assert!(seen >= 5);
}

#[test]
fn the_example_file_uses_the_schema_beside_it() {
    let first = example().lines().next().map(str::to_owned).unwrap();
    let path = first.strip_prefix("#:schema ").unwrap();
    assert!(root().join(Path::new(path)).is_file());
}

/// Writes what the table says: `cargo nextest run --run-ignored only write_the_samples`.
#[test]
#[ignore = "writes files"]
fn write_the_samples() {
    fs::write(root().join("gateway.toml.example"), example()).unwrap();
    fs::write(root().join("config/gateway.schema.json"), schema()).unwrap();
}

const WRITE: &str = "make it new with `cargo nextest run --run-ignored only write_the_samples`";
