//! Tokens, and what an operator hands in: the file, tables of people, hashes of other programs.
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Promise, hold};
use crate::base::{Secret, Timestamp};
use crate::cli::people_in;
use crate::config::{self, ConfigError, Environment, Format};
use crate::password::{run_if_cheap, scheme_of};
use crate::token::{KeyRing, StoredKey};

/// As it comes no text is a token; and claims that are signed with our own key are read without a panic.
pub fn token(bytes: &[u8]) -> Promise {
    TOKENS.with(|bench| {
        let (bench, kid) = bench.as_ref().ok_or("there is no key")?;
        if let Ok(text) = std::str::from_utf8(bytes) {
            hold(!bench.verify(text), "a text that nobody signed is a token")?;
        }
        let (header, payload) = match bytes.iter().position(|byte| *byte == 0) {
            Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default()),
            None => (kid.as_bytes(), bytes),
        };
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes());
        let signed = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        let good = bench.verify(&signed);
        hold(!good || serde_json::from_slice::<serde_json::Value>(payload).is_ok(), "claims that are no JSON are taken")
    })
}

/// A file is taken or refused, with findings that can be drawn; nobody reads another file because of it.
pub fn configuration(bytes: &[u8]) -> Promise {
    // Names of files are followed, and some files have no end.
    let names_a_file = bytes.windows(5).any(|five| five == b"/dev/" || five == b"file:");
    if names_a_file || bytes.len() > MOST_FILE {
        return Ok(());
    }
    let findings = match config::parse_bytes(bytes, "gateway.toml", &Environment::bare()) {
        Ok(loaded) => loaded.warnings,
        Err(ConfigError::Wrong(findings)) => *findings,
        Err(error) => return Err(format!("a text is read like a file: {error}")),
    };
    for format in [Format::Text, Format::Json, Format::Github] {
        hold(findings.is_empty() || !findings.render(format, true).is_empty(), "findings are not told")?;
    }
    Ok(())
}

/// The first byte says who wrote the rest.
pub fn import(bytes: &[u8]) -> Promise {
    let Some((program, text)) = bytes.split_first() else { return Ok(()) };
    let Ok((good, bad)) = people_in(text.to_vec(), program % 8) else { return Ok(()) };
    hold(good + bad <= text.len() + 1, "there are more rows than bytes")
}

/// A hash is read or refused; it has one kind; and no password fits by chance.
pub fn hash(bytes: &[u8]) -> Promise {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    hold(!scheme_of(text).is_empty(), "a hash has no kind")?;
    hold(run_if_cheap(text, SECRET.as_bytes()) != Some(true), "a password fits a hash that is not its own")
}

thread_local! {
    /// With a secret that is known, and the header of its tokens.
    static TOKENS: Option<(super::super::TokenBench, String)> = bench();
}

fn bench() -> Option<(super::super::TokenBench, String)> {
    let now = Timestamp::from_seconds(1_790_000_000);
    let key = StoredKey::shared_secret(&Secret::new(SECRET.to_owned()), now).ok()?;
    let header = format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{}"}}"#, key.kid);
    let bench = super::super::TokenBench::new("HS256")?;
    bench.tokens.change_keys(KeyRing::new(&key, &[]).ok()?);
    Some((bench, header))
}

/// For the fuzz targets alone.
const SECRET: &str = "4vZ-k9Q!rT2xW7yB0nM5cL8jH3gF6dS1";
const MOST_FILE: usize = 16 * 1024;
