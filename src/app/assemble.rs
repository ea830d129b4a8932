//! The parts that last as long as the process, and the gateway made from them and the file.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use super::old_login::OldServer;
use super::status::Recent;
use super::{StartError, keys};
use crate::account::{Accounts, Identifier, Letters, Limits, People, Registration};
use crate::authn::Authenticator;
use crate::base::{Clock, Timestamp};
use crate::config::Config;
use crate::endpoints::{Describes, Document, Endpoints, Errands, Readiness};
use crate::gate::Gate;
use crate::mail::{LAST_ROUND, Mailer};
use crate::observe::{AccessLog, Audit, Gauge, Metrics};
use crate::pages::{House, Pages, SignInWith, SignUps};
use crate::password::{Hasher, Policy};
use crate::pipeline::{Gateway, Observed, Rates, Varies};
use crate::proxy::Proxy;
use crate::refusal::Renderer;
use crate::routes::RouteTable;
use crate::server::Stop;
use crate::shared::{Browsers, Counts, Outbox, Redis, Revocations, ServiceTokens, Streams};
use crate::store::Store;
use crate::tls::Keeper;
use crate::token::{Subject, Tokens};
use crate::wire::{Door, OwnCookie};

/// What lives as long as the process, whatever the file says next.
#[derive(Debug)]
pub(super) struct Lasting {
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) limits: Arc<Limits>,
    pub(super) rates: Arc<Rates>,
    pub(super) observed: Arc<Observed>,
    pub(super) recent: Recent,
    pub(super) revocations: Arc<Revocations>,
    /// What all nodes share beside the store, and what is to be told there.
    pub(super) redis: Option<Arc<Redis>>,
    pub(super) outbox: Mutex<Option<Outbox>>,
    pub(super) services: Arc<ServiceTokens>,
    pub(super) browsers: Arc<Browsers>,
    /// Entered whatever the file says later: a reload changes only what new ones obey.
    pub(super) streams: Arc<Streams>,
    pub(super) metrics: Metrics,
    pub(super) access: AccessLog,
    pub(super) certificates: Arc<Keeper>,
    pub(super) errands: Errands,
    pub(super) stop: Stop,
    /// The mail's, which leaves when nobody writes a letter any more.
    pub(super) post: Stop,
}

impl Lasting {
    pub(super) async fn open(config: &Config, access: AccessLog, stop: Stop, clock: Clock) -> Result<Self, StartError> {
        let store = Store::open_as(&config.store, config.migrate).await.map_err(StartError::Store)?;
        let (tell, outbox) = mpsc::channel(TO_TELL);
        let redis = config.sessions.redis.as_ref().map(Redis::at).transpose().map_err(StartError::Redis)?;
        let revocations = Arc::new(if redis.is_some() { Revocations::telling(tell) } else { Revocations::default() });
        revocations.load(&store).await.map_err(StartError::Store)?;
        let services = Arc::new(ServiceTokens::default());
        services.load(&store).await.map_err(StartError::Store)?;
        let metrics = Metrics::new(&config.metrics, clock.now());
        let numbers = metrics.clone();
        let certificates = Arc::new(Keeper::new());
        certificates.put(certificates.ready(config.tls.as_ref()).map_err(StartError::Tls)?);
        let kept = Arc::clone(&certificates);
        metrics.ask(Gauge::CertificateExpiry, move || kept.until().map(Timestamp::in_seconds));
        let store = store.watched(Arc::new(move |operation, took| numbers.store_operation(operation, took)));
        Ok(Self {
            recent: Recent::new(clock.now()),
            clock,
            store,
            limits: Arc::new(Limits::new(redis.clone().map(|redis| redis as Arc<dyn Counts>))),
            rates: Arc::new(Rates::new(redis.clone().map(|redis| redis as Arc<dyn Counts>))),
            observed: Arc::default(),
            revocations,
            redis,
            outbox: Mutex::new(Some(outbox)),
            services,
            browsers: Arc::default(),
            streams: Arc::default(),
            metrics,
            access,
            certificates,
            errands: Errands::new(stop.clone()),
            stop,
            post: Stop::new(LAST_ROUND + Duration::from_secs(1)),
        })
    }

    /// The gateway that this file asks for. What did not change is kept from the one before: connections to
    /// upstreams, and the hashes under way.
    pub(super) async fn gateway(
        &self,
        config: &Config,
        before: Option<(&Config, &Gateway)>,
    ) -> Result<Gateway, StartError> {
        let tokens = Arc::new(keys::tokens(&self.store, &config.tokens, &self.clock).await?);
        let door = Arc::new(Door::new(&config.wire));
        let routes = Arc::new(RouteTable::new(config.routes.clone()).map_err(StartError::Routes)?);
        let audit = Audit::open(&config.log, self.clock.clone()).map_err(StartError::Audit)?;
        let hasher = self.hasher(config, before);
        let people = self.people(config, hasher.clone(), audit.clone());
        let letters = self.letters(config, before);
        let accounts = Accounts::new(people, Arc::clone(&tokens), Arc::clone(&self.limits), letters)
            .asking(config.accounts.migrate_from.clone().map(OldServer::of));
        let authenticator = Authenticator::new(Arc::clone(&tokens), Arc::clone(&self.revocations))
            .and_machines(Arc::clone(&self.services))
            .and_browsers(Arc::clone(&self.browsers), Arc::new(accounts.clone()), Arc::clone(&door))
            .looking(config.locations);
        let endpoints = Arc::new(self.endpoints(config, accounts, authenticator.clone(), tokens, Arc::clone(&door)));
        Ok(Gateway {
            renderer: Renderer::new(&config.wire.auth_prefix.0).in_format(config.tokens.dialect.format),
            endpoints,
            gate: Gate::new(routes, authenticator),
            proxy: Proxy::new(&config.upstreams, before.map(|(_, gateway)| &gateway.proxy))
                .map_err(StartError::Tls)?
                .following(config.sessions.close_streams.then(|| Arc::clone(&self.streams))),
            door,
            rates: Arc::clone(&self.rates),
            observed: Arc::clone(&self.observed),
            clock: self.clock.clone(),
            route_metrics: config.routes.iter().map(|route| self.metrics.route(&route.prefix)).collect(),
            upstream_metrics: config.routes.iter().map(|route| self.metrics.upstream(&route.upstream)).collect(),
            metrics: self.metrics.clone(),
            access: self.access.clone(),
            audit,
            hasher,
            body_timeout: config.server.limits.body_timeout,
            server_timing: config.metrics.server_timing,
            varies: config.locations.varies().map(Varies::by),
        })
    }

    pub(super) fn readiness(&self) -> Readiness {
        Readiness::new(self.store.clone(), self.redis.clone(), self.metrics.clone(), self.stop.clone())
    }

    fn people(&self, config: &Config, hasher: Hasher, audit: Audit) -> People {
        People {
            store: self.store.clone(),
            hasher,
            policy: Policy::new(&config.passwords),
            revocations: Arc::clone(&self.revocations),
            services: Arc::clone(&self.services),
            settings: config.accounts.clone(),
            clock: self.clock.clone(),
            audit,
        }
    }

    fn endpoints(
        &self,
        config: &Config,
        accounts: Accounts,
        authenticator: Authenticator,
        tokens: Arc<Tokens>,
        door: Arc<Door>,
    ) -> Endpoints {
        Endpoints {
            accounts,
            authenticator,
            tokens,
            door,
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            readiness: self.readiness(),
            errands: self.errands.clone(),
            pages: Arc::new(Pages::new(&config.pages, house(config))),
            document: Arc::new(described(config)),
            origin: config.origin(),
            prefix: config.wire.auth_prefix.0.clone(),
            well_known: config.wire.well_known,
            identity: config.identity.clone(),
            password_grant: config.accounts.password_grant,
            browsers: config.locations.cookie && config.pages.enabled,
            body_timeout: config.server.limits.body_timeout,
        }
    }

    /// The same queue goes on unless the file names another server.
    fn letters(&self, config: &Config, before: Option<(&Config, &Gateway)>) -> Letters {
        let mailer = match before {
            Some((old, gateway)) if old.mail == config.mail => gateway.endpoints.accounts.letters().mailer().clone(),
            _ => {
                let (mailer, round) = Mailer::new(&config.mail);
                drop(self.post.spawn(round.run(self.post.child_token())));
                mailer
            }
        };
        Letters::new(mailer, config.origin(), config.wire.auth_prefix.0.clone(), config.pages.languages.clone())
    }

    fn hasher(&self, config: &Config, before: Option<(&Config, &Gateway)>) -> Hasher {
        match before {
            Some((old, gateway)) if old.passwords == config.passwords => gateway.hasher.clone(),
            _ => {
                let metrics = self.metrics.clone();
                Hasher::observed(&config.passwords, Arc::new(move |took| metrics.hash_done(took)))
            }
        }
    }

    /// Numbers that are asked for when somebody reads the metrics: of the gateway that is at work.
    pub(super) fn watch(&self, gateway: &Gateway) {
        let hasher = gateway.hasher.clone();
        self.metrics
            .ask(Gauge::HashQueue, move || Some(f64::from(u32::try_from(hasher.waiting()).unwrap_or(u32::MAX))));
        let (tokens, clock) = (Arc::clone(&gateway.endpoints.tokens), self.clock.clone());
        self.metrics
            .ask(Gauge::SigningKeyAge, move || Some(clock.now().since(tokens.keys().signs_since()).as_secs_f64()));
    }
}

/// What programs are told of the rest.
fn described(config: &Config) -> Document {
    let cookies = &config.wire.cookies;
    Document::of(Describes {
        prefix: config.wire.auth_prefix.0.clone(),
        well_known: config.wire.well_known,
        browsers: config.locations.cookie && config.pages.enabled,
        password_grant: config.accounts.password_grant,
        proxies: config.wire.trusts_unix || !config.wire.trusted_proxies.is_empty(),
        format: config.tokens.dialect.format,
        token_cookies: cookies.have_tokens(),
        locations: config.locations,
        query_token: config.wire.query_token.as_deref().map(str::to_owned),
        cookie: cookies.name(OwnCookie::Session).to_owned(),
    })
}

/// What pages tell of the rest.
fn house(config: &Config) -> House {
    let accounts = &config.accounts;
    House {
        prefix: config.wire.auth_prefix.0.clone(),
        site: config.wire.public_url.as_ref().map(|url| url.authority.clone()),
        sign_in_with: match accounts.identifier {
            Identifier::Username => SignInWith::Username,
            Identifier::Email => SignInWith::Email,
            Identifier::Either => SignInWith::Either,
        },
        sign_ups: match accounts.registration {
            Registration::Open => SignUps::Open,
            Registration::Invite => SignUps::Invite,
            Registration::Closed => SignUps::Closed,
        },
        username_needed: accounts.identifier == Identifier::Username || accounts.subject == Subject::Username,
        email_needed: accounts.identifier == Identifier::Email
            || accounts.subject == Subject::Email
            || accounts.verify_email
            || !accounts.allowed_domains.is_empty(),
        sign_in: config.locations.cookie && config.pages.enabled,
        min_password: config.passwords.min_length,
        origin: config.origin(),
    }
}

/// Revocations that wait to be told; more than these the others read in the store.
const TO_TELL: usize = 1024;
