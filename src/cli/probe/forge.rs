//! Every forged token: the well-known tricks with algorithms and keys.
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::base::{SessionId, Timestamp, TokenId, UserId};

/// A token, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Forged {
    pub(super) name: String,
    pub(super) token: String,
}

/// What all of them are made from.
pub(super) struct Forge {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// Of a real token, where there is one.
    real: Option<[String; 3]>,
    keys: Vec<Value>,
}

impl Forge {
    /// With the header and the claims of a real token, and else with ones as a real one has them.
    pub(super) fn new(keys: Vec<Value>, real: Option<&str>, issuer: &str, audience: &str, now: Timestamp) -> Self {
        let parts = real.and_then(parts);
        let read = |at: usize| {
            let text = parts.as_ref()?.get(at)?;
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
        };
        let seconds = now.seconds();
        let claims = json!({
            "iss": issuer, "sub": UserId::new(now).to_string(), "aud": audience,
            "exp": seconds + 600, "iat": seconds, "nbf": seconds, "auth_time": seconds,
            "jti": TokenId::new(now).to_string(), "sid": SessionId::new(now).to_string(), "amr": ["pwd"],
            "preferred_username": "admin",
        });
        let header = json!({ "alg": "ES256", "kid": keys.first().and_then(|key| key.get("kid")), "typ": "at+jwt" });
        let own = |value: Value| if let Value::Object(map) = value { map } else { Map::new() };
        let mut claims = read(1).unwrap_or_else(|| own(claims));
        // What somebody who forges would want.
        claims.insert("roles".to_owned(), json!(["admin"]));
        claims.insert("scope".to_owned(), json!("admin"));
        Self { header: read(0).unwrap_or_else(|| own(header)), claims, real: parts, keys }
    }

    pub(super) fn all(&self) -> Vec<Forged> {
        let mut all = self.unsigned();
        all.extend(self.with_guessed_secrets());
        all.extend(self.with_shown_keys());
        all.extend(self.with_keys_of_its_own());
        all.extend(self.changed());
        all
    }

    fn unsigned(&self) -> Vec<Forged> {
        let mut all: Vec<_> = ["none", "None", "NONE", "nOnE", ""]
            .iter()
            .map(|alg| forged(format!("of alg {alg:?}"), format!("{}.", self.signing_input(&[("alg", json!(alg))]))))
            .collect();
        let body = self.signing_input(&[("alg", Value::Null)]);
        all.push(forged("without alg", format!("{body}.")));
        all.push(forged("without a signature", format!("{}.", self.signing_input(&[]))));
        let zeros = URL_SAFE_NO_PAD.encode([0_u8; 64]);
        for alg in ["ES256", "EdDSA"] {
            let body = self.signing_input(&[("alg", json!(alg))]);
            all.push(forged(format!("of {alg} whose signature is zero"), format!("{body}.{zeros}")));
        }
        all
    }

    fn with_guessed_secrets(&self) -> Vec<Forged> {
        let body = self.signing_input(&[("alg", json!("HS256")), ("kid", Value::Null)]);
        let kept = self.signing_input(&[("alg", json!("HS256"))]);
        let secrets = SAMPLE_SECRETS.iter().flat_map(|secret| {
            let name =
                if secret.is_empty() { "an empty secret".to_owned() } else { format!("the sample secret {secret:?}") };
            [
                forged(format!("signed with {name}"), mac(&body, secret.as_bytes())),
                forged(format!("signed with {name}, for the shown key"), mac(&kept, secret.as_bytes())),
            ]
        });
        let mut all: Vec<_> = secrets.collect();
        for kid in ["../../../../../../dev/null", "' UNION SELECT '' -- ", "", "0"] {
            let body = self.signing_input(&[("alg", json!("HS256")), ("kid", json!(kid))]);
            all.push(forged(format!("of kid {kid:?}, signed with an empty secret"), mac(&body, b"")));
        }
        all
    }

    /// HS256 with what everybody can read as the secret.
    fn with_shown_keys(&self) -> Vec<Forged> {
        let mut all = Vec::new();
        for key in &self.keys {
            let kid = key.get("kid").cloned().unwrap_or_default();
            let body = self.signing_input(&[("alg", json!("HS256")), ("kid", kid)]);
            for (form, secret) in forms(key) {
                all.push(forged(format!("signed by HS256 with the public key as {form}"), mac(&body, &secret)));
            }
        }
        all
    }

    /// Rightly signed, by a key that the token itself brings.
    fn with_keys_of_its_own(&self) -> Vec<Forged> {
        let Ok(pair) = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING) else { return Vec::new() };
        let point = pair.public_key().as_ref();
        let (x, y) = (point.get(1..33).unwrap_or_default(), point.get(33..65).unwrap_or_default());
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) });
        let more = [
            ("signed by a key nobody knows", None),
            ("that brings its key (jwk)", Some(("jwk", jwk))),
            ("that names a place for its key (jku)", Some(("jku", json!("https://keys.invalid/jwks.json")))),
            ("that names a place for its certificate (x5u)", Some(("x5u", json!("https://keys.invalid/c.pem")))),
        ];
        let made = more.into_iter().filter_map(|(name, member)| {
            let mut changes = vec![("alg", json!("ES256"))];
            changes.extend(member);
            let body = self.signing_input(&changes);
            let signature = pair.sign(&SystemRandom::new(), body.as_bytes()).ok()?;
            Some(forged(name, format!("{body}.{}", text(signature.as_ref()))))
        });
        made.collect()
    }

    /// A real token with something else in it.
    fn changed(&self) -> Vec<Forged> {
        let Some([header, claims, signature]) = &self.real else { return Vec::new() };
        let mut twisted = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        twisted.iter_mut().take(1).for_each(|byte| *byte ^= 1);
        let digest = digest::digest(&digest::SHA256, signature.as_bytes());
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let bigger = text(Value::Object(self.claims.clone()).to_string().as_bytes());
        [
            ("of yours, with the role admin added", format!("{header}.{bigger}.{signature}")),
            ("of yours, with one bit of the signature changed", format!("{header}.{claims}.{}", text(&twisted))),
            ("of yours, with another signature", format!("{header}.{claims}.{}", text(digest.as_ref()))),
            ("of yours, with its signature cut off", format!("{header}.{claims}.")),
            ("of yours, with its last part missing", format!("{header}.{claims}")),
            ("of yours, with a part too many", format!("{header}.{claims}.{signature}.{signature}")),
            ("of yours, padded", format!("{header}.{claims}.{signature}==")),
        ]
        .into_iter()
        .map(|(name, token)| forged(name, token))
        .collect()
    }

    /// Header and claims; `Null` takes a member out.
    fn signing_input(&self, changes: &[(&str, Value)]) -> String {
        let mut header = self.header.clone();
        for (name, value) in changes {
            if value.is_null() {
                header.shift_remove(*name);
            } else {
                header.insert((*name).to_owned(), value.clone());
            }
        }
        let part = |map: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(map.clone()).to_string());
        format!("{}.{}", part(&header), part(&self.claims))
    }
}

fn forged(name: impl Into<String>, token: String) -> Forged {
    Forged { name: name.into(), token }
}

fn parts(token: &str) -> Option<[String; 3]> {
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().ok()
}

fn mac(body: &str, secret: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body.as_bytes());
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Every form in which somebody might hand a public key to a function that wants a secret.
fn forms(key: &Value) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("a JWK", key.to_string().into_bytes())];
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(key.get(name)?.as_str()?).ok();
    let der = match (key.get("kty").and_then(Value::as_str), bytes("x"), bytes("y"), bytes("n"), bytes("e")) {
        (Some("EC"), Some(x), Some(y), ..) if x.len() == 32 => Some([SPKI_P256, &[4], &x, &y].concat()),
        (Some("OKP"), Some(x), ..) => Some([SPKI_ED25519, &x].concat()),
        (Some("RSA"), _, _, Some(n), Some(e)) => Some(rsa_spki(&n, &e)),
        _ => None,
    };
    let Some(der) = der else { return forms };
    let pem = pem(&der);
    forms.push(("PEM without its last line end", pem.trim_end().as_bytes().to_vec()));
    forms.push(("PEM", pem.into_bytes()));
    forms.push(("DER", der));
    forms
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// SubjectPublicKeyInfo of an RSA key (RFC 8017, appendix A.1.1).
fn rsa_spki(n: &[u8], e: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| {
        let sign: &[u8] = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
        der(0x02, &[sign, bytes].concat())
    };
    let key = der(0x30, &[number(n), number(e)].concat());
    der(0x30, &[RSA_ALGORITHM.to_vec(), der(0x03, &[&[0], key.as_slice()].concat())].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let head = match length.as_slice() {
        [] => vec![tag, 0],
        [one] if *one < 0x80 => vec![tag, *one],
        // At most eight bytes of length.
        more => [&[tag, 0x80 | u8::try_from(more.len()).unwrap_or_default()], more].concat(),
    };
    [head.as_slice(), content].concat()
}

/// Everything before the point of a P-256 key, and before an Ed25519 key (RFC 5480, RFC 8410).
const SPKI_P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const SPKI_ED25519: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Secrets that stand in tutorials and were copied from there.
const SAMPLE_SECRETS: &[&str] = &[
    "",
    "secret",
    "changeme",
    "change-me",
    "super-secret",
    "your-256-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
];

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa;
    use aws_lc_rs::signature::{RsaPublicKeyComponents, UnparsedPublicKey};

    use super::*;

    #[test]
    fn public_keys_are_written_as_others_write_them() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = json!({ "kty": "EC", "x": text(&point[1..33]), "y": text(&point[33..]) });
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        assert_eq!(forms(&key).pop().unwrap().1, spki.as_ref());

        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let parts: RsaPublicKeyComponents<Vec<u8>> = RsaPublicKeyComponents::from(pair.public_key());
        let key = json!({ "kty": "RSA", "n": text(&parts.n), "e": text(&parts.e) });
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        assert_eq!(forms(&key).pop().unwrap().1, spki.as_ref());
    }

    #[test]
    fn a_forged_token_is_signed_as_it_says() {
        let forge = Forge::new(Vec::new(), None, "https://a", "authgate", Timestamp::from_seconds(1_000));
        let all = forge.all();
        let brings = all.iter().find(|one| one.name.contains("(jwk)")).unwrap();
        let (body, signature) = brings.token.rsplit_once('.').unwrap();
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body.split('.').next().unwrap()).unwrap()).unwrap();
        let part = |name: &str| URL_SAFE_NO_PAD.decode(header["jwk"][name].as_str().unwrap()).unwrap();
        let point = [vec![4], part("x"), part("y")].concat();
        let key = UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED, point);
        key.verify(body.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        assert!(all.iter().all(|one| !one.name.contains("yours")));
    }

    #[test]
    fn a_real_token_gives_its_claims_and_never_stands_among_the_forged() {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let real = format!("{}.{}.c2ln", part(json!({"alg": "ES256"})), part(json!({"sub": "ann"})));
        let forge = Forge::new(Vec::new(), Some(&real), "https://a", "authgate", Timestamp::from_seconds(1_000));
        assert_eq!(forge.claims["sub"], "ann");
        let all = forge.all();
        assert!(all.iter().all(|one| one.token != real));
        assert!(all.iter().any(|one| one.name.contains("role admin")));
    }
}
