//! Imports point down: a room may name only the rooms its row allows, and no circle can be written.
#![allow(clippy::unwrap_used, clippy::panic, clippy::string_slice, reason = "a test may fail where it stands")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may name; a row stands below everything it names.
const ROOMS: &[(&str, &str)] = &[
    ("base", ""),
    ("wire", "base"),
    ("token", "base"),
    ("passkey", "base"),
    ("password", "base"),
    ("observe", "base"),
    ("pages", "base"),
    ("mail", "base observe pages"),
    ("store", "base"),
    ("tls", "base"),
    ("server", "base wire observe tls"),
    ("client", "base wire"),
    ("shared", "base store"),
    ("limit", "base shared"),
    ("authz", "base token"),
    ("authn", "base wire token store shared authz"),
    ("account", "base token passkey password store shared limit observe pages mail"),
    ("proxy", "base wire token tls shared authz observe"),
    ("routes", "base wire limit authz proxy"),
    ("gate", "base wire token shared authn authz routes"),
    ("refusal", "base wire token password pages limit authn authz account proxy routes gate"),
    // Readiness is the store's and the nodes'; everything else about people goes through account.
    ("endpoints", "base wire token passkey observe pages store server shared authn authz account proxy gate refusal"),
    // Identity for the log line, and the hasher and the limits for their gauges.
    (
        "pipeline",
        "base wire token password observe pages server shared limit account authn authz routes gate proxy refusal endpoints",
    ),
    ("admin", "base wire observe store server account gate refusal endpoints"),
    // Config names the Settings of the rooms that obey them, and nothing else of theirs.
    (
        "config",
        "base wire token password observe pages mail store tls server shared limit authz authn account proxy routes admin",
    ),
    (
        "app",
        "base wire token password observe pages mail store tls server client shared limit authz authn account proxy routes gate refusal endpoints pipeline admin config",
    ),
    (
        "cli",
        "base wire token password observe pages mail store tls server client shared limit authz authn account proxy routes gate refusal endpoints pipeline admin config app",
    ),
    // The hidden door for benches and fuzz targets, and the crate's own root.
    (
        "door",
        "base wire token password observe pages mail store tls server client shared limit authz authn account proxy routes gate refusal endpoints pipeline admin config app cli",
    ),
    ("main", "cli"),
];

/// What stands before an item that is compiled for tests only.
const TEST_ONLY: &str = "#[cfg(test)]";

#[test]
fn every_room_imports_only_what_its_row_allows() {
    let mut wrong = Vec::new();
    for (room, file) in sources() {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else { continue };
        let allowed: BTreeSet<_> = allowed.split_whitespace().collect();
        for named in rooms_named(&fs::read_to_string(&file).unwrap()) {
            if named != room && is_room(&named) && !allowed.contains(named.as_str()) {
                wrong.push(format!("{}: `{room}` names `{named}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up:\n{}", wrong.join("\n"));
}

#[test]
fn the_document_has_a_row_for_each_room() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ARCHITECTURE.md")).unwrap();
    for (room, _) in ROOMS.iter().filter(|(room, _)| *room != "main") {
        assert!(document.contains(&format!("\n| `{room}` | ")), "docs/ARCHITECTURE.md says nothing of `{room}`");
    }
}

#[test]
fn a_row_names_only_rooms_above_it() {
    let mut above = BTreeSet::new();
    for (room, allowed) in ROOMS {
        for name in allowed.split_whitespace() {
            assert!(above.contains(name), "the row of `{room}` names `{name}`, which does not stand above it");
        }
        assert!(above.insert(*room), "`{room}` has two rows");
    }
}

#[test]
fn every_room_has_a_row() {
    let rooms: BTreeSet<_> = sources().into_iter().map(|(room, _)| room).filter(|room| room != "lib").collect();
    for room in &rooms {
        assert!(is_room(room), "src/{room} has no row in tests/layering.rs");
    }
}

#[test]
fn imports_of_every_form_are_read() {
    let text = r#"
use crate::{account, observe::LogSettings, base::{Clock, Timestamp}};
use crate::wire::{
    Body,
    Peer,
};
pub(crate) use crate::token::Tokens as Signer;
// use crate::cli::Comment;
/// See [`crate::app`].
fn f(x: &crate::limit::Rate) -> String { String::from("crate::store::Text") }
macro_rules! m { () => { $crate::proxy::forward() } }
#[cfg(test)]
use crate::endpoints::Everything;
#[cfg(test)]
mod tests {
    use crate::server::Server;
}
"#;
    let named: Vec<_> = rooms_named(text).into_iter().collect();
    assert_eq!(named, ["account", "base", "limit", "observe", "proxy", "token", "wire"]);
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name)
}

/// Every source file beside the room it belongs to. Files that hold only tests are left out.
fn sources() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test_file(&path) {
                let inside = path.strip_prefix(&root).unwrap();
                let room = inside.components().next().unwrap().as_os_str().to_string_lossy();
                files.push((room.trim_end_matches(".rs").to_owned(), path));
            }
        }
    }
    assert!(!files.is_empty());
    files
}

/// A file that its room declares under `#[cfg(test)]`.
fn is_test_file(path: &Path) -> bool {
    let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
    let Some(folder) = path.parent() else { return false };
    let beside = folder.with_extension("rs");
    let declared = |file: &Path| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let mut above = "";
        lines.into_iter().any(|line| {
            let found = match line.strip_prefix(TEST_ONLY) {
                Some(rest) => declares(rest.trim_start(), &stem),
                None => above.starts_with(TEST_ONLY) && declares(line, &stem),
            };
            above = line;
            found
        })
    };
    let in_test_folder = path.components().any(|part| part.as_os_str() == "tests");
    in_test_folder || declared(&folder.join("mod.rs")) || declared(&beside)
}

fn declares(line: &str, module: &str) -> bool {
    let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
    line == format!("mod {module};")
}

/// The rooms that a text names by `crate::…`, outside tests, comments and string literals.
fn rooms_named(text: &str) -> BTreeSet<String> {
    let code = without_comments_and_strings(&without_tests(text));
    let mut named = BTreeSet::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("crate::") {
        rest = &rest[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            named.extend(heads_of(list));
        } else {
            named.insert(word(rest));
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

/// The first word of each entry of a `{…}` list that begins after the brace.
fn heads_of(list: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut fresh) = (0_usize, true);
    for (index, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && depth == 0 && !character.is_whitespace() => {
                heads.push(word(&list[index..]));
                fresh = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// The text without the items that stand under `#[cfg(test)]`.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.trim_start().starts_with(TEST_ONLY) {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let (mut depth, mut opened) = (0_i64, false);
        let mut item = line.trim_start().trim_start_matches(TEST_ONLY).to_owned();
        loop {
            for character in item.chars() {
                depth += i64::from(character == '{') - i64::from(character == '}');
                opened |= character == '{';
            }
            let ended = if opened { depth <= 0 } else { item.trim_end().ends_with(';') };
            if ended {
                break;
            }
            let Some(next) = lines.next() else { break };
            item = next.to_owned();
        }
    }
    kept
}

/// Line comments are cut, and what stands between quotes is emptied; both may name rooms freely.
fn without_comments_and_strings(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        for (index, part) in code.split('"').enumerate() {
            if index % 2 == 0 {
                kept.push_str(part);
            }
        }
        kept.push('\n');
    }
    kept
}
