//! One hash: argon2id made and verified (RFC 9106), as the text that the store keeps (the PHC string format).
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Argon2Cost;
use crate::base::{Secret, random_bytes};

/// A kept hash, read and found to cost no more than allowed.
pub(super) struct Kept {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Zeroizing<Vec<u8>>,
}

impl Kept {
    /// Reads a PHC string. `None`: it is not one of Argon2, or it asks for more than `most`; whoever can write into the store must
    /// not be able to ask for a terabyte.
    pub(super) fn parse(text: &str, most: Argon2Cost) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        // The reference leaves the version out where it is the old one.
        let version = hash.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?;
        let params = Params::try_from(&hash).ok()?;
        // Memory and passes may each be large, and not both.
        let work = u64::from(params.m_cost()).saturating_mul(params.t_cost().into());
        let most_work = u64::from(most.memory_kib).saturating_mul(WHOLE_PASSES);
        let fits = params.m_cost() <= most.memory_kib
            && params.t_cost() <= most.iterations
            && params.p_cost() <= most.lanes
            && work <= most_work;
        // What older versions of Argon2 mixed in beside the password: no hash of ours has it.
        let plain = params.keyid().is_empty() && params.data().is_empty();
        let (salt, output) = (hash.salt?.as_ref().to_vec(), Zeroizing::new(hash.hash?.as_bytes().to_vec()));
        (fits && plain).then_some(Self { algorithm, version, params, salt, output })
    }

    pub(super) fn scheme(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Argon2d => "argon2d",
            Algorithm::Argon2i => "argon2i",
            Algorithm::Argon2id => "argon2id",
        }
    }

    /// How many blocks of a KiB a run needs.
    pub(super) fn blocks(&self) -> usize {
        self.params.block_count()
    }

    /// Runs and compares in constant time. `None`: the run failed, which is no verdict.
    pub(super) fn matches(&self, password: &[u8], memory: &mut [Block]) -> Option<bool> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        Argon2::new(self.algorithm, self.version, self.params.clone())
            .hash_password_into_with_memory(password, &self.salt, &mut output, memory)
            .ok()?;
        Some(output.ct_eq(&self.output).into())
    }

    /// Whether a hash made now would look like this one.
    pub(super) fn is_made_with(&self, cost: Argon2Cost) -> bool {
        matches!((self.algorithm, self.version), (Algorithm::Argon2id, Version::V0x13))
            && self.params.m_cost() == cost.memory_kib
            && self.params.t_cost() == cost.iterations
            && self.params.p_cost() == cost.lanes
            && self.salt.len() >= SALT_BYTES
            && self.output.len() >= OUTPUT_BYTES
    }
}

/// Hashes a password with a new salt. `None`: the cost is not one that Argon2 can have, or the run failed.
pub(super) fn hash(password: &[u8], cost: Argon2Cost, memory: &mut [Block]) -> Option<Secret> {
    let (salt, mut output) = (random_bytes::<SALT_BYTES>(), Zeroizing::new([0; OUTPUT_BYTES]));
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params(cost)?)
        .hash_password_into_with_memory(password, &salt, &mut *output, memory)
        .ok()?;
    Some(phc(cost, &salt, &*output))
}

/// How many blocks of a KiB a run of this cost needs.
pub(super) fn blocks(cost: Argon2Cost) -> usize {
    params(cost).map_or(0, |params| params.block_count())
}

/// A hash of nothing that anybody knows: random bytes where the hash would be. Verifying against it is the same work as against a
/// real one, and needs no run to make.
pub(super) fn decoy(cost: Argon2Cost) -> Secret {
    phc(cost, &random_bytes::<SALT_BYTES>(), &random_bytes::<OUTPUT_BYTES>())
}

fn phc(cost: Argon2Cost, salt: &[u8], output: &[u8]) -> Secret {
    let Argon2Cost { memory_kib, iterations, lanes } = cost;
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), Zeroizing::new(STANDARD_NO_PAD.encode(output)));
    Secret::new(format!("$argon2id$v=19$m={memory_kib},t={iterations},p={lanes}${salt}${}", *output))
}

fn params(cost: Argon2Cost) -> Option<Params> {
    Params::new(cost.memory_kib, cost.iterations, cost.lanes, Some(OUTPUT_BYTES)).ok()
}

/// So many passes over the most memory that is allowed: about three seconds at a GiB.
const WHOLE_PASSES: u64 = 4;

/// RFC 9106, section 3.1.
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Argon2Cost = Argon2Cost { memory_kib: 64, iterations: 1, lanes: 1 };
    const MOST: Argon2Cost = Argon2Cost { memory_kib: 1024, iterations: 8, lanes: 4 };

    fn memory() -> Vec<Block> {
        vec![Block::new(); 1024]
    }

    #[test]
    fn a_hash_is_a_phc_string_that_matches_its_password_only() {
        let text = hash(b"hunter2", COST, &mut memory()).unwrap();
        assert!(text.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let kept = Kept::parse(text.expose(), MOST).unwrap();
        assert_eq!(kept.matches(b"hunter2", &mut memory()), Some(true));
        assert_eq!(kept.matches(b"hunter3", &mut memory()), Some(false));
        assert!(kept.is_made_with(COST));
        assert!(!kept.is_made_with(MOST));
        assert_ne!(text.expose(), hash(b"hunter2", COST, &mut memory()).unwrap().expose());
    }

    #[test]
    fn hashes_of_the_reference_program_match() {
        // From the test vectors of the reference implementation (phc-winner-argon2, test.c), password "password", salt "somesalt".
        for text in [
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        ] {
            let kept = Kept::parse(text, MOST).unwrap();
            assert_eq!(kept.matches(b"password", &mut memory()), Some(true), "{text}");
            assert!(!kept.is_made_with(COST), "{text}");
        }
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_is_not_read() {
        for text in [
            "",
            "hunter2",
            "$argon2id$",
            "$argon2id$v=19$m=64,t=1,p=1",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
            "$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2x$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=1025,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=99999999999,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=64,t=9,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=64,t=1,p=5$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=64,t=1,p=4294967295$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4$x",
            "$argon2id$v=19$m=64,t=1,p=1,keyid=AAAA$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=64,t=1,p=1,data=AAAA$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        ] {
            assert!(Kept::parse(text, MOST).is_none(), "{text}");
        }
    }

    #[test]
    fn too_little_memory_is_no_verdict() {
        let kept = Kept::parse(decoy(COST).expose(), MOST).unwrap();
        assert_eq!(kept.blocks(), 64);
        assert_eq!(kept.matches(b"hunter2", &mut [Block::new(); 8]), None);
        assert_eq!(kept.matches(b"hunter2", &mut memory()), Some(false));
    }

    #[test]
    fn a_decoy_looks_like_a_hash_made_now() {
        assert!(Kept::parse(decoy(COST).expose(), MOST).unwrap().is_made_with(COST));
    }
}
