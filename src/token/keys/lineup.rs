//! Which key signs, which are believed, and when the next one is due.
use std::time::Duration;

use super::stored::{KeyError, StoredKey};
use crate::base::Timestamp;
use crate::token::{Algorithm, Settings};

/// The keys at one moment: what a ring is made from.
#[derive(Debug)]
pub(crate) struct LineUp {
    pub(crate) signing: StoredKey,
    pub(crate) believed: Vec<StoredKey>,
}

impl LineUp {
    /// Of the store's keys and the operator's, who does what at `now`. A key of the store is believed as soon as it is
    /// there and until its last token is dead; it signs from its own time on, until a later one does.
    pub(crate) fn new(kept: Vec<StoredKey>, settings: &Settings, now: Timestamp) -> Result<Self, KeyError> {
        let mut believed = kept;
        believed.retain(|key| key.believed_until.is_none_or(|until| now < until));
        let mut files = settings.keys.files.iter().cloned();
        let signing = match (&settings.secret, files.next()) {
            (Some(secret), first) if settings.algorithm == Algorithm::Hs256 => {
                believed.extend(first);
                StoredKey::shared_secret(secret, now)?
            }
            (_, Some(first)) => first,
            (_, None) => {
                let at = signs_at(&believed, settings.algorithm, now).ok_or(KeyError::Missing)?;
                believed.swap_remove(at)
            }
        };
        believed.extend(files);
        Ok(Self { signing, believed })
    }
}

/// The latest of those whose time has come. If none has, because a clock was set back, the first that will.
fn signs_at(keys: &[StoredKey], algorithm: Algorithm, now: Timestamp) -> Option<usize> {
    let fit = || keys.iter().enumerate().filter(|(_, key)| key.algorithm == algorithm);
    let order = |key: &StoredKey| (key.signs_from, key.kid.clone());
    let ready = fit().filter(|(_, key)| key.signs_from <= now).max_by_key(|(_, key)| order(key));
    ready.or_else(|| fit().min_by_key(|(_, key)| order(key))).map(|(at, _)| at)
}

/// Whether the store's newest key has signed nearly long enough: its name, and from when the next one is to sign. The next one
/// is made a while before, so that everybody who keeps the key set has read it anew by then.
pub(crate) fn next_key_due(kept: &[StoredKey], settings: &Settings, now: Timestamp) -> Option<(String, Timestamp)> {
    let made_here = settings.takes_turns();
    let every = settings.keys.rotate_every;
    let newest = kept
        .iter()
        .filter(|key| made_here && key.algorithm == settings.algorithm && key.believed_until.is_none())
        .max_by_key(|key| key.signs_from)?;
    let early = PUBLISHED_BEFORE.min(every / 2);
    let change = newest.signs_from.plus(every);
    (change <= now.plus(early)).then(|| (newest.kid.clone(), change.max(now.plus(early))))
}

/// When another key signs next, as far as is known: from when the next one of the store is to, or when it is time for one.
pub(crate) fn next_change(kept: &[StoredKey], settings: &Settings, now: Timestamp) -> Option<Timestamp> {
    let of_store = || kept.iter().filter(|key| key.algorithm == settings.algorithm && key.believed_until.is_none());
    if !settings.takes_turns() {
        return None;
    }
    let next = of_store().map(|key| key.signs_from).filter(|from| *from > now).min();
    next.or_else(|| Some(of_store().map(|key| key.signs_from).max()?.plus(settings.keys.rotate_every)))
}

/// Twice as long as the key set may be kept (`max-age` of its answer).
pub(crate) const PUBLISHED_BEFORE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::token::{Dialect, KeySettings, Subject};

    fn at(second: u64) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000 + second)
    }

    fn settings(algorithm: Algorithm) -> Settings {
        Settings {
            access_ttl: Duration::from_secs(900),
            issuer: String::new(),
            audience: String::new(),
            subject: Subject::Id,
            algorithm,
            leeway: Duration::ZERO,
            revoke: crate::token::Revoke::Now,
            secret: None,
            dialect: Dialect::default(),
            claims: vec![],
            keys: KeySettings { rotate_every: Duration::from_secs(100_000), ..KeySettings::default() },
        }
    }

    fn key(signs_from: u64, believed_until: Option<u64>) -> StoredKey {
        let made = StoredKey::generate(Algorithm::Es256, at(0)).unwrap();
        StoredKey { signs_from: at(signs_from), believed_until: believed_until.map(at), ..made }
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_believed_after_it_did() {
        let (old, new) = (key(0, Some(200)), key(100, None));
        let kept = || vec![old.clone(), new.clone()];
        let settings = settings(Algorithm::Es256);
        for (second, signs, believed) in [(50, &old, vec![&new]), (100, &new, vec![&old]), (199, &new, vec![&old])] {
            let line_up = LineUp::new(kept(), &settings, at(second)).unwrap();
            assert_eq!(line_up.signing.kid, signs.kid, "{second}");
            let names: Vec<_> = line_up.believed.iter().map(|key| &key.kid).collect();
            assert_eq!(names, believed.iter().map(|key| &key.kid).collect::<Vec<_>>(), "{second}");
        }
        let after = LineUp::new(kept(), &settings, at(200)).unwrap();
        assert!(after.believed.is_empty() && after.signing.kid == new.kid);
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_a_key_that_signs() {
        let line_up = LineUp::new(vec![key(500, None), key(100, None)], &settings(Algorithm::Es256), at(0)).unwrap();
        assert_eq!(line_up.signing.signs_from, at(100));
        let none = LineUp::new(vec![key(0, None)], &settings(Algorithm::EdDsa), at(0));
        assert_eq!(none.err(), Some(KeyError::Missing));
    }

    #[test]
    fn the_first_file_signs_and_the_store_is_still_believed() {
        let (first, second, kept) = (key(0, None), key(0, None), key(0, None));
        let mut settings = settings(Algorithm::Es256);
        settings.keys.files = vec![first.clone(), second.clone()];
        let line_up = LineUp::new(vec![kept.clone()], &settings, at(5)).unwrap();
        assert_eq!(line_up.signing.kid, first.kid);
        assert_eq!(line_up.believed.iter().map(|key| &key.kid).collect::<Vec<_>>(), [&kept.kid, &second.kid]);
        assert_eq!(next_key_due(&[kept], &settings, at(10_000_000)), None, "files are rotated by who wrote them");
    }

    #[test]
    fn the_next_key_is_due_before_the_old_one_has_signed_its_time() {
        let settings = settings(Algorithm::Es256);
        let newest = key(0, None);
        let kept = [key(0, Some(5)), newest.clone()];
        assert_eq!(next_key_due(&kept, &settings, at(99_399)), None);
        assert_eq!(next_key_due(&kept, &settings, at(99_400)), Some((newest.kid.clone(), at(100_000))));
        // The gateway was off for long: still published first.
        assert_eq!(next_key_due(&kept, &settings, at(900_000)), Some((newest.kid, at(900_600))));
    }

    #[test]
    fn the_next_change_is_when_a_published_key_signs_or_when_one_is_due() {
        let mut settings = settings(Algorithm::Es256);
        let newest = key(0, None);
        assert_eq!(next_change(&[key(0, Some(5)), newest.clone()], &settings, at(50)), Some(at(100_000)));
        assert_eq!(next_change(&[newest.clone(), key(300, None)], &settings, at(50)), Some(at(300)));
        settings.keys.files = vec![newest.clone()];
        assert_eq!(next_change(&[newest], &settings, at(50)), None);
    }

    #[test]
    fn a_shared_secret_is_not_rotated() {
        let mut settings = settings(Algorithm::Hs256);
        settings.secret = Some(Secret::new("kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a".to_owned()));
        let kept = StoredKey::generate(Algorithm::Hs256, at(0)).unwrap();
        assert_eq!(next_key_due(std::slice::from_ref(&kept), &settings, at(10_000_000)), None);
        let line_up = LineUp::new(vec![kept.clone()], &settings, at(0)).unwrap();
        assert_ne!(line_up.signing.kid, kept.kid);
        assert_eq!(line_up.believed.len(), 1);
    }
}
