//! The fuzz targets without their tools: the kept corpus as it is, then changed at random for a while. `make test` gives each ten
//! seconds, and each run of it begins elsewhere; a failure tells the bytes, which become a file of the corpus.
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;
use std::time::{Duration, Instant};

use authgate::door::fuzz::TARGETS;

macro_rules! targets {
    ($($name:ident)*) => {
        /// What has a test below.
        const TRIED: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                try_out(stringify!($name));
            }
        )*
    };
}

targets! { announced answer authorization configuration cookies forwarded hash head import path token }

#[test]
fn every_target_is_tried_here_and_has_a_corpus_and_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(TRIED.contains(name), "{name} has no test");
        assert!(!corpus(name).is_empty(), "{name} has no corpus");
        let file = format!("fuzz_targets/{name}.rs");
        assert!(root.join(&file).exists() && manifest.contains(&file), "{name} is no target of libFuzzer");
    }
}

fn try_out(name: &str) {
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (end, seeds) = (Instant::now() + Duration::from_secs(seconds), corpus(name));
    let ask = |bytes: &[u8]| {
        let outcome = std::panic::catch_unwind(|| target(bytes));
        let kept = outcome.unwrap_or_else(|_| Err("a panic".to_owned()));
        assert_eq!(kept, Ok(()), "{name} on b\"{}\"", bytes.escape_ascii());
    };
    seeds.iter().for_each(|seed| ask(seed));
    let mut chance = Chance(RandomState::new().build_hasher().finish());
    let mut tries = 0_u64;
    while Instant::now() < end {
        let mut bytes = seeds[chance.below(seeds.len())].clone();
        for _ in 0..=chance.below(4) {
            chance.change(&mut bytes, &seeds);
        }
        ask(&bytes);
        tries += 1;
    }
    eprintln!("{name}: {tries} inputs in {seconds} s");
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = std::fs::read_dir(folder).into_iter().flatten();
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

/// splitmix64
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }

    /// A part of some text, of at most this many bytes.
    fn part<'t>(&mut self, text: &'t [u8], most: usize) -> &'t [u8] {
        let from = self.below(text.len() + 1);
        &text[from..text.len().min(from + self.below(most + 1))]
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let to = bytes.len().min(at + self.below(16));
        let kind = self.below(7);
        match kind {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
            2 => drop(bytes.drain(at..to)),
            3 => bytes.truncate(at),
            // A piece of itself, or of another, somewhere else.
            4 => {
                let part = self.part(&bytes.clone(), 64).to_vec();
                drop(bytes.splice(at..at, part));
            }
            5 => {
                let other = self.below(seeds.len());
                let part = self.part(&seeds[other], 64).to_vec();
                drop(bytes.splice(at..to, part));
            }
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                drop(bytes.splice(at..to, word.iter().copied()));
            }
        }
        bytes.truncate(MOST);
    }
}

/// What readers stumble over.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\0",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b",",
    b";",
    b"%2f",
    b"%2e%2e",
    b"%00",
    b"../",
    b"#",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\"",
    b"\\u0000",
    b"$",
    b"${",
    b"18446744073709551616",
    b"-1",
    b"ffffffffffffffff",
    b"content-length: 1\r\n",
    b"transfer-encoding: chunked\r\n",
    b"::ffff:10.0.0.1",
    b"[]",
    b"{}",
    b"'''",
];
const MOST: usize = 64 * 1024;
