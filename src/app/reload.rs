//! Reload: a good file replaces the settings without dropping a connection; a bad one is refused and the old stays.
use std::sync::Arc;

use serde_json::json;

use super::{ADMIN, PUBLIC, REDIRECT, Running, at, redirect, serve};
use crate::admin::{Reloaded, Told};
use crate::config::{self, Config, ConfigError};
use crate::observe::{Action, Chain, Event};

impl Running {
    /// Reads the file again and puts it to work, or says why not.
    pub(super) async fn reload(&self) -> Reloaded {
        let _one_at_a_time = self.reloading.lock().await;
        let outcome = self.try_reload().await;
        let config = self.config.load();
        self.lasting.metrics.reload(outcome.is_ok().then_some(&config.metrics), self.lasting.clock.now());
        match &outcome {
            Ok(_) => tracing::info!(file = %self.file.display(), "reloaded"),
            Err(told) => {
                tracing::error!(file = %self.file.display(), findings = %told.json, "reload refused; the old settings stay in force");
            }
        }
        let refused = outcome.is_err().then_some("bad_configuration");
        self.gateway.load().audit.record(&Event { refused, ..Event::new(Action::Reloaded) });
        outcome
    }

    async fn try_reload(&self) -> Reloaded {
        let loaded = config::load(&self.file, &self.environment).map_err(|error| findings(&error))?;
        let old = self.config.load_full();
        let fixed = needs_restart(&old, &loaded.config);
        if !fixed.is_empty() {
            return Err(told(fixed));
        }
        let before = self.gateway.load_full();
        let certificates = self.lasting.certificates.ready(loaded.config.tls.as_ref());
        let certificates = certificates.map_err(|error| refused(&Chain(&error)))?;
        let made = self.lasting.gateway(&loaded.config, Some((&old, &before))).await;
        let gateway = made.map_err(|error| refused(&Chain(&error)))?;
        if let Some(listeners) = self.listeners.get() {
            listeners.public.change(&loaded.config.server).map_err(|error| refused(&Chain(&at(PUBLIC)(error))))?;
            let admin = serve::admin_listener(&loaded.config);
            let redirect = redirect::listener(&loaded.config);
            listeners.redirect.change(&redirect).map_err(|error| refused(&Chain(&at(REDIRECT)(error))))?;
            listeners.admin.change(&admin).map_err(|error| refused(&Chain(&at(ADMIN)(error))))?;
        }
        self.lasting.certificates.put(certificates);
        self.log.change(&loaded.config.log);
        self.lasting.stop.set_grace(loaded.config.server.shutdown_grace);
        let warnings = &loaded.warnings;
        let findings = warnings.to_json();
        let said = json!({ "reloaded": true, "warnings": warnings.warnings(), "findings": findings });
        let text = if warnings.is_empty() { String::new() } else { warnings.told_of_reload() };
        before.proxy.end_checks(&gateway.proxy, &self.lasting.metrics);
        gateway.proxy.begin_checks(&self.lasting.metrics);
        self.lasting.watch(&gateway);
        self.gateway.store(Arc::new(gateway));
        self.config.store(Arc::new(loaded.config));
        Ok(Told { json: said, text })
    }
}

/// What threads, the store and the log were made from cannot change under them.
fn needs_restart(old: &Config, new: &Config) -> Vec<String> {
    let mut changed = Vec::new();
    let mut ask = |differs: bool, what: &str| {
        if differs {
            changed.push(format!("{what} changed: that needs a restart"));
        }
    };
    ask(old.server.workers != new.server.workers, "[server] workers");
    ask(old.admin != new.admin, "[admin]");
    ask((&old.store, old.migrate) != (&new.store, new.migrate), "[store]");
    ask(old.sessions.redis != new.sessions.redis, "[store] shared");
    ask(old.log.format != new.log.format, "[log] format");
    ask((old.metrics.enabled, &old.metrics.path) != (new.metrics.enabled, &new.metrics.path), "[metrics]");
    changed
}

fn findings(error: &ConfigError) -> Told {
    match error {
        ConfigError::Wrong(findings) => Told { json: findings.to_json(), text: findings.told_of_reload() },
        ConfigError::NotFound(_) | ConfigError::Unreadable { .. } => refused(&Chain(error)),
    }
}

fn refused(why: &Chain<'_>) -> Told {
    told(vec![why.to_string()])
}

/// What is wrong, and stands at no one place of the file.
fn told(problems: Vec<String>) -> Told {
    let text = problems.iter().map(|message| format!("error: {message}\n")).collect();
    Told {
        json: problems.into_iter().map(|message| json!({ "severity": "error", "message": message })).collect(),
        text,
    }
}
