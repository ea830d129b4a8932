//! Asking the running gateway at its admin address, with a short-lived secret from the store.
use std::time::Duration;

use http::Method;

use crate::base::{Clock, Secret, random_bytes};
use crate::client;
use crate::config::Desk;
use crate::observe::Chain;
use crate::store::Store;

/// What the gateway of this file answers; else why nobody did.
pub(super) async fn ask(
    desk: &Desk,
    method: Method,
    path: &str,
    accept: &'static str,
    patience: Duration,
) -> Result<client::Answer, String> {
    let store = Store::open_existing(&desk.store, desk.migrate).await.map_err(|error| Chain(&error).to_string())?;
    let secret = control_secret(&store).await?;
    let admin = desk.admin;
    client::ask(admin, method, path, &secret, accept, patience).await.map_err(|error| {
        format!("no gateway answers at http://{admin}: {error}\nIs it running, and is this the file it runs with?")
    })
}

/// A secret that the running gateway finds in the store: who can write the store may steer the gateway.
async fn control_secret(store: &Store) -> Result<Secret, String> {
    use base64::Engine;
    let secret = Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random_bytes::<32>()));
    let expires = Clock::system().now().plus(SECRET_LIFE);
    store.add_control_secret(&secret.digest(), expires).await.map_err(|error| Chain(&error).to_string())?;
    Ok(secret)
}

const SECRET_LIFE: Duration = Duration::from_secs(60);
