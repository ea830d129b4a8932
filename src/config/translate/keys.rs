//! `[keys]`: files of the operator's, how often keys change, and what they are encrypted with.
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use zeroize::Zeroizing;

use super::tokens::strong;
use crate::base::Clock;
use crate::config::codes::Code;
use crate::config::finding::Finding;
use crate::config::read::{Part, Spot, Texts};
use crate::token::{Algorithm, Half, KeySettings, StoredKey};

pub(super) fn keys(part: &Part<'_>, algorithm: Algorithm) -> KeySettings {
    KeySettings {
        files: files(part, algorithm),
        rotate_every: part.value("rotate_every"),
        encrypt_with: strong(part, "encrypt_with", "the secret that keys are encrypted with").map(|spot| spot.value),
    }
}

fn files(part: &Part<'_>, algorithm: Algorithm) -> Vec<StoredKey> {
    let Some(Spot { value: paths, .. }) = part.given::<Texts>("files") else { return Vec::new() };
    let mut keys: Vec<StoredKey> = Vec::new();
    for path in paths {
        let first = keys.is_empty() && algorithm != Algorithm::Hs256;
        let read = read(&path.value, algorithm).and_then(|(key, open)| {
            if first {
                signs(&key, algorithm)?;
            }
            if keys.iter().any(|other| other.kid == key.kid) {
                return Err(Trouble::new("the same key stands in a file before", "take one of the two out"));
            }
            Ok((key, open))
        });
        match read {
            Ok((key, open)) => {
                if open && key.half == Half::Private {
                    part.complain(open_to_others(&path));
                }
                keys.push(key);
            }
            Err(trouble) => part.complain(
                Finding::new(Code::E310, path.place, format!("the key file {} cannot be used", path.value))
                    .label(trouble.why)
                    .say(trouble.cure),
            ),
        }
    }
    keys
}

/// What is wrong with a file, and what to do.
struct Trouble {
    why: String,
    cure: String,
}

impl Trouble {
    fn new(why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { why: why.into(), cure: cure.into() }
    }
}

/// The key of a file, and whether others may read it.
fn read(path: &str, algorithm: Algorithm) -> Result<(StoredKey, bool), Trouble> {
    let unreadable = |error: std::io::Error| {
        Trouble::new(error.to_string(), "the user that the gateway runs as must be able to read it")
    };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_KEY_FILE).read_to_string(&mut text).map_err(unreadable)?;
    let key = StoredKey::from_pem(&text, algorithm, Clock::system().now())
        .map_err(|why| Trouble::new(why.to_string(), "`authgate help error E310` says which files can be used"))?;
    Ok((key, mode & READ_BY_OTHERS != 0))
}

fn signs(key: &StoredKey, algorithm: Algorithm) -> Result<(), Trouble> {
    if key.half == Half::Public {
        let cure = "the first file signs: put the private key there; the others may be public";
        return Err(Trouble::new("this is a public key", cure));
    }
    if key.algorithm == algorithm {
        return Ok(());
    }
    let (is, wanted) = (key.algorithm.name(), algorithm.name());
    Err(Trouble::new(
        format!("a key for {is}, and `algorithm` is {wanted}"),
        format!("the first file signs: set `algorithm = \"{is}\"` in `[tokens]`, or put a key for {wanted} first"),
    ))
}

fn open_to_others(path: &Spot<String>) -> Finding {
    Finding::new(Code::W310, path.place.clone(), format!("everybody on this machine may read {}", path.value))
        .label("a private key")
        .say(format!("chmod 600 {}", path.value))
}

const MAX_KEY_FILE: u64 = 64 * 1024;
const READ_BY_OTHERS: u32 = 0o004;
