//! What an operator may do with people, from the command line: on the store directly; a running gateway obeys within a
//! second.
use std::sync::Arc;

use super::prompt::NoPassword;
use super::scratch::Scratch;
use super::{Exit, Global, Out, run as serving};
use crate::account::{FieldError, People};
use crate::base::Clock;
use crate::config::{Environment, Loaded};
use crate::observe::{Audit, Chain};
use crate::password::{Hasher, Policy};
use crate::shared::Revocations;
use crate::store::{Migrate, Settings, Store, StoreError, User};

/// Why a verb did not do what it was asked to.
pub(super) enum Failed {
    /// The answer is no, in words.
    No(String),
    /// Ctrl-C; what there was to say is said.
    Interrupted,
    /// Could not find out.
    Unreachable(String),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Unreachable(format!("cannot use the store: {}", Chain(&error)))
    }
}

impl From<NoPassword> for Failed {
    fn from(error: NoPassword) -> Self {
        match error {
            NoPassword::Interrupted => Self::Interrupted,
            NoPassword::NoTerminal | NoPassword::Differ => Self::No(error.to_string()),
            NoPassword::Read(_) => Self::Unreachable(error.to_string()),
        }
    }
}

/// Reads the file, lets `act` do its work, and says how it ended.
pub(super) fn work(
    global: &Global,
    out: &mut Out,
    act: impl AsyncFnOnce(&Loaded, &mut Out) -> Result<(), Failed>,
) -> Exit {
    let (_, loaded) = match serving::open(global, &Environment::of_process()) {
        Ok(found) => found,
        Err(error) => {
            out.error(serving::words(&error, out.color_err()));
            return serving::without_settings(&error);
        }
    };
    let Ok(runtime) = serving::small_runtime() else { return Exit::Unknown };
    match runtime.block_on(act(&loaded, out)) {
        Ok(()) => Exit::Done,
        Err(Failed::Interrupted) => Exit::Interrupted,
        Err(Failed::No(why)) => {
            out.error(why);
            Exit::No
        }
        Err(Failed::Unreachable(why)) => {
            out.error(why);
            Exit::Unknown
        }
    }
}

/// The store's people by the rules of this file. `audit` hears of every change.
pub(super) fn people(loaded: &Loaded, store: Store, audit: Audit) -> People {
    let config = &loaded.config;
    People {
        store,
        hasher: Hasher::new(&config.passwords),
        policy: Policy::new(&config.passwords),
        revocations: Arc::new(Revocations::default()),
        services: Arc::default(),
        settings: config.accounts.clone(),
        clock: Clock::system(),
        audit,
    }
}

/// The people of a store that is there: neither a question nor a change to somebody makes one.
pub(super) async fn open(loaded: &Loaded) -> Result<People, Failed> {
    let store = Store::open_existing(&loaded.config.store, loaded.config.migrate).await?;
    with_audit(loaded, store)
}

/// For whoever adds somebody or something: before the first `run`, too.
pub(super) async fn open_or_make(loaded: &Loaded) -> Result<People, Failed> {
    let store = Store::open_as(&loaded.config.store, loaded.config.migrate).await?;
    with_audit(loaded, store)
}

/// The same for a question that makes sense before there is a store: it is asked of an empty one in `scratch`.
pub(super) async fn open_or_imagine(loaded: &Loaded, scratch: &Scratch) -> Result<People, Failed> {
    match Store::open_existing(&loaded.config.store, loaded.config.migrate).await {
        Err(StoreError::NotThere(_)) => {
            let imagined = Settings::Sqlite { path: scratch.path().to_owned() };
            with_audit(loaded, Store::open_as(&imagined, Migrate::Auto).await?)
        }
        opened => with_audit(loaded, opened?),
    }
}

fn with_audit(loaded: &Loaded, store: Store) -> Result<People, Failed> {
    let audit = Audit::open(&loaded.config.log, Clock::system());
    let audit = audit.map_err(|error| Failed::Unreachable(format!("cannot write the audit file: {error}")))?;
    Ok(people(loaded, store, audit))
}

pub(super) async fn find(people: &People, name: &str) -> Result<User, Failed> {
    let found = people.find(name).await?;
    found.ok_or_else(|| Failed::No(format!("there is no user {name:?}; authgate user list shows who there is")))
}

/// The role of administrators.
pub(super) const ADMIN: &str = "admin";

/// What is told of those who have an address only, where people sign in by their username, and of the contrary.
pub(super) const NAMELESS: &str = "no name of the kind that [accounts] identifier or [tokens] subject asks for, and \
    cannot sign in until that is changed: with identifier = \"either\" people sign in by username or address";

pub(super) fn words(fields: &[FieldError]) -> String {
    fields.iter().map(|field| format!("{} {}", field.field, field.detail)).collect::<Vec<_>>().join("\n")
}
