//! `authgate run`
use super::people::ADMIN;
use super::{Exit, Global, Out};
use crate::app::{App, How, StartError};
use crate::authz::Asks;
use crate::base::{Clock, Role};
use crate::store::UserFilter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::config::{self, Config, ConfigError, Environment, Format, Loaded};

/// Serve.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  authgate run\n  authgate run -c /etc/authgate/gateway.toml")]
pub(super) struct RunArgs {}

pub(super) fn run(_args: &RunArgs, global: &Global, out: &mut Out) -> Exit {
    leave_no_core();
    let environment = Environment::of_process();
    let environment = if global.verbose { environment.verbose() } else { environment };
    let (file, loaded) = match open(global, &environment) {
        Ok(found) => found,
        Err(error) => {
            out.error(words(&error, out.color_err()));
            return Exit::BadConfig;
        }
    };
    if !loaded.warnings.is_empty() {
        out.error(loaded.warnings.render(Format::Text, out.color_err()));
    }
    let runtime = match runtime(loaded.config.server.workers) {
        Ok(runtime) => runtime,
        Err(error) => {
            out.error(format_args!("cannot start the threads that serve: {error}"));
            return Exit::Unknown;
        }
    };
    let exit = runtime.block_on(serve(file, loaded, environment, out));
    // What is still being done elsewhere (a name looked up, a hash) is not waited for.
    runtime.shutdown_background();
    exit
}

/// A core of this process would hold every key, and the passwords under way. Where the system does not let us say so,
/// `LimitCORE=0` of the unit does.
fn leave_no_core() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Finds and reads the file that this run obeys.
pub(super) fn open(global: &Global, environment: &Environment) -> Result<(PathBuf, Loaded), ConfigError> {
    let file = config::find(global.config.as_deref(), environment)?;
    let loaded = config::load(&file, environment)?;
    Ok((file, loaded))
}

/// What a command that needs the file ends with when there are no settings.
pub(super) const fn without_settings(error: &ConfigError) -> Exit {
    match error {
        ConfigError::Wrong(_) => Exit::No,
        ConfigError::NotFound(_) | ConfigError::Unreadable { .. } => Exit::Unknown,
    }
}

/// Why there are no settings, for a person.
pub(super) fn words(error: &ConfigError, color: bool) -> String {
    match error {
        ConfigError::Wrong(findings) => findings.told(color),
        ConfigError::NotFound(_) => format!("{error}\nauthgate init writes one to start from."),
        ConfigError::Unreadable { .. } => crate::observe::Chain(error).to_string(),
    }
}

async fn serve(file: PathBuf, loaded: Loaded, environment: Environment, out: &mut Out) -> Exit {
    let words = tree(&file, &loaded);
    let named = if file == Path::new(config::FILE) { String::new() } else { format!(" -c {}", file.display()) };
    let app = match App::start(file, loaded, environment, How { clock: Clock::system(), colour: out.color_err() }).await
    {
        Ok(app) => app,
        Err(error) => return refuse(&error, out),
    };
    out.note(words(&app));
    out.flush();
    // It serves already: nobody waits for this answer.
    if !out.quiet() && nobody_administers(&app).await {
        out.note(format_args!("\nNo administrator yet. Make one:  authgate user add NAME --admin{named}"));
        out.flush();
    }
    app.until_stopped().await;
    Exit::Done
}

/// Whether nobody has the role that administrators have. A store that takes its time is not asked to the end.
async fn nobody_administers(app: &App) -> bool {
    let filter = UserFilter { role: Role::parse(ADMIN).ok(), ..UserFilter::default() };
    let accounts = app.accounts();
    let found = tokio::time::timeout(PATIENCE, accounts.people().list(&filter, 1, None)).await;
    matches!(found, Ok(Ok(found)) if found.is_empty())
}

fn refuse(error: &StartError, out: &mut Out) -> Exit {
    out.error(format_args!("{}", crate::observe::Chain(error)));
    if error.is_configuration() { Exit::BadConfig } else { Exit::Unknown }
}

pub(super) fn runtime(workers: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().thread_name("authgate").build()
}

/// A verb's own small runtime.
pub(super) fn small_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// What a person sees at start: the URLs, and what is open.
fn tree(file: &Path, loaded: &Loaded) -> impl Fn(&App) -> String + use<> {
    let config = &loaded.config;
    let head = format!("authgate {}   {}   {}", env!("CARGO_PKG_VERSION"), file.display(), config.store);
    let protection = protection(config);
    let metrics = config.metrics.enabled.then(|| config.metrics.path.clone());
    let pages = config.locations.cookie && config.pages.enabled;
    let sign_in = pages.then(|| format!("{}/login", config.wire.auth_prefix.0));
    move |app| {
        let mut rows = vec![("site", app.site())];
        rows.extend(sign_in.as_ref().map(|path| ("sign in", format!("{}{path}", app.site()))));
        rows.push(("admin", format!("http://{}", app.admin_address())));
        rows.extend(metrics.as_ref().map(|path| ("metrics", format!("http://{}{path}", app.admin_address()))));
        let last = rows.len() - 1;
        let mut text = head.clone();
        for (at, (label, url)) in rows.into_iter().enumerate() {
            text.push_str(&format!("\n  {}- {label:<9} {url}", if at == last { '`' } else { '|' }));
        }
        format!("{text}\n{protection}")
    }
}

/// "open / , login /api"
fn protection(config: &Config) -> String {
    let words = config.routes.iter().map(|route| match (route.policy.auth, route.policy.roles.is_empty()) {
        (Asks::Nobody, _) => format!("open {}", route.prefix),
        (Asks::Anyone, _) => format!("optional {}", route.prefix),
        (Asks::Somebody, true) => format!("login {}", route.prefix),
        (Asks::Somebody, false) => format!("login + role {}", route.prefix),
    });
    words.collect::<Vec<_>>().join(" , ")
}

const PATIENCE: Duration = Duration::from_secs(1);
