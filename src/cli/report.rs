//! `authgate report`: where routes with `mode = "observe"` would decide otherwise than their backends do.
use serde_json::{Value, json};

use super::people::{Failed, work};
use super::{Exit, Global, Out};
use crate::authz::Mode;
use crate::config::Loaded;
use crate::routes::Settings;
use crate::store::{Observation, Store};

/// Say where routes that only observe would differ from their backends.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  authgate report\n  authgate report --forget    # count anew, after a rule was changed

Exit code 0: they never differed. 1: they did."
)]
pub(super) struct ReportArgs {
    /// Forget what was counted so far
    #[arg(long)]
    forget: bool,
}

pub(super) fn run(args: &ReportArgs, global: &Global, out: &mut Out) -> Exit {
    let mut differ = false;
    let exit = work(global, out, async |loaded: &Loaded, out: &mut Out| {
        let store = Store::open_existing(&loaded.config.store, loaded.config.migrate).await?;
        if args.forget {
            forget(&store, out).await?;
        } else {
            let routes = routes(&loaded.config.routes, &store.observations().await?);
            differ = routes.iter().any(|route| route.differs().next().is_some());
            show(&routes, out);
        }
        store.close().await;
        Ok::<(), Failed>(())
    });
    if exit == Exit::Done && differ { Exit::No } else { exit }
}

/// One route and what was counted for it.
struct Told {
    /// Hosts and prefix.
    name: String,
    /// Where it stands in the file; `None`: it is not observed any more.
    place: Option<String>,
    kinds: Vec<Observation>,
}

impl Told {
    fn requests(&self) -> i64 {
        self.kinds.iter().map(|kind| kind.many).sum()
    }

    fn differs(&self) -> impl Iterator<Item = &Observation> {
        self.kinds.iter().filter(|kind| kind.refusal.is_some() != kind.backend_refused)
    }
}

/// The routes that observe, in the order of the file, then those that did.
fn routes(settings: &[Settings], all: &[Observation]) -> Vec<Told> {
    let kinds = |name: &str| all.iter().filter(|one| one.route == name).cloned().collect();
    let observing = settings.iter().filter(|route| route.policy.mode == Mode::Observe).map(|route| {
        let name = route.key();
        Told { place: Some(route.place.to_string()), kinds: kinds(&name), name }
    });
    let mut told: Vec<_> = observing.collect();
    for one in all {
        if !told.iter().any(|route| route.name == one.route) {
            told.push(Told { name: one.route.clone(), place: None, kinds: kinds(&one.route) });
        }
    }
    told
}

async fn forget(store: &Store, out: &mut Out) -> Result<(), Failed> {
    let rows = store.forget_observations().await?;
    if out.json() {
        out.data(&json!({ "forgotten": rows }));
    } else {
        out.line(format_args!("forgotten: counting begins anew"));
    }
    Ok(())
}

fn show(routes: &[Told], out: &mut Out) {
    if out.json() {
        out.data(&routes.iter().map(value).collect());
        return;
    }
    if routes.is_empty() {
        out.line("no route has mode = \"observe\", and none had in the last 90 days");
    }
    for route in routes {
        let place = route.place.as_deref().unwrap_or("not observed any more");
        let (requests, differing) = (route.requests(), route.differs().map(|kind| kind.many).sum::<i64>());
        let verdict = match (requests, differing) {
            (0, _) => "nothing was asked yet".to_owned(),
            (_, 0) => format!("{requests} requests, no difference: `enforce` would change nothing for them"),
            _ => format!("{requests} requests, {differing} with a difference"),
        };
        out.line(format_args!("{:<20} {verdict}   ({place})", route.name));
        for kind in route.differs() {
            out.line(format_args!("  {:>8}  {}", kind.many, words(kind)));
            let Observation { method, path, status, last_at, .. } = kind;
            out.line(format_args!("            last: {method} {path} -> {status}   {last_at}"));
        }
    }
}

fn words(kind: &Observation) -> String {
    match &kind.refusal {
        Some(reason) => format!("the backend let in, authgate would refuse: {reason}"),
        None => "the backend refused, authgate would let in".to_owned(),
    }
}

fn value(route: &Told) -> Value {
    let word = |refuses: bool| if refuses { "deny" } else { "allow" };
    let kinds: Vec<_> = route
        .kinds
        .iter()
        .map(|kind| {
            json!({
                "differs": kind.refusal.is_some() != kind.backend_refused,
                "authgate": word(kind.refusal.is_some()),
                "reason": kind.refusal,
                "backend": word(kind.backend_refused),
                "requests": kind.many,
                "first_at": kind.first_at.to_string(),
                "last_at": kind.last_at.to_string(),
                "last": { "method": kind.method, "path": kind.path, "status": kind.status },
            })
        })
        .collect();
    let different: i64 = route.differs().map(|kind| kind.many).sum();
    json!({
        "route": route.name,
        "place": route.place,
        "requests": route.requests(),
        "different": different,
        "kinds": kinds,
    })
}
