//! Signing keys: the operator's, or made at the first start and kept, so that a restart signs nobody out. They take turns
//! without a restart, and what another process does to them is in force here within a second.
use std::time::Duration;

use super::StartError;
use crate::base::{Clock, Timestamp};
use crate::store::{KeyRow, Store};
use crate::token::{Algorithm, Half, KeyError, KeyRing, LineUp, Seal, Settings, StoredKey, Tokens, next_key_due};

/// The tokens this file asks for.
pub(super) async fn tokens(store: &Store, settings: &Settings, clock: &Clock) -> Result<Tokens, StartError> {
    let mut kept = kept_keys(store, settings).await?;
    seal_plain_keys(store, settings).await?;
    let now = clock.now();
    let signs = |key: &StoredKey| key.algorithm == settings.algorithm && key.believed_until.is_none_or(|end| now < end);
    if settings.takes_turns() && !kept.iter().any(signs) {
        let made = StoredKey::generate(settings.algorithm, now).map_err(StartError::Keys)?;
        // Another process may have been faster: what the store then holds is what counts.
        store.add_first_key(&row(&made, settings).map_err(StartError::Keys)?).await.map_err(StartError::Store)?;
        kept = kept_keys(store, settings).await?;
    }
    let ring = key_ring(kept, settings, clock.now()).map_err(StartError::Keys)?;
    Ok(Tokens::new(ring, settings))
}

/// Every key the store holds, readable. One that cannot be decrypted is an error: nothing is done by halves.
pub(crate) async fn kept_keys(store: &Store, settings: &Settings) -> Result<Vec<StoredKey>, StartError> {
    let rows = store.keys().await.map_err(StartError::Store)?;
    let seal = seal(settings).map_err(StartError::Keys)?;
    rows.into_iter()
        .filter_map(|row| stored(row, seal.as_ref()).transpose())
        .collect::<Result<_, _>>()
        .map_err(StartError::Keys)
}

/// The key that signs by these settings, and the others, which are still believed.
pub(crate) fn key_ring(kept: Vec<StoredKey>, settings: &Settings, now: Timestamp) -> Result<KeyRing, KeyError> {
    let LineUp { signing, believed } = LineUp::new(kept, settings, now)?;
    KeyRing::new(&signing, &believed)
}

/// Looks at the store once: makes the next key when it is due, and puts in force what changed. Whether anything did.
pub(super) async fn follow(store: &Store, tokens: &Tokens, clock: &Clock) -> Result<bool, StartError> {
    let settings = tokens.settings();
    let mut kept = kept_keys(store, settings).await?;
    if let Some((newest, signs_from)) = next_key_due(&kept, settings, clock.now()) {
        let made = make(settings.algorithm, clock.now()).await?;
        add_next_key(store, settings, Some(&newest), StoredKey { signs_from, ..made }).await?;
        kept = kept_keys(store, settings).await?;
    }
    let LineUp { signing, believed } = LineUp::new(kept, settings, clock.now()).map_err(StartError::Keys)?;
    if tokens.keys().is_made_of(&signing, &believed) {
        return Ok(false);
    }
    tokens.change_keys(KeyRing::new(&signing, &believed).map_err(StartError::Keys)?);
    Ok(true)
}

/// Adds the key that takes the place of `newest`; `false` when another process was faster.
pub(crate) async fn add_next_key(
    store: &Store,
    settings: &Settings,
    newest: Option<&str>,
    key: StoredKey,
) -> Result<bool, StartError> {
    // Nobody has tried it yet, and a key that cannot sign must not be the newest.
    KeyRing::new(&key, &[]).map_err(StartError::Keys)?;
    let row = row(&key, settings).map_err(StartError::Keys)?;
    let outlives = settings.access_ttl.saturating_add(settings.leeway).saturating_add(SLACK);
    store.rotate_key(newest, &row, outlives).await.map_err(StartError::Store)
}

/// RSA takes its time, which is not the requests'.
async fn make(algorithm: Algorithm, now: Timestamp) -> Result<StoredKey, StartError> {
    let made = tokio::task::spawn_blocking(move || StoredKey::generate(algorithm, now)).await;
    made.unwrap_or(Err(KeyError::NotMade)).map_err(StartError::Keys)
}

/// Encrypts what was written before there was a secret to encrypt with.
async fn seal_plain_keys(store: &Store, settings: &Settings) -> Result<(), StartError> {
    let Some(seal) = seal(settings).map_err(StartError::Keys)? else { return Ok(()) };
    for row in store.keys().await.map_err(StartError::Store)?.iter().filter(|row| !row.sealed) {
        let Some(algorithm) = Algorithm::parse(&row.algorithm) else { continue };
        let sealed = seal.seal(&row.kid, algorithm, &row.material).map_err(StartError::Keys)?;
        store.seal_key(&row.kid, &sealed).await.map_err(StartError::Store)?;
        tracing::info!(kid = row.kid, "the key is encrypted in the store from now on");
    }
    Ok(())
}

fn seal(settings: &Settings) -> Result<Option<Seal>, KeyError> {
    settings.keys.encrypt_with.as_ref().map(Seal::new).transpose()
}

fn stored(row: KeyRow, seal: Option<&Seal>) -> Result<Option<StoredKey>, KeyError> {
    let Some(algorithm) = Algorithm::parse(&row.algorithm) else { return Ok(None) };
    let material = match (row.sealed, seal) {
        (false, _) => row.material,
        (true, Some(seal)) => seal.open(&row.kid, algorithm, &row.material)?,
        (true, None) => return Err(KeyError::NoSecret { kid: row.kid }),
    };
    let KeyRow { kid, created_at, signs_from, believed_until, .. } = row;
    Ok(Some(StoredKey { kid, algorithm, material, half: Half::Private, created_at, signs_from, believed_until }))
}

fn row(key: &StoredKey, settings: &Settings) -> Result<KeyRow, KeyError> {
    let seal = seal(settings)?;
    let material = match &seal {
        Some(seal) => seal.seal(&key.kid, key.algorithm, &key.material)?.into(),
        None => key.material.clone(),
    };
    Ok(KeyRow {
        kid: key.kid.clone(),
        algorithm: key.algorithm.name().to_owned(),
        material,
        sealed: seal.is_some(),
        created_at: key.created_at,
        signs_from: key.signs_from,
        believed_until: key.believed_until,
    })
}

/// Beyond the life of a token: for a process that hears a little later that another key signs.
const SLACK: Duration = Duration::from_secs(60);
