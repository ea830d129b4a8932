//! Serving: two listeners, and the tasks beside them.
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::assemble::Lasting;
use super::redirect::Redirect;
use super::{ADMIN, Listeners, PUBLIC, REDIRECT, Running, StartError, at, keys, observed, status, tidy};
use crate::admin::{Admin, Holder};
use crate::config::Config;
use crate::observe::{Action, Chain, Event};
use crate::refusal::Renderer;
use crate::server::{self, Bound, Handler, Limits, ListenAddress, Stop};
use crate::wire::{Body, Peer};

/// The public listener's handler: whatever gateway is in force when the request arrives.
#[derive(Debug)]
pub(super) struct Public(Arc<Running>);

impl Handler for Public {
    async fn handle(&self, request: Box<Request<Body>>, peer: Peer) -> Response<Body> {
        let gateway = self.0.gateway.load_full();
        gateway.handle(request, peer).await
    }

    fn unread(&self, status: StatusCode, peer: Peer) -> Response<Body> {
        self.0.gateway.load().unread(status, peer)
    }
}

/// Everything that is listened on, not yet accepting.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) public: Bound,
    pub(super) admin: Bound,
    pub(super) redirect: Bound,
}

/// Accepts, and starts what goes on beside it. All of it ends with `stop`, but the admin listener, which says till the
/// last that the gateway is stopping.
pub(super) fn begin(running: &Arc<Running>, doors: Doors, stop: &Stop, at_desk: &Stop) -> Result<(), StartError> {
    let (ask, asked) = mpsc::channel(1);
    drop(server::watch_signals(stop, ask).map_err(StartError::Signals)?);
    drop(stop.spawn(reload_when_asked(Arc::clone(running), asked, stop.clone())));
    drop(stop.spawn(follow_store(Arc::clone(running), stop.clone())));
    drop(stop.spawn(follow_certificates(Arc::clone(running), stop.clone())));
    let (services, store) = (Arc::clone(&running.lasting.services), running.lasting.store.clone());
    drop(stop.spawn(services.follow(store, stop.child_token())));
    follow_redis(&running.lasting, stop);
    drop(stop.spawn(end_streams(Arc::clone(running), stop.clone())));
    drop(stop.spawn(follow_keys(Arc::clone(running), stop.clone())));
    running.gateway.load().proxy.begin_checks(&running.lasting.metrics);
    drop(stop.spawn(observed::follow(Arc::clone(running), stop.clone())));
    drop(stop.spawn(status::follow(Arc::clone(running), stop.clone())));
    drop(stop.spawn(tidy::follow(Arc::clone(running), stop.clone())));
    let admin = doors.admin.serve(Arc::new(desk(running)), at_desk.clone()).map_err(at(ADMIN))?;
    let public = doors.public.greeting(running.lasting.certificates.greeting());
    let public = public.serve(Arc::new(Public(Arc::clone(running))), stop.clone()).map_err(at(PUBLIC))?;
    let redirect = Arc::new(Redirect(Arc::clone(running)));
    let redirect = doors.redirect.serve(redirect, stop.clone()).map_err(at(REDIRECT))?;
    // Nobody else sets it: this runs once.
    drop(running.listeners.set(Listeners { public, admin, redirect }));
    Ok(())
}

/// SIGHUP asks for a reload.
async fn reload_when_asked(running: Arc<Running>, mut asked: mpsc::Receiver<()>, stop: Stop) {
    loop {
        tokio::select! {
            () = stop.draining() => return,
            asked = asked.recv() => match asked {
                // What came of it is in the log.
                Some(()) => drop(running.reload().await),
                None => return,
            },
        }
    }
}

/// What other processes did to the store is in force here within a second.
async fn follow_store(running: Arc<Running>, stop: Stop) {
    let lasting = &running.lasting;
    Arc::clone(&lasting.revocations).follow(lasting.store.clone(), stop.child_token()).await;
}

/// What the other nodes tell is in force here at once.
fn follow_redis(lasting: &Lasting, stop: &Stop) {
    let outbox = lasting.outbox.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(redis), Some(outbox)) = (&lasting.redis, outbox) {
        let revocations = Arc::clone(&lasting.revocations);
        drop(stop.spawn(Arc::clone(redis).follow(outbox, revocations, stop.child_token())));
    }
}

/// A certificate that was renewed is shown within seconds, without anybody asking for a reload.
async fn follow_certificates(running: Arc<Running>, stop: Stop) {
    let mut often = interval(LOOK_EVERY);
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopping = stop.child_token();
    while stopping.run_until_cancelled(often.tick()).await.is_some() {
        let keeper = Arc::clone(&running.lasting.certificates);
        // Files are read elsewhere: a disk that is slow holds up nobody.
        match tokio::task::spawn_blocking(move || keeper.look()).await {
            Ok(Some(Ok(()))) => tracing::info!("the certificate changed and is in force"),
            Ok(Some(Err(error))) => {
                tracing::error!(error = %Chain(&error), "the changed certificate cannot be used; the old one stays in force");
            }
            Ok(None) | Err(_) => {}
        }
    }
}

/// Streams end within a second of the session or the token behind them.
async fn end_streams(running: Arc<Running>, stop: Stop) {
    let Lasting { revocations, services, streams, store, clock, .. } = &running.lasting;
    let (revocations, services) = (Arc::clone(revocations), Arc::clone(services));
    Arc::clone(streams).follow(revocations, services, store.clone(), clock.clone(), stop.child_token()).await;
}

/// Keys come and go: by the calendar, by the command line, or by another node.
async fn follow_keys(running: Arc<Running>, stop: Stop) {
    let mut often = interval(LOOK_FOR_KEYS);
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (stopping, mut failing) = (stop.child_token(), false);
    while stopping.run_until_cancelled(often.tick()).await.is_some() {
        let gateway = running.gateway.load_full();
        let tokens = &gateway.endpoints.tokens;
        let looked = keys::follow(&running.lasting.store, tokens, &running.lasting.clock).await;
        match &looked {
            Ok(true) => {
                let keys = tokens.keys();
                gateway.audit.record(&Event { detail: Some(keys.signing_kid()), ..Event::new(Action::KeysChanged) });
            }
            Err(error) if !failing => {
                tracing::error!(error = %Chain(error), "cannot follow the keys; those in force stay");
            }
            Ok(false) | Err(_) => {}
        }
        failing = looked.is_err();
    }
}

fn desk(running: &Arc<Running>) -> Admin {
    let config = running.config.load();
    let (again, asked, known) = (Arc::clone(running), Arc::clone(running), Arc::clone(running));
    Admin {
        settings: config.admin.clone(),
        metrics: running.lasting.metrics.clone(),
        metrics_path: config.metrics.enabled.then(|| config.metrics.path.clone()),
        readiness: running.lasting.readiness(),
        store: running.lasting.store.clone(),
        clock: running.lasting.clock.clone(),
        renderer: Renderer::new(&config.wire.auth_prefix.0),
        holder: Box::new(move |token| {
            let gateway = known.gateway.load();
            let Ok(identity) = gateway.endpoints.authenticator.verify(token, gateway.clock.now()) else {
                return Holder::Nobody;
            };
            let has = if identity.is_machine() {
                identity.scopes().iter().any(|scope| scope.as_str() == ADMINISTRATOR)
            } else {
                identity.roles().iter().any(|role| role.as_str() == ADMINISTRATOR)
            };
            if has { Holder::Admin } else { Holder::Other }
        }),
        reload: Box::new(move || {
            let running = Arc::clone(&again);
            Box::pin(async move { running.reload().await })
        }),
        status: Box::new(move || {
            let running = Arc::clone(&asked);
            Box::pin(async move { running.status().await })
        }),
    }
}

/// The role of whoever `authgate user add --admin` makes, and the scope of a machine that may do as much.
const ADMINISTRATOR: &str = "admin";

/// The second listener has small bounds of its own.
pub(super) fn admin_listener(config: &Config) -> server::Settings {
    let few = Limits {
        announcing: Vec::new(),
        max_connections: ADMIN_CONNECTIONS,
        max_connections_per_ip: ADMIN_CONNECTIONS,
        ..config.server.limits.clone()
    };
    server::Settings { listen: vec![ListenAddress::Tcp(config.admin.listen)], limits: few, ..config.server.clone() }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Four looks within the second that is promised.
const LOOK_FOR_KEYS: Duration = Duration::from_millis(250);
const ADMIN_CONNECTIONS: usize = 64;
