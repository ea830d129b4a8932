//! What fuzz targets ask: any bytes in, and a broken promise out, in words. A panic is one too.
mod files;
mod heads;
mod request;

pub use files::{configuration, hash, import, token};
pub use heads::{announced, answer, head};
pub use request::{authorization, cookies, forwarded, path};

/// `Err`: a promise was broken, and which.
pub type Promise = Result<(), String>;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]) -> Promise);

/// All of them. Each has a folder in `fuzz/corpus` and a file in `fuzz/fuzz_targets`.
pub const TARGETS: &[Target] = &[
    ("announced", announced),
    ("answer", answer),
    ("authorization", authorization),
    ("configuration", configuration),
    ("cookies", cookies),
    ("forwarded", forwarded),
    ("hash", hash),
    ("head", head),
    ("import", import),
    ("path", path),
    ("token", token),
];

fn hold(kept: bool, promise: &str) -> Promise {
    if kept { Ok(()) } else { Err(promise.to_owned()) }
}
