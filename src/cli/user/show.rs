//! A person on the terminal, and as JSON.
use serde_json::{Value, json};

use crate::account::Factors;
use crate::base::{Role, Scope};
use crate::cli::Out;
use crate::store::User;

/// One person.
pub(super) fn one(user: &User, out: &mut Out) {
    if out.json() {
        out.data(&value(user));
    } else {
        lines(rows(user), out);
    }
}

/// The same, and what they show beside the password.
pub(super) fn whole(user: &User, factors: Factors, passkeys: usize, out: &mut Out) {
    if out.json() {
        let mut value = value(user);
        if let Value::Object(members) = &mut value {
            let second = json!({ "totp": factors.totp, "recovery_codes_left": factors.recovery_codes });
            members.extend([("second_factor".to_owned(), second), ("passkeys".to_owned(), passkeys.into())]);
        }
        out.data(&value);
        return;
    }
    let left = format!("an app, recovery codes left: {}", factors.recovery_codes);
    let second = if factors.totp { left } else { "-".to_owned() };
    lines(rows(user).into_iter().chain([("second factor", second), ("passkeys", passkeys.to_string())]), out);
}

fn rows(user: &User) -> [(&'static str, String); 10] {
    [
        ("id", user.id.to_string()),
        ("username", text(user.username.as_ref())),
        ("email", text(user.email.as_ref())),
        ("name", text(user.name.as_ref())),
        ("roles", roles(user)),
        ("scopes", joined(user.scopes.iter().map(Scope::as_str))),
        ("attributes", joined(user.attributes.iter().map(|(key, value)| format!("{key}={value}")))),
        ("disabled", if user.disabled { "yes" } else { "no" }.to_owned()),
        ("created", user.created_at.to_string()),
        ("last login", text(user.last_login_at.as_ref())),
    ]
}

fn lines(rows: impl IntoIterator<Item = (&'static str, String)>, out: &mut Out) {
    for (label, value) in rows {
        out.line(format_args!("{label:<13} {value}"));
    }
}

/// A list: one line each, or one JSON array.
pub(super) fn all(users: &[User], out: &mut Out) {
    if out.json() {
        out.data(&users.iter().map(value).collect());
        return;
    }
    for user in users {
        let disabled = if user.disabled { "   disabled" } else { "" };
        out.line(format_args!("{}   {:<24} {}{disabled}", user.id, label(user), roles(user)));
    }
}

/// How a person is called.
pub(super) fn label(user: &User) -> String {
    user.label().map_or_else(|| user.id.to_string(), str::to_owned)
}

pub(super) fn roles(user: &User) -> String {
    joined(user.roles.iter().map(Role::as_str))
}

fn value(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "username": user.username.as_ref().map(ToString::to_string),
        "email": user.email.as_ref().map(ToString::to_string),
        "email_verified": user.email_verified,
        "name": user.name,
        "roles": user.roles.iter().map(Role::as_str).collect::<Vec<_>>(),
        "scopes": user.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "attributes": user.attributes,
        "disabled": user.disabled,
        "created_at": user.created_at.to_string(),
        "last_login_at": user.last_login_at.map(|time| time.to_string()),
    })
}

fn text<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn joined<T: AsRef<str>>(words: impl Iterator<Item = T>) -> String {
    let all = words.map(|word| word.as_ref().to_owned()).collect::<Vec<_>>().join(", ");
    if all.is_empty() { "-".to_owned() } else { all }
}
