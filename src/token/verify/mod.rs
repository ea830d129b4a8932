//! Reading access tokens: one straight way from text to [`Identity`], strict at every step.
use std::fmt;
use std::time::Duration;

use super::claims::Claims;
use super::dialect::Use;
use super::identity::{Identity, Unfit};
use super::inspect::{Notes, Step};
use super::jws::{ACCESS_TOKEN_TYPE, Header, Jws, Malformed};
use super::keys::{KeyRing, RingKey};
use super::{Dialect, Format, Settings, Tokens};
use crate::base::{LONGEST_MADE_ELSEWHERE, SessionId, Timestamp};

/// Why a token is not taken. Outside nothing more is said: a list of reasons is a help for guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the access token is not valid")]
    Invalid,
    /// It was good, and ended. Told only of a token whose signature, issuer, audience and claims are right.
    #[error("the access token expired")]
    Expired,
}

impl Tokens {
    /// Reads a token. Whoever holds the [`Identity`] knows that the token was ours and good at `now`; whether its session still
    /// lives is asked elsewhere.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        self.examine(token, Use::Access, now, &mut ()).map_err(|fault| fault.told_outside())
    }

    /// The session of a token that is ours, also when the token's own time is over: enough to end the session by, and no proof of
    /// anything else.
    pub(crate) fn session_of(&self, token: &str, now: Timestamp) -> Option<SessionId> {
        let read = |now| self.examine(token, Use::Access, now, &mut ());
        let identity = match read(now) {
            // The end is looked at last: everything else was right.
            Err(Fault::Expired { at, .. }) => read(Timestamp::from_millis(at.millis().saturating_sub(1))),
            read => read,
        };
        identity.ok()?.session()
    }

    /// As [`Self::verify`], for a refresh token that the other stack made with our key. It names a person and is no session yet.
    pub(crate) fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        self.examine(token, Use::Refresh, now, &mut ()).map_err(|fault| fault.told_outside())
    }

    /// The way itself. `notes` hears about each step that was passed; [`Tokens::verify`] takes none.
    pub(super) fn examine(
        &self,
        token: &str,
        wanted: Use,
        now: Timestamp,
        notes: &mut impl Notes,
    ) -> Result<Identity, Fault> {
        let jws = Jws::split(token)?;
        let ring = self.keys.load();
        let key = key_of(&ring, &jws, self.settings.dialect)?;
        if !key.key.verifies(jws.message.as_bytes(), &jws.signature()?) {
            return Err(Fault::Signature);
        }
        notes.passed(Step::Signature, || {
            let state = if key.kid == ring.signing_kid() { "current" } else { "kept for older tokens" };
            format!("{}, key {} ({state})", key.algorithm.name(), key.kid)
        });
        let payload = jws.payload()?;
        let claims = self.settings.dialect.read(&payload, wanted).map_err(Fault::Unreadable)?;
        self.check_parties(&claims, notes)?;
        let identity = Identity::from_claims(&claims, self.settings.subject)?;
        self.check_times(&claims, wanted, now)?;
        notes.passed(Step::Expiry, || {
            format!("{}, in {}", identity.expires_at(), spell(identity.expires_at().since(now)))
        });
        Ok(identity)
    }

    fn check_parties(&self, claims: &Claims<'_>, notes: &mut impl Notes) -> Result<(), Fault> {
        let Settings { issuer, audience, dialect, .. } = &self.settings;
        match claims.iss.as_deref() {
            None if !dialect.states_issuer => {}
            Some(found) if found == issuer => notes.passed(Step::Issuer, || found.to_owned()),
            found => return Err(Fault::Issuer { found: found.unwrap_or_default().to_owned() }),
        }
        match claims.aud.as_deref() {
            None if !dialect.states_audience => {}
            Some(found) if found == audience => notes.passed(Step::Audience, || found.to_owned()),
            found => return Err(Fault::Audience { found: found.unwrap_or_default().to_owned() }),
        }
        Ok(())
    }

    /// The end comes last, so that "expired" is said only of a token that has no other fault.
    fn check_times(&self, claims: &Claims<'_>, wanted: Use, now: Timestamp) -> Result<(), Fault> {
        let (issued, expires) = (Timestamp::from_seconds(claims.iat.0), Timestamp::from_seconds(claims.exp.0));
        let latest = now.plus(self.settings.leeway);
        let begins = claims.nbf.map_or(issued, |nbf| Timestamp::from_seconds(nbf.0));
        let longest = match wanted {
            Use::Access if claims.sid.is_some() => MAX_LIFETIME.max(self.settings.access_ttl),
            Use::Access => MAX_LIFETIME.max(self.settings.access_ttl).min(LONGEST_MADE_ELSEWHERE),
            Use::Refresh => LONGEST_MADE_ELSEWHERE,
        };
        if expires <= issued || expires.since(issued) > longest {
            return Err(Fault::Lifetime);
        }
        if issued > latest || begins > latest {
            return Err(Fault::NotYet { begins: begins.max(issued) });
        }
        if expires.plus(self.settings.leeway) <= now {
            return Err(Fault::Expired { at: expires, ago: now.since(expires), leeway: self.settings.leeway });
        }
        Ok(())
    }
}

/// `kid` chooses the key and the key decides the algorithm: `alg` must agree and chooses nothing.
fn key_of<'r>(ring: &'r KeyRing, jws: &Jws<'_>, dialect: Dialect) -> Result<&'r RingKey, Fault> {
    if let Some(key) = ring.find_by_header(jws.spelled_header(), dialect.format != Format::Native) {
        return Ok(key);
    }
    let bytes = jws.header()?;
    let header = Header::parse(&bytes)?;
    if !dialect.takes_type(header.typ.as_deref()) {
        return Err(Fault::Type);
    }
    let kid = match header.kid.as_deref() {
        Some(kid) => kid,
        // Other stacks have one key and do not name it: it is the one that signs here.
        None if dialect.format != Format::Native => ring.signing_kid(),
        None => return Err(Fault::UnknownKey),
    };
    let key = ring.find(kid).ok_or(Fault::UnknownKey)?;
    if &*header.alg != key.algorithm.name() {
        return Err(Fault::Algorithm);
    }
    Ok(key)
}

/// What is wrong with a token: for the operator who asks, never for the one who sent it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Malformed(Malformed),
    Type,
    UnknownKey,
    Algorithm,
    Signature,
    Unreadable(String),
    Issuer { found: String },
    Audience { found: String },
    Unfit(&'static str),
    Lifetime,
    NotYet { begins: Timestamp },
    Expired { at: Timestamp, ago: Duration, leeway: Duration },
}

impl Fault {
    pub(super) const fn step(&self) -> Step {
        match self {
            Self::Malformed(_) | Self::Type => Step::Form,
            Self::UnknownKey | Self::Algorithm => Step::Key,
            Self::Signature => Step::Signature,
            Self::Issuer { .. } => Step::Issuer,
            Self::Audience { .. } => Step::Audience,
            Self::Unreadable(_) | Self::Unfit(_) => Step::Claims,
            Self::Lifetime | Self::NotYet { .. } | Self::Expired { .. } => Step::Expiry,
        }
    }

    pub(super) const fn told_outside(&self) -> TokenError {
        match self {
            Self::Expired { .. } => TokenError::Expired,
            Self::Malformed(_)
            | Self::Type
            | Self::UnknownKey
            | Self::Algorithm
            | Self::Signature
            | Self::Unreadable(_)
            | Self::Issuer { .. }
            | Self::Audience { .. }
            | Self::Unfit(_)
            | Self::Lifetime
            | Self::NotYet { .. } => TokenError::Invalid,
        }
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<Unfit> for Fault {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit.0)
    }
}

/// Values that a stranger chose are shown escaped.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Type => write!(f, "its typ is not {ACCESS_TOKEN_TYPE}: not an access token"),
            Self::UnknownKey => f.write_str("made with a key that is not one of ours (kid)"),
            Self::Algorithm => f.write_str("its alg is not the one of the key"),
            Self::Signature => f.write_str("the signature does not fit: changed on the way, or made with another key"),
            Self::Unreadable(why) => write!(f, "the claims cannot be read: {}", why.escape_debug()),
            Self::Issuer { found } => write!(f, "from {found:?}"),
            Self::Audience { found } => write!(f, "for {found:?}"),
            Self::Unfit(claim) => write!(f, "{claim} is not what it must be"),
            Self::Lifetime => f.write_str("ends before it begins, or lives longer than 30 days"),
            Self::NotYet { begins } => write!(f, "begins {begins}"),
            Self::Expired { at, ago, leeway } => {
                write!(f, "{at}, {} ago (leeway {})", spell(*ago), spell(*leeway))
            }
        }
    }
}

/// "3m 20s": the two largest units.
fn spell(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let told: Vec<String> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if told.is_empty() { "0s".to_owned() } else { told.join(" ") }
}

/// The longest that a token may live, whatever the settings were when it was made. Not `access_ttl`: a reload that shortens it
/// must not end the tokens that are out.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[cfg(test)]
mod tests;
