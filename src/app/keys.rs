//! Signing keys: from the file, or made at the first start and kept, so that a restart signs nobody out.
use super::StartError;
use crate::base::{Clock, Timestamp};
use crate::store::{KeyRow, Store, StoreError};
use crate::token::{self, Algorithm, KeyError, KeyRing, StoredKey, Tokens};

/// The tokens this file asks for.
pub(super) async fn tokens(store: &Store, settings: &token::Settings, clock: &Clock) -> Result<Tokens, StartError> {
    let mut kept = kept_keys(store).await.map_err(StartError::Store)?;
    let made_here = settings.secret.is_none() || settings.algorithm != Algorithm::Hs256;
    if made_here && !kept.iter().any(|key| key.algorithm == settings.algorithm) {
        let made = StoredKey::generate(settings.algorithm, clock.now()).map_err(StartError::Keys)?;
        // Another process may have been faster: what the store then holds is what counts.
        store.add_first_key(&row(made)).await.map_err(StartError::Store)?;
        kept = kept_keys(store).await.map_err(StartError::Store)?;
    }
    let ring = key_ring(kept, settings, clock.now()).map_err(StartError::Keys)?;
    Ok(Tokens::new(ring, settings))
}

/// Every key the store holds, the newest first.
pub(crate) async fn kept_keys(store: &Store) -> Result<Vec<StoredKey>, StoreError> {
    let rows = store.keys().await?;
    let mut keys: Vec<_> = rows.into_iter().filter_map(stored).collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.created_at));
    Ok(keys)
}

/// The key that signs by these settings, and the others, which are still believed.
pub(crate) fn key_ring(
    mut kept: Vec<StoredKey>,
    settings: &token::Settings,
    now: Timestamp,
) -> Result<KeyRing, KeyError> {
    let signing = match &settings.secret {
        Some(secret) if settings.algorithm == Algorithm::Hs256 => StoredKey::shared_secret(secret, now)?,
        _ => {
            let at = kept.iter().position(|key| key.algorithm == settings.algorithm).ok_or(KeyError::Missing)?;
            kept.remove(at)
        }
    };
    KeyRing::new(&signing, &kept)
}

fn stored(row: KeyRow) -> Option<StoredKey> {
    let algorithm = Algorithm::parse(&row.algorithm)?;
    Some(StoredKey { kid: row.kid, algorithm, material: row.material, created_at: row.created_at })
}

fn row(key: StoredKey) -> KeyRow {
    KeyRow {
        kid: key.kid,
        algorithm: key.algorithm.name().to_owned(),
        material: key.material,
        created_at: key.created_at,
    }
}
