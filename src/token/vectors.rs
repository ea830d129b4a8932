//! Our signature check held against signatures that others made: Wycheproof, RFC 7520, RFC 7797, RFC 8037.
//!
//! The vectors are not part of this repository. Where they are missing the tests say so, loudly, and prove nothing.
use std::path::Path;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Algorithm;
use super::jws::{Header, Jws, Malformed};
use super::keys::VerifyingKey;

/// Labels that other readers dispute and a strict one decides as here. 367 and 370 are the bytes of 357, which is valid; 372 and
/// 373 have a `?` inside that lax base64 passes over; 346 and 350 are PS384 with a key for PS256.
const STRICTER: [u64; 4] = [346, 350, 372, 373];
const SAME_AS_A_VALID_ONE: [u64; 2] = [367, 370];

#[test]
fn every_wycheproof_token_gets_its_verdict() {
    let Some(file) = vectors("wycheproof/json_web_signature_test.json") else { return };
    let (mut good, mut bad) = (0, 0);
    for group in list(&file, "testGroups") {
        let key = group.get("public").or_else(|| group.get("private")).unwrap();
        for test in list(group, "tests") {
            let id = test["tcId"].as_u64().unwrap();
            let ours = key["alg"].as_str().is_none_or(|name| Algorithm::parse(name).is_some());
            let valid =
                (test["result"] == "valid" && ours && !STRICTER.contains(&id)) || SAME_AS_A_VALID_ONE.contains(&id);
            assert_eq!(verifies(key, test["jws"].as_str().unwrap()), valid, "tcId {id}: {}", test["comment"]);
            *(if valid { &mut good } else { &mut bad }) += 1;
        }
    }
    assert!(good >= 25 && bad >= 340, "{good} good and {bad} bad");
    tell("Wycheproof JSON Web Signature", good, bad);
}

#[test]
fn every_wycheproof_primitive_gets_its_verdict() {
    for (file, algorithm, key_name) in [
        ("ecdsa_secp256r1_sha256_p1363_test.json", Algorithm::Es256, "uncompressed"),
        ("ed25519_test.json", Algorithm::EdDsa, "pk"),
        ("rsa_signature_2048_sha256_test.json", Algorithm::Rs256, ""),
        ("rsa_pss_2048_sha256_mgf1_32_test.json", Algorithm::Ps256, ""),
    ] {
        let Some(file) = vectors(&format!("wycheproof/{file}")) else { return };
        let (mut good, mut bad) = (0, 0);
        for group in list(&file, "testGroups") {
            let key = if key_name.is_empty() { &group["publicKeyAsn"] } else { &group["publicKey"][key_name] };
            let key = VerifyingKey::public(algorithm, &hex(key)).unwrap();
            for test in list(group, "tests").iter().filter(|test| test["result"] != "acceptable") {
                let verified = key.verifies(&hex(&test["msg"]), &hex(&test["sig"]));
                assert_eq!(
                    verified,
                    test["result"] == "valid",
                    "{algorithm:?} tcId {}: {}",
                    test["tcId"],
                    test["comment"]
                );
                *(if verified { &mut good } else { &mut bad }) += 1;
            }
        }
        tell(&format!("Wycheproof {}", algorithm.name()), good, bad);
    }
}

#[test]
fn every_wycheproof_tag_gets_its_verdict() {
    let Some(file) = vectors("wycheproof/hmac_sha256_test.json") else { return };
    let (mut good, mut bad) = (0, 0);
    for group in list(&file, "testGroups") {
        for test in list(group, "tests") {
            let key = secret(&hex(&test["key"]));
            // A tag that was cut to 128 bits is no HS256 (RFC 7518, section 3.2).
            let valid = test["result"] == "valid" && group["tagSize"] == 256;
            assert_eq!(key.verifies(&hex(&test["msg"]), &hex(&test["tag"])), valid, "tcId {}", test["tcId"]);
            *(if valid { &mut good } else { &mut bad }) += 1;
        }
    }
    tell("Wycheproof HS256", good, bad);
}

#[test]
fn the_examples_of_the_standards_get_their_verdict() {
    let (mut good, mut bad) = (0, 0);
    for (file, valid) in [
        ("jws/4_1.rsa_v15_signature.json", true),
        ("jws/4_4.hmac-sha2_integrity_protection.json", true),
        ("curve25519/jws.json", true),
        // PS384 and ES512 are not ours; a detached payload is not there; `b64` changes what is signed.
        ("jws/4_2.rsa-pss_signature.json", false),
        ("jws/4_3.ecdsa_signature.json", false),
        ("jws/4_5.signature_with_detached_content.json", false),
        ("rfc7797/hmac-sha2_b64_false.json", false),
        ("6.nesting_signatures_and_encryption.json", false),
    ] {
        let Some(example) = vectors(&format!("jose-cookbook/{file}")) else { return };
        let (input, output) = match example.get("input") {
            Some(input) => (input, &example["output"]),
            None => (&example["sign"]["input"], &example["encrypt"]["output"]),
        };
        let mut key = input["key"].clone();
        key["alg"] = input["alg"].clone();
        let Some(token) = output["compact"].as_str() else {
            assert!(!valid, "{file} has no compact form");
            bad += 1;
            continue;
        };
        assert_eq!(verifies(&key, token), valid, "{file}");
        *(if valid { &mut good } else { &mut bad }) += 1;
    }
    tell("JOSE cookbook", good, bad);
}

/// `scripts/conformance/jose` reads these lines.
fn tell(what: &str, good: u32, bad: u32) {
    println!("vectors: {what}: {} tried, {good} verified, {bad} refused, all as they should", good + bad);
}

/// What [`super::Tokens::verify`] does up to the signature, with a key from anywhere.
fn verifies(jwk: &Value, token: &str) -> bool {
    let Some((algorithm, key)) = key(jwk) else { return false };
    let check = || -> Result<bool, Malformed> {
        let jws = Jws::split(token)?;
        let header = jws.header()?;
        let header = Header::parse(&header)?;
        let signed = key.verifies(jws.message.as_bytes(), &jws.signature()?);
        Ok(*header.alg == *algorithm.name()
            && header.kid.as_deref() == jwk["kid"].as_str()
            && signed
            && jws.payload().is_ok())
    };
    check().unwrap_or(false)
}

fn key(jwk: &Value) -> Option<(Algorithm, VerifyingKey)> {
    let algorithm = Algorithm::parse(jwk["alg"].as_str()?)?;
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let rsa = || RsaPublicKeyComponents { n: part("n"), e: part("e") };
    let key = match algorithm {
        Algorithm::Hs256 => secret(&part("k")),
        Algorithm::Es256 => VerifyingKey::public(algorithm, &[&[4][..], &part("x"), &part("y")].concat()).ok()?,
        Algorithm::EdDsa => VerifyingKey::public(algorithm, &part("x")).ok()?,
        Algorithm::Rs256 => VerifyingKey::Public(rsa().to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?),
        Algorithm::Ps256 => VerifyingKey::Public(rsa().to_parsed_public_key(&RSA_PSS_2048_8192_SHA256).ok()?),
    };
    Some((algorithm, key))
}

fn vectors(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("NOT TESTED: no vectors in {}", path.display());
        return None;
    };
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().unwrap()
}

fn secret(bytes: &[u8]) -> VerifyingKey {
    VerifyingKey::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
}

fn hex(value: &Value) -> Vec<u8> {
    let digits: Vec<u8> =
        value.as_str().unwrap().chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}
