use std::collections::BTreeMap;
use std::time::Duration;

use super::MigrateFrom;
use crate::base::{Role, Scope};
use crate::limit::Rate;
use crate::store::User;
use crate::token::Subject;

/// What the operator says about people and their sessions.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) identifier: Identifier,
    /// What tokens name people by: whoever has none cannot be given one.
    pub(crate) subject: Subject,
    pub(crate) registration: Registration,
    /// Whoever makes an account needs an e-mail address at one of these; empty: any, or none.
    pub(crate) allowed_domains: Vec<String>,
    /// Nobody is let in before they followed a link that was sent to their address.
    pub(crate) verify_email: bool,
    pub(crate) default_roles: Vec<Role>,
    /// Who has the role has these scopes.
    pub(crate) role_scopes: BTreeMap<Role, Vec<Scope>>,
    pub(crate) refresh_ttl: Duration,
    pub(crate) refresh_grace: Duration,
    /// A browser that is not used stays signed in so long ...
    pub(crate) session_idle: Duration,
    /// ... and one that is used so long.
    pub(crate) session_max: Duration,
    /// POST {auth_prefix}/token with grant_type=password is answered.
    pub(crate) password_grant: bool,
    pub(crate) login_per_ip: Rate,
    pub(crate) login_per_account: Rate,
    pub(crate) register_per_ip: Rate,
    /// Where names that nobody has here are asked about.
    pub(crate) migrate_from: Option<MigrateFrom>,
}

impl Settings {
    /// What tokens would name this person by, where they have none.
    pub(crate) fn lacks(&self, has_username: bool, has_email: bool) -> Option<&'static str> {
        match self.subject {
            Subject::Username if !has_username => Some("username"),
            Subject::Email if !has_email => Some("e-mail address"),
            Subject::Id | Subject::Username | Subject::Email => None,
        }
    }

    /// A person's own scopes and those of their roles, each once: what an access token says.
    pub(crate) fn scopes_of(&self, user: &User) -> Vec<Scope> {
        let of_roles = user.roles.iter().filter_map(|role| self.role_scopes.get(role)).flatten();
        user.scopes.iter().chain(of_roles).fold(vec![], |mut scopes: Vec<Scope>, scope| {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
            scopes
        })
    }
}

/// What people sign in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identifier {
    Username,
    Email,
    Either,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registration {
    Open,
    /// Whoever has an invitation.
    Invite,
    Closed,
}
