//! The two ceremonies: a key is made (section 7.1 of the standard), and it is shown (section 7.2).
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::cbor::Value;
use super::cose::PublicKey;

/// The site that passkeys are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// `https://app.example.com`
    pub(crate) origin: String,
    /// `app.example.com`
    pub(crate) id: String,
}

/// What a browser says of a key that was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) client_data: Vec<u8>,
    pub(crate) attestation: Vec<u8>,
}

/// A key to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewCredential {
    pub(crate) id: Vec<u8>,
    /// COSE
    pub(crate) key: Vec<u8>,
    pub(crate) counter: u32,
}

/// What a browser says when a key is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) client_data: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

/// Why it is not believed: for the operator's log, not for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("it cannot be read")]
    Form,
    #[error("it was made for another purpose")]
    Purpose,
    #[error("it answers another challenge")]
    Challenge,
    #[error("it was made on another origin")]
    Origin,
    #[error("it was made for another site")]
    Site,
    #[error("nobody was present")]
    NotPresent,
    #[error("the device did not verify the person")]
    NotVerified,
    #[error("the key is of no algorithm that is taken")]
    Key,
    #[error("the signature is not right")]
    Signature,
}

/// The challenge that a browser says it answers, to be looked up. Nothing is believed yet.
pub(crate) fn challenge_of(client_data: &[u8]) -> Result<String, Unfit> {
    ClientData::read(client_data).map(|client| client.challenge)
}

impl Made {
    /// A key that was made here just now, by somebody whom the device verified.
    pub(crate) fn verify(&self, site: &Site, challenge: &str) -> Result<NewCredential, Unfit> {
        ClientData::read(&self.client_data)?.expect("webauthn.create", site, challenge)?;
        let (attestation, rest) = Value::read(&self.attestation).ok_or(Unfit::Form)?;
        if !rest.is_empty() {
            return Err(Unfit::Form);
        }
        let data = attestation.named("authData").and_then(Value::bytes).ok_or(Unfit::Form)?;
        let data = AuthenticatorData::read(data)?;
        data.expect(site)?;
        let (id, key) = data.credential.ok_or(Unfit::Form)?;
        let (read, _) = Value::read(key).ok_or(Unfit::Form)?;
        PublicKey::of(&read).ok_or(Unfit::Key)?;
        Ok(NewCredential { id: id.to_vec(), key: key.to_vec(), counter: data.counter })
    }
}

impl Shown {
    /// The key that is kept signed this challenge, for somebody whom the device verified. Its counter is told: one that
    /// does not go on is a copy's.
    pub(crate) fn verify(&self, site: &Site, challenge: &str, key: &[u8]) -> Result<u32, Unfit> {
        ClientData::read(&self.client_data)?.expect("webauthn.get", site, challenge)?;
        let data = AuthenticatorData::read(&self.authenticator_data)?;
        data.expect(site)?;
        let (key, _) = Value::read(key).ok_or(Unfit::Key)?;
        let key = PublicKey::of(&key).ok_or(Unfit::Key)?;
        let client_data = digest(&SHA256, &self.client_data);
        let signed = [&self.authenticator_data, client_data.as_ref()].concat();
        if !key.signed(&signed, &self.signature) {
            return Err(Unfit::Signature);
        }
        Ok(data.counter)
    }
}

/// What the browser says (section 5.8.1).
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    purpose: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
}

impl ClientData {
    fn read(bytes: &[u8]) -> Result<Self, Unfit> {
        serde_json::from_slice(bytes).map_err(|_| Unfit::Form)
    }

    fn expect(&self, purpose: &str, site: &Site, challenge: &str) -> Result<(), Unfit> {
        if self.purpose != purpose {
            return Err(Unfit::Purpose);
        }
        if !bool::from(self.challenge.as_bytes().ct_eq(challenge.as_bytes())) {
            return Err(Unfit::Challenge);
        }
        // A page of ours inside a page of others is not ours to answer.
        if self.origin != site.origin || self.cross_origin == Some(true) {
            return Err(Unfit::Origin);
        }
        Ok(())
    }
}

/// What the device says (section 6.1).
struct AuthenticatorData<'a> {
    site: &'a [u8],
    flags: u8,
    counter: u32,
    /// Id and key, where one was made.
    credential: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> AuthenticatorData<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Unfit> {
        Self::parts(bytes).ok_or(Unfit::Form)
    }

    fn parts(bytes: &'a [u8]) -> Option<Self> {
        let (site, rest) = bytes.split_at_checked(32)?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_at_checked(4)?;
        let counter = u32::from_be_bytes(counter.try_into().ok()?);
        let mut credential = None;
        if flags & ATTESTED != 0 {
            let (_, after) = rest.split_at_checked(MODEL_BYTES)?;
            let (length, after) = after.split_at_checked(2)?;
            let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
            let (id, after) = after.split_at_checked(length)?;
            let (_, left) = Value::read(after)?;
            let key = after.get(..after.len() - left.len())?;
            if !(1..=MOST_ID).contains(&length) || key.len() > MOST_KEY {
                return None;
            }
            credential = Some((id, key));
            rest = left;
        }
        if flags & EXTENDED != 0 {
            let (extensions, left) = Value::read(rest)?;
            rest = extensions.is_map().then_some(left)?;
        }
        rest.is_empty().then_some(Self { site, flags, counter, credential })
    }

    fn expect(&self, site: &Site) -> Result<(), Unfit> {
        if !bool::from(self.site.ct_eq(digest(&SHA256, site.id.as_bytes()).as_ref())) {
            return Err(Unfit::Site);
        }
        if self.flags & PRESENT == 0 {
            return Err(Unfit::NotPresent);
        }
        if self.flags & VERIFIED == 0 {
            return Err(Unfit::NotVerified);
        }
        // Backed up without being made for it: no device says so.
        if self.flags & BACKED_UP != 0 && self.flags & MAY_BE_BACKED_UP == 0 {
            return Err(Unfit::Form);
        }
        Ok(())
    }
}

/// As browsers and pages send bytes to each other. Padding is not part of it.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const MAY_BE_BACKED_UP: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENDED: u8 = 0x80;
const MODEL_BYTES: usize = 16;
/// Section 7.1, step 25.
const MOST_ID: usize = 1023;
/// RSA with 4096 bits, and some.
const MOST_KEY: usize = 700;
