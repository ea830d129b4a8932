//! Whatever comes, verifying answers.
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_verify_panic(text in "\\PC{0,200}", parts in proptest::collection::vec("[A-Za-z0-9_-]{0,60}", 0..5)) {
        let bench = Bench::new(Algorithm::Hs256);
        prop_assert!(bench.verdict(&text).is_err());
        prop_assert!(bench.verdict(&parts.join(".")).is_err());
    }

    #[test]
    fn no_signed_bytes_make_verify_panic(header in proptest::collection::vec(any::<u8>(), 0..80), payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bench = Bench::new(Algorithm::Hs256);
        let right = bench.header().to_string();
        prop_assert!(bench.verdict(&sign(&bench.key.material, &header, &payload)).is_err());
        prop_assert!(bench.verdict(&sign(&bench.key.material, right.as_bytes(), &payload)).is_err());
    }

    #[test]
    fn a_changed_byte_never_verifies(place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        for algorithm in [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa] {
            let bench = Bench::new(algorithm);
            let mut bytes = issue(&bench.tokens).into_bytes();
            let place = place.index(bytes.len());
            let same = bytes[place] == byte;
            bytes[place] = byte;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert_eq!(bench.verdict(&text).is_ok(), same);
            }
        }
    }
}
