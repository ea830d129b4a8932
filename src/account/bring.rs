//! People who come from another program, with the hashes it made.
use super::fields::{Wanted, check_attributes};
use super::people::People;
use super::trail::Entry;
use super::{Identifier, Source};
use crate::base::{Email, Role, Scope, Secret, Timestamp, Username};
use crate::observe::Action;
use crate::store::{Attributes, ImportedUser, NewUser};
use crate::token::Subject;

/// A person as the other program wrote them down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brought {
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    pub(crate) password_hash: Option<Secret>,
    /// Nothing is said of roles where there is no list; an empty one says that there are none.
    pub(crate) roles: Option<Vec<String>>,
    /// What everybody had there, they have here: the default roles, besides their own.
    pub(crate) usual_roles: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) attributes: Attributes,
    pub(crate) disabled: bool,
    pub(crate) created_at: Option<Timestamp>,
}

impl People {
    /// Whether this person can be taken, and as whom; else why not, in words. Who comes without a list of
    /// roles gets the default ones.
    pub(crate) fn examine(&self, brought: &Brought) -> Result<ImportedUser, String> {
        let mut errors = vec![];
        let (username, email) = one_namespace(brought.username.as_deref(), brought.email.as_deref());
        let wanted = Wanted { username, email, name: brought.name.as_deref() };
        let names = wanted.check(Identifier::Either, Subject::Id, &mut errors);
        if let Some(error) = errors.first() {
            let value = match error.field {
                "username" => username,
                "email" => email,
                _ => None,
            };
            let what = value.map_or_else(|| error.field.to_owned(), |value| format!("{:?}", shortened(value)));
            return Err(format!("{what} {}", error.detail));
        }
        if let Some(hash) = &brought.password_hash {
            self.hasher.inspect(hash).map_err(|bad| bad.to_string())?;
        }
        check_attributes(&brought.attributes).map_err(|error| format!("attributes {}", error.detail))?;
        let mut roles = parsed("role", brought.roles.as_deref().unwrap_or_default(), Role::parse)?;
        if brought.roles.is_none() || brought.usual_roles {
            roles.extend(self.settings.default_roles.iter().cloned());
        }
        let user = NewUser {
            username: names.username,
            email: names.email,
            name: names.name,
            password_hash: brought.password_hash.clone(),
            roles: once(roles),
            scopes: once(parsed("scope", &brought.scopes, Scope::parse)?),
            attributes: brought.attributes.clone(),
            email_verified: brought.email_verified,
        };
        let Brought { email_verified, disabled, created_at, .. } = *brought;
        Ok(ImportedUser { user, email_verified, disabled, created_at })
    }

    /// Whether this person will be able to say who they are, by what people sign in with here, and tokens too.
    pub(crate) fn can_name_themselves(&self, username: Option<&Username>, email: Option<&Email>) -> bool {
        let (username, email) = (username.is_some(), email.is_some());
        let signs_in = match self.settings.identifier {
            Identifier::Username => username,
            Identifier::Email => email,
            Identifier::Either => username || email,
        };
        signs_in && self.settings.lacks(username, email).is_none()
    }

    /// Writes into the trail that people were brought.
    pub(crate) fn record_import(&self, id: i64, added: u64) {
        let detail = format!("import {id}: {added} added");
        Entry::new(Action::UsersImported, &Source::default()).detail(&detail).record(self);
    }

    /// Writes into the trail that an import was taken back.
    pub(crate) fn record_undo(&self, id: i64, removed: u64) {
        let detail = format!("import {id}: {removed} removed");
        Entry::new(Action::ImportUndone, &Source::default()).detail(&detail).record(self);
    }
}

/// A name with an @ is an e-mail address.
fn one_namespace<'a>(username: Option<&'a str>, email: Option<&'a str>) -> (Option<&'a str>, Option<&'a str>) {
    match (username, email) {
        (Some(name), None) if name.contains('@') => (None, Some(name)),
        (Some(name), Some(email)) if name.eq_ignore_ascii_case(email) => (None, Some(email)),
        names => names,
    }
}

fn parsed<T, E>(what: &str, words: &[String], parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, String>
where
    E: std::fmt::Display,
{
    words.iter().map(|word| parse(word).map_err(|error| format!("{what} {:?} {error}", shortened(word)))).collect()
}

fn once<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    all.into_iter().fold(vec![], |mut kept, item| {
        if !kept.contains(&item) {
            kept.push(item);
        }
        kept
    })
}

/// So much of a text that it can be found in the file.
fn shortened(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

const MAX_SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::tests::fixture::House;
    use super::*;

    #[tokio::test]
    async fn a_person_is_examined_before_they_are_taken() {
        let house = House::new().await;
        let people = house.people();
        let text = |text: &str| Some(text.to_owned());
        let ann = Brought { username: text("Ann"), ..Brought::default() };
        let roles = |names: Option<&[&str]>, usual_roles: bool| {
            let roles = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            let taken = people.examine(&Brought { roles, usual_roles, ..ann.clone() }).unwrap();
            taken.user.roles.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(roles(None, false), ["user"], "nothing is said of roles");
        assert!(roles(Some(&[]), false).is_empty(), "there are none");
        assert_eq!(roles(Some(&["admin", "admin"]), false), ["admin"]);
        assert_eq!(roles(Some(&["admin"]), true), ["admin", "user"]);
        let by_mail = people.examine(&Brought { username: text("ann@example.com"), ..Brought::default() }).unwrap();
        assert!(by_mail.user.username.is_none() && !people.can_name_themselves(None, by_mail.user.email.as_ref()));
        for (wrong, why) in [
            (Brought::default(), "username is needed"),
            (
                Brought { email: text("not-an-email"), ..Brought::default() },
                "\"not-an-email\" is not an e-mail address",
            ),
            (
                Brought { password_hash: Some(Secret::new("$S$D$x".to_owned())), ..ann.clone() },
                "hash scheme \"$S$\" is not known: see authgate help import",
            ),
            (
                Brought {
                    password_hash: Some(Secret::new(
                        "$2b$31$snXwdYiBFnTxUCP6ZS67zOaxGwh9eIuzoLNUcJaVuhMNDgOugg/h.".to_owned(),
                    )),
                    ..ann.clone()
                },
                "the bcrypt hash asks for more work or memory than is allowed",
            ),
            (
                Brought { attributes: [("a".to_owned(), "b".repeat(16 * 1024))].into(), ..ann.clone() },
                "attributes are more than 16 KiB together",
            ),
            (Brought { roles: Some(vec!["a b".to_owned()]), ..ann }, "role \"a b\" must be"),
        ] {
            let refused = people.examine(&wrong).unwrap_err();
            assert!(refused.starts_with(why), "{refused}");
        }
    }
}
