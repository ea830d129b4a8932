//! `authgate keys …`: works on the store directly; a running gateway obeys within one second.
mod args;
mod show;

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

pub(super) use args::KeysArgs;
use args::KeysVerb;

use super::{Exit, Global, Out, prompt, run as serving};
use crate::app::{StartError, add_next_key, kept_keys, key_ring};
use crate::base::{Clock, Timestamp, random_bytes};
use crate::config::{Environment, Loaded};
use crate::observe::Chain;
use crate::store::{Store, StoreError};
use crate::token::{Algorithm, Half, KeyError, LineUp, PUBLISHED_BEFORE, Settings, StoredKey};

/// Why a verb did not do what it was asked to.
enum Failed {
    /// The answer is no, in words.
    No(String),
    /// Could not find out.
    Unreachable(String),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Unreachable(format!("cannot use the store: {}", Chain(&error)))
    }
}

impl From<StartError> for Failed {
    fn from(error: StartError) -> Self {
        let words = Chain(&error).to_string();
        if error.is_configuration() { Self::No(words) } else { Self::Unreachable(words) }
    }
}

impl From<KeyError> for Failed {
    fn from(error: KeyError) -> Self {
        Self::No(Chain(&error).to_string())
    }
}

pub(super) fn run(args: &KeysArgs, global: &Global, out: &mut Out) -> Exit {
    if matches!(args.verb, KeysVerb::NewSecret) {
        // Longer than any of its uses asks for, and in letters that any file and shell takes.
        show::secret(&STANDARD.encode(random_bytes::<48>()), out);
        return Exit::Done;
    }
    let (_, loaded) = match serving::open(global, &Environment::of_process()) {
        Ok(found) => found,
        Err(error) => {
            out.error(serving::words(&error, out.color_err()));
            return serving::without_settings(&error);
        }
    };
    let Ok(runtime) = serving::small_runtime() else { return Exit::Unknown };
    match runtime.block_on(act(&args.verb, &loaded, global, out)) {
        Ok(()) => Exit::Done,
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

/// The store's keys, and what the file says about them.
struct Desk<'a> {
    store: Store,
    settings: &'a Settings,
    kept: Vec<StoredKey>,
    now: Timestamp,
}

async fn act(verb: &KeysVerb, loaded: &Loaded, global: &Global, out: &mut Out) -> Result<(), Failed> {
    let store = Store::open_existing(&loaded.config.store, loaded.config.migrate).await?;
    let settings = &loaded.config.tokens;
    let kept = kept_keys(&store, settings).await?;
    let desk = Desk { store, settings, kept, now: Clock::system().now() };
    match verb {
        KeysVerb::List => show::list(&desk.line_up()?, settings, desk.now, out),
        KeysVerb::Rotate { publish_first } => desk.rotate(*publish_first, out).await?,
        KeysVerb::Retire { kid } => desk.retire(kid, global, out).await?,
        KeysVerb::Export { private: None } => {
            out.line(key_ring(desk.kept, settings, desk.now)?.jwks());
        }
        KeysVerb::Export { private: Some(kid) } => desk.export(kid, out)?,
        KeysVerb::Import { file } => desk.import(file, out).await?,
        KeysVerb::NewSecret => {}
    }
    Ok(())
}

impl Desk<'_> {
    fn line_up(&self) -> Result<LineUp, Failed> {
        Ok(LineUp::new(self.kept.clone(), self.settings, self.now)?)
    }

    async fn rotate(&self, publish_first: bool, out: &mut Out) -> Result<(), Failed> {
        let wait = if publish_first { PUBLISHED_BEFORE } else { AT_ONCE };
        let made = StoredKey::generate(self.settings.algorithm, self.now)?;
        self.add(StoredKey { signs_from: self.now.plus(wait), ..made }, out).await
    }

    async fn import(&self, file: &Path, out: &mut Out) -> Result<(), Failed> {
        let text = read(file)?;
        let key = StoredKey::from_pem(&text, self.settings.algorithm, self.now)
            .map_err(|why| Failed::No(format!("{}: {why}", file.display())))?;
        if key.half == Half::Public {
            return Err(Failed::No(
                "this is a public key; to believe it, name its file in [keys] files behind your own".to_owned(),
            ));
        }
        let (is, wanted) = (key.algorithm.name(), self.settings.algorithm.name());
        if is != wanted {
            return Err(Failed::No(format!("a key for {is} would never sign: algorithm in [tokens] is {wanted}")));
        }
        self.add(StoredKey { signs_from: self.now.plus(AT_ONCE), ..key }, out).await
    }

    async fn add(&self, key: StoredKey, out: &mut Out) -> Result<(), Failed> {
        if !self.settings.keys.files.is_empty() {
            return Err(Failed::No(
                "[keys] files brings the keys: put the new file first there and run authgate reload".to_owned(),
            ));
        }
        if self.settings.secret.is_some() && self.settings.algorithm == Algorithm::Hs256 {
            return Err(Failed::No("[keys] secret signs: change it there and run authgate reload".to_owned()));
        }
        let newest = self
            .kept
            .iter()
            .filter(|other| other.algorithm == key.algorithm && other.believed_until.is_none())
            .max_by_key(|other| (other.signs_from, other.kid.clone()))
            .map(|other| other.kid.clone());
        let (kid, signs_from) = (key.kid.clone(), key.signs_from);
        if !add_next_key(&self.store, self.settings, newest.as_deref(), key).await? {
            let why = "the key is in the store already, or somebody else changed the keys at the same moment";
            return Err(Failed::No(why.to_owned()));
        }
        show::added(&kid, signs_from, self.now, out);
        Ok(())
    }

    async fn retire(&self, kid: &str, global: &Global, out: &mut Out) -> Result<(), Failed> {
        let line_up = self.line_up()?;
        if line_up.signing.kid == kid {
            return Err(Failed::No(format!(
                "{kid} signs: run authgate keys rotate first, then retire it when the new key signs"
            )));
        }
        if self.settings.keys.files.iter().any(|key| key.kid == kid) {
            return Err(Failed::No(format!("{kid} stands in [keys] files: take it out there and run authgate reload")));
        }
        if !self.kept.iter().any(|key| key.kid == kid) {
            return Err(unknown(kid));
        }
        let question = "All tokens that this key signed will be refused.";
        if !global.yes && !prompt::confirm(kid, question) {
            return Err(Failed::No("nothing was changed: type the name to confirm, or use -y".to_owned()));
        }
        let signs_with = self.settings.takes_turns().then(|| self.settings.algorithm.name());
        if !self.store.retire_key(kid, signs_with, Clock::system().now()).await? {
            return Err(unknown(kid));
        }
        show::retired(kid, out);
        Ok(())
    }

    fn export(&self, kid: &str, out: &mut Out) -> Result<(), Failed> {
        let all = self.kept.iter().chain(&self.settings.keys.files);
        let key = all.into_iter().find(|key| key.kid == kid).ok_or_else(|| unknown(kid))?;
        match (key.to_pem(), key.half) {
            (Some(pem), _) => out.line(pem.expose().trim_end()),
            (None, Half::Private) => out.line(URL_SAFE_NO_PAD.encode(&*key.material)),
            (None, Half::Public) => return Err(Failed::No(format!("of {kid} only the public half is here"))),
        }
        Ok(())
    }
}

fn unknown(kid: &str) -> Failed {
    Failed::No(format!("there is no key {kid:?}; authgate keys list shows which there are"))
}

fn read(file: &Path) -> Result<Zeroizing<String>, Failed> {
    let mut text = Zeroizing::new(String::new());
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_KEY_FILE).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_KEY_FILE).read_to_string(&mut text))
    };
    read.map_err(|error| Failed::Unreachable(format!("cannot read {}: {error}", file.display())))?;
    Ok(text)
}

const MAX_KEY_FILE: u64 = 64 * 1024;

/// Every node looks at the store four times a second: each believes the new key before any signs with it.
const AT_ONCE: Duration = Duration::from_millis(500);
