//! Puts the rooms together; the order of start, reload and stop.
mod assemble;
mod keys;
mod observed;
mod old_login;
mod redirect;
mod reload;
mod serve;
mod status;
mod tidy;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;

pub(crate) use keys::{add_next_key, kept_keys, key_ring};

use crate::account::Accounts;
use crate::admin::Admin;
use crate::base::Clock;
use crate::config::{Config, Environment, Loaded};
use crate::observe::{self, AuditError, LogError, LogGuard};
use crate::pipeline::Gateway;
use crate::routes::BadRoute;
use crate::server::{self, BindError, Descriptors, Ended, ListenAddress, Server, Stop};
use crate::shared::BadRedis;
use crate::store::StoreError;
use crate::tls::TlsError;
use crate::token::KeyError;
use assemble::Lasting;
use redirect::Redirect;
use serve::Public;

/// A gateway that runs.
#[derive(Debug)]
pub(crate) struct App {
    running: Arc<Running>,
    stop: Stop,
    /// The admin listener's: it answers until everything else has ended.
    desk: Stop,
}

/// What serves: the parts that last, and what is swapped on reload.
#[derive(Debug)]
struct Running {
    file: PathBuf,
    environment: Environment,
    lasting: Lasting,
    log: LogGuard,
    gateway: ArcSwap<Gateway>,
    config: ArcSwap<Config>,
    /// The two listeners, once they accept.
    listeners: OnceLock<Listeners>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Listeners {
    public: server::Running<Public>,
    admin: server::Running<Admin>,
    redirect: server::Running<Redirect>,
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("cannot start the log")]
    Log(#[source] LogError),
    #[error("cannot write the audit file")]
    Audit(#[source] AuditError),
    #[error("cannot open the store")]
    Store(#[source] StoreError),
    #[error("cannot use [store] shared")]
    Redis(#[source] BadRedis),
    #[error("cannot use the signing keys")]
    Keys(#[source] KeyError),
    #[error("cannot use the routes")]
    Routes(#[source] BadRoute),
    #[error("cannot speak TLS")]
    Tls(#[source] TlsError),
    #[error("cannot listen where {setting} says")]
    Bind {
        setting: &'static str,
        #[source]
        source: BindError,
    },
    #[error("cannot listen to signals")]
    Signals(#[source] std::io::Error),
}

impl StartError {
    /// Whether another try with the same file would end the same way.
    pub(crate) const fn is_configuration(&self) -> bool {
        matches!(self, Self::Keys(_) | Self::Routes(_) | Self::Tls(_) | Self::Redis(_))
    }
}

impl App {
    /// Listens, opens the store, and serves in the background.
    pub(crate) async fn start(
        file: PathBuf,
        loaded: Loaded,
        environment: Environment,
        how: How,
    ) -> Result<Self, StartError> {
        let config = loaded.config;
        let log = observe::start(&config.log, how.colour).map_err(StartError::Log)?;
        take_descriptors(config.server.limits.max_connections);
        let public = Server::bind(&config.server).map_err(at(PUBLIC))?;
        let admin = Server::bind(&serve::admin_listener(&config)).map_err(at(ADMIN))?;
        let redirect = Server::bind(&redirect::listener(&config)).map_err(at(REDIRECT))?;
        let stop = Stop::new(config.server.shutdown_grace);
        let lasting = Lasting::open(&config, log.access_log(), stop.clone(), how.clock).await?;
        let gateway = lasting.gateway(&config, None).await?;
        lasting.watch(&gateway);
        let running = Arc::new(Running {
            file,
            environment,
            lasting,
            log,
            gateway: ArcSwap::from_pointee(gateway),
            config: ArcSwap::from_pointee(config),
            listeners: OnceLock::new(),
            reloading: tokio::sync::Mutex::new(()),
        });
        let desk = Stop::new(DESK_GRACE);
        serve::begin(&running, serve::Doors { public, admin, redirect }, &stop, &desk)?;
        Ok(Self { running, stop, desk })
    }

    /// The URL that people open.
    pub(crate) fn site(&self) -> String {
        let config = self.running.config.load();
        if let Some(public) = &config.wire.public_url {
            return public.origin();
        }
        match self.listeners().map(|listeners| listeners.public.addresses()).unwrap_or_default().first() {
            Some(ListenAddress::Tcp(address)) if address.ip().is_loopback() || address.ip().is_unspecified() => {
                let scheme = if config.tls.is_some() { "https" } else { "http" };
                format!("{scheme}://localhost:{}", address.port())
            }
            Some(other @ ListenAddress::Tcp(_)) if config.tls.is_some() => format!("https://{other}"),
            Some(other) => format!("http://{other}"),
            None => String::new(),
        }
    }

    pub(crate) fn admin_address(&self) -> String {
        let addresses = self.listeners().map(|listeners| listeners.admin.addresses()).unwrap_or_default();
        addresses.first().map(ToString::to_string).unwrap_or_default()
    }

    pub(crate) fn accounts(&self) -> Accounts {
        self.running.gateway.load().endpoints.accounts.clone()
    }

    fn listeners(&self) -> Option<&Listeners> {
        self.running.listeners.get()
    }

    /// Serves until a signal ends it; what is in flight is finished first, up to `shutdown_grace`.
    pub(crate) async fn until_stopped(self) {
        self.stop.draining().await;
        if let Ended::Cut(left) = self.stop.finished().await {
            tracing::warn!(left, "shutdown_grace is over: cut what was still in flight");
        }
        // Letters of what was finished last leave too.
        if tokio::time::timeout(LETTERS_GRACE, self.accounts().letters().settled()).await.is_err() {
            tracing::error!("the store is slow: letters of the last requests are lost");
        }
        self.running.lasting.post.begin();
        let _ = self.running.lasting.post.finished().await;
        self.desk.begin();
        let _ = self.desk.finished().await;
        if let Err(error) = observed::keep(&self.running.lasting).await {
            tracing::warn!(error = %observe::Chain(&error), "lost what routes that only observe counted last");
        }
        self.running.lasting.store.close().await;
        tracing::info!("stopped");
        self.running.log.flush();
    }
}

/// Where a listener cannot be opened, the setting is named that asks for it.
fn at(setting: &'static str) -> impl Fn(BindError) -> StartError {
    move |source| StartError::Bind { setting, source }
}

/// As many as the system gives, and a word where those are too few for what the file promises.
fn take_descriptors(connections: usize) {
    let descriptors = Descriptors::raise();
    if descriptors.suffice(connections) {
        tracing::debug!(before = descriptors.before, now = descriptors.after, "file descriptors");
    } else {
        tracing::warn!(
            descriptors = descriptors.after,
            max_connections = connections,
            "the system allows too few file descriptors for [limits] max_connections, of which each may take two: raise the hard \
             limit (LimitNOFILE of the unit, --ulimit nofile of the container), or lower max_connections; who finds none waits"
        );
    }
}

/// Each letter is written with two short uses of the store, each of which may take some seconds where that is busy.
const LETTERS_GRACE: Duration = Duration::from_secs(10);
/// An answer at the admin address takes no longer.
const DESK_GRACE: Duration = Duration::from_secs(1);

/// The settings that name addresses to listen on.
const PUBLIC: &str = "[server] listen";
const ADMIN: &str = "[admin] listen";
const REDIRECT: &str = "[tls] redirect_http";

/// How a gateway is started, beside its file.
#[derive(Debug, Clone)]
pub(crate) struct How {
    pub(crate) clock: Clock,
    /// The log may have colours where it goes to a terminal.
    pub(crate) colour: bool,
}
