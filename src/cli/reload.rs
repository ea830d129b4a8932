//! `authgate reload`: by the admin address in the file, with a short-lived secret from the store.
use std::time::Duration;

use super::{Exit, Global, Out, run};
use crate::base::{Clock, Secret, random_bytes};
use crate::client;
use crate::config::{Environment, Loaded};
use crate::store::Store;

/// Put a changed file to work without dropping a connection.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate check && authgate reload\n  authgate reload -c /etc/authgate/gateway.toml"
)]
pub(super) struct ReloadArgs {}

pub(super) fn run(_args: &ReloadArgs, global: &Global, out: &mut Out) -> Exit {
    let (_, loaded) = match run::open(global, &Environment::of_process()) {
        Ok(found) => found,
        Err(error) => {
            out.error(run::words(&error, out.color_err()));
            out.error("The gateway was not asked; what runs goes on as it is.");
            return run::without_settings(&error);
        }
    };
    let Ok(runtime) = run::small_runtime() else { return Exit::Unknown };
    match runtime.block_on(ask(&loaded)) {
        Ok(answer) if answer.status == 200 => {
            if global.json {
                out.line(String::from_utf8_lossy(&answer.body));
            } else {
                out.line("reloaded: the new settings are in force");
            }
            Exit::Done
        }
        Ok(answer) => {
            out.line(String::from_utf8_lossy(&answer.body).trim_end());
            out.error("refused: the old settings stay in force");
            Exit::No
        }
        Err(error) => {
            out.error(error);
            Exit::Unknown
        }
    }
}

async fn ask(loaded: &Loaded) -> Result<client::Answer, String> {
    let store =
        Store::open_existing(&loaded.config.store).await.map_err(|error| crate::observe::Chain(&error).to_string())?;
    let secret = control_secret(&store).await?;
    let admin = loaded.config.admin.listen;
    client::post(admin, "/api/reload", &secret, PATIENCE).await.map_err(|error| {
        format!("no gateway answers at http://{admin}: {error}\nIs it running, and is this the file it runs with?")
    })
}

/// A secret that the running gateway finds in the store: who can write the store may steer the gateway.
async fn control_secret(store: &Store) -> Result<Secret, String> {
    use base64::Engine;
    let secret = Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random_bytes::<32>()));
    let expires = Clock::system().now().plus(SECRET_LIFE);
    store
        .add_control_secret(&secret.digest(), expires)
        .await
        .map_err(|error| crate::observe::Chain(&error).to_string())?;
    Ok(secret)
}

const PATIENCE: Duration = Duration::from_secs(30);
const SECRET_LIFE: Duration = Duration::from_secs(60);
