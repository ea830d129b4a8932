//! yescrypt and its GOST form, as libxcrypt writes them into /etc/shadow.
use streebog::{Digest, Streebog256};
use yescrypt::{Params, yescrypt};
use zeroize::Zeroizing;

use super::text::{uncrypt64, value64};
use super::{BadHash, Derived, Foreign, Read};

pub(super) struct Run {
    params: Params,
    memory: usize,
    salt: Vec<u8>,
    /// For the GOST form: everything before the hash.
    gost: Option<String>,
}

pub(super) fn read(text: &str) -> Read {
    if let Some(rest) = text.strip_prefix("$y$") {
        return Some(build("yescrypt", rest, None));
    }
    text.strip_prefix("$gy$").map(|rest| build("gost-yescrypt", rest, Some(text)))
}

fn build(scheme: &'static str, text: &str, gost: Option<&str>) -> Result<Foreign, BadHash> {
    let mut parts = text.split('$');
    let (Some(numbers), Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(BadHash::Damaged(scheme));
    };
    // The size stands in one letter; it is looked at before anything computes with it.
    let log_n = numbers.as_bytes().get(1).and_then(|letter| value64(*letter)).ok_or(BadHash::Damaged(scheme))?;
    if log_n >= MOST_LOG_N {
        return Err(BadHash::TooCostly(scheme));
    }
    // Time beyond memory is a number that the library does not show: with any of the further fields it is not taken.
    if numbers.len() > PLAIN_NUMBERS {
        return Err(BadHash::TooCostly(scheme));
    }
    let params: Params = numbers.parse().map_err(|_| BadHash::Damaged(scheme))?;
    let memory = params.n().checked_mul(128).and_then(|n| n.checked_mul(u64::from(params.r())));
    let memory = memory.filter(|memory| *memory <= MOST_MEMORY).and_then(|memory| usize::try_from(memory).ok());
    let memory = memory.filter(|_| (1..=4).contains(&params.p())).ok_or(BadHash::TooCostly(scheme))?;
    let (Some(salt), Some(output)) = (uncrypt64(salt), uncrypt64(hash).filter(|output| output.len() == 32)) else {
        return Err(BadHash::Damaged(scheme));
    };
    let gost = gost.and_then(|text| text.rsplit_once('$')).map(|(settings, _)| settings.to_owned());
    Ok(Foreign::new(scheme, super::Run::Yescrypt(Run { params, memory, salt, gost }), output))
}

impl Run {
    pub(super) fn derive(&self, password: &[u8], length: usize) -> Derived {
        Vec::<u8>::new().try_reserve_exact(self.memory).ok()?;
        let mut output = Zeroizing::new(vec![0; length]);
        yescrypt(password, &self.salt, &self.params, &mut output).ok()?;
        let Some(settings) = &self.gost else { return Some(output) };
        let key = mac(&Streebog256::digest(password), settings.as_bytes());
        Some(Zeroizing::new(mac(&key, &output)))
    }
}

/// HMAC (RFC 2104) over Streebog with 256 bits; the key is a digest, so it is shorter than a block.
fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(to, byte)| *to ^= byte);
        block
    };
    let inner = Streebog256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Streebog256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

/// Of N, in the letter's own counting (one less than the power).
const MOST_LOG_N: u32 = 20;
const MOST_MEMORY: u64 = 256 * 1024 * 1024;
/// Flavour, N and r, each one letter or two.
const PLAIN_NUMBERS: usize = 4;
