//! Hashes made by the real libraries; tests/data/password-hashes.json names each of them.
use super::*;
use std::sync::Arc;
use std::time::Duration;

use crate::password::kept::Kept;
use crate::password::memory::Memory;
use crate::password::{Argon2Cost, of_firebase, peppered, scheme_of};

#[derive(serde::Deserialize)]
struct Row {
    source: String,
    password: String,
    hash: String,
    #[serde(default = "yes")]
    valid: bool,
    prehash: Option<String>,
    pepper: Option<String>,
    salt: Option<String>,
    params: Option<Params>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    mem_cost: u32,
    rounds: u32,
    salt_separator: String,
    signer_key: String,
}

fn yes() -> bool {
    true
}

impl Row {
    /// As it stands in the store.
    fn kept(&self) -> String {
        if let (Some(salt), Some(params)) = (&self.salt, &self.params) {
            let Params { mem_cost, rounds, salt_separator, signer_key } = params;
            return of_firebase(*mem_cost, *rounds, salt, salt_separator, signer_key, &self.hash);
        }
        match (&self.prehash, &self.pepper) {
            (Some(_), _) => format!("$sha256-hex{}", self.hash),
            (None, Some(pepper)) => peppered(pepper, &self.hash),
            (None, None) => self.hash.clone(),
        }
    }
}

const MOST: Argon2Cost = Argon2Cost { memory_kib: 1024 * 1024, iterations: 64, lanes: 16 };

fn matches(kept: &str, password: &str, memory: &Arc<Memory>) -> bool {
    Kept::parse(kept, MOST).is_ok_and(|kept| kept.matches(password.as_bytes(), memory).unwrap())
}

#[test]
fn every_hash_of_a_real_library_is_verified_and_no_other_password() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../../../tests/data/password-hashes.json")).unwrap();
    assert!(rows.len() >= 149);
    let memory = Memory::new(128 * 1024, Duration::from_secs(60));
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let ask = |row: &Row| {
            let first =
                rows.iter().find(|other| other.source == row.source).is_some_and(|other| other.hash == row.hash);
            matches(&row.kept(), &row.password, &memory) != row.valid
                // Once for each source, and not for the slowest: some take seconds without optimisation.
                || (first && !row.hash.contains("rounds=") && matches(&row.kept(), "another one", &memory))
        };
        let (left, right) = rows.split_at(rows.len() / 2);
        let halves =
            [left, right].map(|half| scope.spawn(move || half.iter().filter(|&row| ask(row)).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let told: Vec<_> = wrong.iter().map(|row| format!("{}: {}", row.source, row.hash)).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn a_hostile_hash_is_not_taken() {
    let b64 = "A".repeat(43);
    let costly = [
        "$2b$31$snXwdYiBFnTxUCP6ZS67zOaxGwh9eIuzoLNUcJaVuhMNDgOugg/h.".to_owned(),
        "$6$rounds=999999999$sImB3btr2C019mb6$".to_owned() + &"a".repeat(86),
        format!("pbkdf2_sha256$4294967295$salt${b64}="),
        format!("pbkdf2:sha256:2000000000$salt${}", "0".repeat(64)),
        format!("$pbkdf2-sha512$3100000$AAAA${}", "A".repeat(170)),
        format!("scrypt:1073741824:8:1$salt${}", "0".repeat(128)),
        format!("scrypt:32768:8:4096$salt${}", "0".repeat(128)),
        format!("$scrypt$ln=63,r=8,p=1$AAAA${b64}"),
        format!("$scrypt$ln=2,r=4294967295,p=4294967295$AAAA${b64}"),
        format!("$7$zU..../....salt${b64}"),
        format!("$7$C..../.zzzz/salt${b64}"),
        format!("$y$jzT$AAAA${b64}"),
        format!("$y$j9zzzzzzz$AAAA${b64}"),
        format!("$P$z{}", "a".repeat(30)),
        format!("{{FSHP1|16|4294967295}}{}", "A".repeat(64)),
        // Version 3 of ASP.NET Identity with 2^32 - 1 iterations.
        "AQAAAAH/////AAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==".to_owned(),
    ];
    for text in &costly {
        let refused = Foreign::parse(text);
        assert!(matches!(refused, Err(BadHash::TooCostly(_))), "{text}: {:?}", refused.err());
    }
    assert_eq!(costly.first().map(|text| scheme_of(text)), Some("bcrypt"));
    for text in [
        "$2b$10$short",
        "$2b$10$",
        "$2b$",
        "$wp$2y$",
        "$pepper$$",
        "$bcrypt-sha256$v=2$a$b",
        "{SSHA}AAAA",
        "md5$a$b",
        "$6$rounds=1$a$b",
        "pbkdf2_sha256$0$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt:3:8:1$a$00",
        "$y$j9T$a",
        "$y$",
        "$7$",
        "c2NyeXB0AA8AAAAI",
        "$firebase-scrypt$ln=14,r=8$a$b$c",
    ] {
        let refused = Foreign::parse(text);
        assert!(matches!(refused, Err(BadHash::Damaged(_) | BadHash::TooCostly(_))), "{text}: {:?}", refused.err());
    }
    for text in
        ["", "secret", "$S$DxyzxyzXYZ", "$2x$10$", "$", "é", "\0", "5f4dcc3b5aa765d61d8327deb882cf99", &"a".repeat(513)]
    {
        assert!(matches!(Foreign::parse(text), Err(BadHash::Unknown(_))), "{text}");
    }
    assert_eq!(Foreign::parse("$S$Dxyz$abc").err(), Some(BadHash::Unknown("$S$".to_owned())));
    assert_eq!(Foreign::parse("hunter2").err(), Some(BadHash::Unknown(String::new())));
}

proptest::proptest! {
    #[test]
    fn no_text_is_read_with_a_panic(mark in proptest::sample::select(MARKS.to_vec()), rest in "[ -~]{0,80}") {
        drop(Foreign::parse(&format!("{mark}{rest}")));
    }
}

const MARKS: &[&str] = &[
    "",
    "$2b$10$",
    "$7$",
    "$y$j9T$",
    "$gy$",
    "$6$rounds=",
    "$P$",
    "{FSHP1|",
    "$scrypt$ln=1",
    "scrypt:",
    "scrypt$",
    "pbkdf2:",
    "pbkdf2_sha256$",
    "$pbkdf2-",
    "{SSHA}",
    "$pepper$",
    "$firebase-scrypt$",
    "AQAAAA",
    "$bcrypt-sha256$v=2,",
    "$1$",
    "$5$",
];
