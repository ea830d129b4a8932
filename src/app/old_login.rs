//! The old login, asked over HTTP: so many at once, in one deadline, and never logged.
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::account::{MigrateFrom, OldLogin};
use crate::base::{Secret, random_bytes};
use crate::client::{self, NoAnswer};
use crate::observe::Chain;

#[derive(Debug)]
pub(super) struct OldServer {
    at: MigrateFrom,
    places: Semaphore,
    /// Whether it says no to a wrong password: asked once, when it first says yes.
    says_no: OnceCell<bool>,
}

impl OldServer {
    pub(super) fn of(at: MigrateFrom) -> Arc<dyn OldLogin> {
        Arc::new(Self { at, places: Semaphore::new(AT_ONCE), says_no: OnceCell::new() })
    }

    async fn ask_and_believe(&self, name: &str, password: &Secret) -> Result<bool, NoAnswer> {
        let Ok(_place) = self.places.acquire().await else { return Ok(false) };
        if self.says_no.get() == Some(&false) || !self.ask(name, password).await? {
            return Ok(false);
        }
        self.says_no.get_or_try_init(|| self.try_out(name)).await.copied()
    }

    /// An address that says yes to whatever it is sent would let everybody in as anybody.
    async fn try_out(&self, name: &str) -> Result<bool, NoAnswer> {
        let wrong = random_bytes::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
        let says_yes_to_all = self.ask(name, &Secret::new(wrong)).await?;
        if says_yes_to_all {
            tracing::error!(
                "the old login of [accounts] migrate_from says yes to a wrong password too: nobody is taken from it until it is mended and the gateway reloaded"
            );
        }
        Ok(!says_yes_to_all)
    }

    /// A yes is a 2xx that is not a page: many logins answer a wrong password with their form and 200.
    async fn ask(&self, name: &str, password: &Secret) -> Result<bool, NoAnswer> {
        let MigrateFrom { host, port, target, username_field, password_field } = &self.at;
        let fields = [(username_field.as_str(), name), (password_field.as_str(), password.expose())];
        let body: std::collections::BTreeMap<_, _> = fields.into_iter().collect();
        let body = Zeroizing::new(serde_json::to_vec(&body).map_err(|_| NoAnswer::Body)?);
        let answer = client::post_json(host, *port, target, &body, PATIENCE).await?;
        Ok((200..300).contains(&answer.status) && !answer.is_page)
    }
}

impl OldLogin for OldServer {
    fn knows<'a>(&'a self, name: &'a str, password: &'a Secret) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async move {
            let asked = timeout(PATIENCE, self.ask_and_believe(name, password)).await.unwrap_or(Err(NoAnswer::Slow));
            asked.unwrap_or_else(|error| {
                tracing::warn!(error = %Chain(&error), "the old login of [accounts] migrate_from does not answer");
                false
            })
        })
    }
}

/// For everything, waiting for a place included.
const PATIENCE: Duration = Duration::from_secs(5);
/// More are not asked at once, whatever comes in.
const AT_ONCE: usize = 8;
