//! Audit events: sign-ins, refusals, and changes of accounts.
use std::fs::OpenOptions;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::LogSettings;
use super::line::{Object, with_line};
use super::sink::{Haste, Sink, Trouble};
use crate::base::{Clock, SessionId, Timestamp, UserId};

/// Something that happened to an account. The record never holds a secret.
#[derive(Debug, Clone)]
pub(crate) struct Event<'a> {
    pub(crate) action: Action,
    /// `None` when it succeeded; else the refusal's stable code ("invalid_credentials").
    pub(crate) refused: Option<&'static str>,
    pub(crate) user: Option<UserId>,
    /// The account's own name, never what a stranger typed: a password typed as the name must not be logged.
    pub(crate) name: Option<&'a str>,
    pub(crate) session: Option<SessionId>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) request_id: Option<&'a str>,
    /// The prefix of the route that was asked for.
    pub(crate) route: Option<&'a str>,
    /// More about it, in our words ("role admin added").
    pub(crate) detail: Option<&'a str>,
}

impl Event<'_> {
    pub(crate) const fn new(action: Action) -> Self {
        Self {
            action,
            refused: None,
            user: None,
            name: None,
            session: None,
            ip: None,
            request_id: None,
            route: None,
            detail: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Registered,
    SignedIn,
    Refreshed,
    /// A refresh token was used again after its grace: taken for theft, the session ended.
    RefreshReused,
    SignedOut,
    UserAdded,
    UserEdited,
    Invited,
    TokenAdded,
    TokenRevoked,
    PasswordChanged,
    /// To whoever forgot it.
    PasswordLinkSent,
    /// To an address that shall become somebody's.
    AddressLinkSent,
    AddressVerified,
    PasskeyAdded,
    PasskeyRemoved,
    SecondFactorAdded,
    SecondFactorRemoved,
    RecoveryCodesMade,
    /// Instead of a code of the device.
    RecoveryCodeUsed,
    UserDisabled,
    UserEnabled,
    UserDeleted,
    UsersImported,
    ImportUndone,
    SessionEnded,
    Reloaded,
    /// Another key signs, or one came or went; `detail` names the one that signs.
    KeysChanged,
    /// A route did not let a request through; `route` and `refused` say which and why.
    Refused,
}

impl Action {
    /// The word in the record; part of what operators search for, so it does not change.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::SignedIn => "signed_in",
            Self::Refreshed => "refreshed",
            Self::RefreshReused => "refresh_reused",
            Self::SignedOut => "signed_out",
            Self::UserAdded => "user_added",
            Self::UserEdited => "user_edited",
            Self::Invited => "invited",
            Self::TokenAdded => "service_token_added",
            Self::TokenRevoked => "service_token_revoked",
            Self::PasswordChanged => "password_changed",
            Self::PasswordLinkSent => "password_link_sent",
            Self::AddressLinkSent => "email_link_sent",
            Self::AddressVerified => "email_verified",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::SecondFactorAdded => "second_factor_added",
            Self::SecondFactorRemoved => "second_factor_removed",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::UserDeleted => "user_deleted",
            Self::UsersImported => "users_imported",
            Self::ImportUndone => "import_undone",
            Self::SessionEnded => "session_ended",
            Self::Reloaded => "reloaded",
            Self::KeysChanged => "keys_changed",
            Self::Refused => "refused",
        }
    }
}

/// Where audit events go: the log, and the audit file if there is one. Cheap to clone; the last clone writes out the rest.
///
/// A reload opens it anew, so a file that was moved away (log rotation) is made again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audit {
    file: Option<Sink>,
    clock: Clock,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot open the audit file {}", path.display())]
pub(crate) struct AuditError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Audit {
    /// Opens the audit file, if the settings name one: appended to, readable by its owner only.
    pub(crate) fn open(settings: &LogSettings, clock: Clock) -> Result<Self, AuditError> {
        let Some(path) = &settings.audit_file else { return Ok(Self { file: None, clock }) };
        let told = |source| AuditError { path: path.clone(), source };
        let file = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path).map_err(told)?;
        let sink = Sink::start_telling("audit", file, lost, tell).map_err(told)?;
        Ok(Self { file: Some(sink), clock })
    }

    pub(crate) fn record(&self, event: &Event<'_>) {
        if let Some(file) = &self.file {
            let now = self.clock.now();
            // Refusals may come by the thousand; everything else is rare and should be on disk at once.
            let haste = if event.action == Action::Refused { Haste::None } else { Haste::Now };
            with_line(|line| {
                push_event(line, event, now);
                file.push(line, haste);
            });
        }
        say(event);
    }
}

fn tell(trouble: Trouble<'_>) {
    match trouble {
        Trouble::Begins(error) => tracing::error!(
            %error,
            "cannot write the audit file: its events are lost until there is room again, but for those that stand in this log"
        ),
        Trouble::Lost(lines) => {
            tracing::error!(lines, "events are not in the audit file: it could not be written in time, or not at all")
        }
    }
}

fn push_event(line: &mut Vec<u8>, event: &Event<'_>, now: Timestamp) {
    let mut object = Object::begin(line);
    object.time("time", now);
    object.text("action", event.action.word());
    object.text("result", result(event));
    object.maybe("reason", event.refused);
    if let Some(user) = event.user {
        object.quoted("user", user);
    }
    object.maybe("name", event.name);
    if let Some(session) = event.session {
        object.quoted("session", session);
    }
    if let Some(ip) = event.ip {
        object.quoted("ip", ip);
    }
    object.maybe("request_id", event.request_id);
    object.maybe("route", event.route);
    object.maybe("detail", event.detail);
    object.end();
}

/// The same in the log. A refusal on a route stands in the access log already, so it is said there for searchers only.
fn say(event: &Event<'_>) {
    macro_rules! say {
        ($level:ident) => {
            tracing::$level!(
                target: "audit",
                action = event.action.word(),
                result = result(event),
                reason = event.refused,
                user = event.user.map(tracing::field::display),
                name = event.name,
                session = event.session.map(tracing::field::display),
                ip = event.ip.map(tracing::field::display),
                request_id = event.request_id,
                route = event.route,
                detail = event.detail,
            )
        };
    }
    match event.action {
        Action::Refused => say!(debug),
        Action::RefreshReused => say!(warn),
        Action::Registered
        | Action::SignedIn
        | Action::Refreshed
        | Action::SignedOut
        | Action::UserAdded
        | Action::UserEdited
        | Action::Invited
        | Action::TokenAdded
        | Action::TokenRevoked
        | Action::PasswordChanged
        | Action::PasswordLinkSent
        | Action::AddressLinkSent
        | Action::AddressVerified
        | Action::PasskeyAdded
        | Action::PasskeyRemoved
        | Action::SecondFactorAdded
        | Action::SecondFactorRemoved
        | Action::RecoveryCodesMade
        | Action::RecoveryCodeUsed
        | Action::UserDisabled
        | Action::UserEnabled
        | Action::UserDeleted
        | Action::UsersImported
        | Action::ImportUndone
        | Action::SessionEnded
        | Action::Reloaded
        | Action::KeysChanged => say!(info),
    }
}

fn result(event: &Event<'_>) -> &'static str {
    if event.refused.is_some() { "refused" } else { "ok" }
}

fn lost(lines: u64) -> Vec<u8> {
    format!("{{\"action\":\"lost\",\"lines\":{lines}}}\n").into_bytes()
}

const FILE_MODE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::{Level, LogFormat};
    use super::*;

    fn settings(path: Option<PathBuf>) -> LogSettings {
        LogSettings { level: Level::Info, format: LogFormat::Json, access: true, audit_file: path }
    }

    #[test]
    fn an_event_is_one_line_in_a_file_of_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for _ in 0..2 {
            let audit = Audit::open(&settings(Some(path.clone())), Clock::system()).unwrap();
            let now = Timestamp::from_seconds(1);
            audit.record(&Event {
                user: Some(UserId::new(now)),
                name: Some("ann"),
                session: Some(SessionId::new(now)),
                ip: Some("::1".parse().unwrap()),
                detail: Some("a\nb"),
                ..Event::new(Action::SignedIn)
            });
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "appended to: {text}");
        let read: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(read["action"], "signed_in");
        assert_eq!(read["result"], "ok");
        assert_eq!(read["name"], "ann");
        assert_eq!(read["ip"], "::1");
        assert_eq!(read["detail"], "a\nb");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_refusal_says_where_and_why() {
        let event = Event { refused: Some("missing_role"), route: Some("/admin"), ..Event::new(Action::Refused) };
        let mut line = Vec::new();
        push_event(&mut line, &event, Timestamp::from_millis(0));
        let expected = concat!(
            r#"{"time":"1970-01-01T00:00:00.000Z","action":"refused","result":"refused","reason":"missing_role","#,
            r#""route":"/admin"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error_that_names_it() {
        let error = Audit::open(&settings(Some("/nowhere/audit.jsonl".into())), Clock::system()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/audit.jsonl"), "{error}");
        Audit::open(&settings(None), Clock::system()).unwrap().record(&Event::new(Action::Reloaded));
    }
}
