//! `authgate user …`: works on the store directly; a running gateway obeys within one second.
mod args;
mod hashes;
mod invite;
mod show;

use serde_json::json;

pub(super) use args::UserArgs;
use args::{AddArgs, EditArgs, ListArgs, UserVerb};

use super::people::{ADMIN, Failed, NAMELESS, find, open, open_or_make, words, work};
use super::prompt::{self, PasswordArgs};
use super::{Exit, Global, Out};
use crate::account::{AddError, EditError, NewPerson, People, SetPasswordError, Source};
use crate::config::Loaded;
use crate::store::{User, UserChange, UserFilter};

pub(super) fn run(args: UserArgs, global: &Global, out: &mut Out) -> Exit {
    work(global, out, async |loaded: &Loaded, out: &mut Out| act(args.verb, loaded, global, out).await)
}

async fn act(verb: UserVerb, loaded: &Loaded, global: &Global, out: &mut Out) -> Result<(), Failed> {
    let adds = matches!(verb, UserVerb::Add(_) | UserVerb::Invite(_));
    let people = if adds { open_or_make(loaded).await? } else { open(loaded).await? };
    match verb {
        UserVerb::Add(args) => add(args, &people, out).await,
        UserVerb::List(args) => list(&args, &people, out).await,
        UserVerb::Show { name } => {
            let user = find(&people, &name).await?;
            let (factors, passkeys) = (people.factors(user.id).await?, people.count_passkeys(user.id).await?);
            show::whole(&user, factors, passkeys, out);
            Ok(())
        }
        UserVerb::Edit(args) => edit(*args, &people, out).await,
        UserVerb::Password { name, password } => set_password(&name, &password, &people, out).await,
        UserVerb::Disable { name } => {
            let user = find(&people, &name).await?;
            people.disable(user.id, &Source::default()).await?;
            done(out, &user, "disabled", "signed out everywhere within a second");
            Ok(())
        }
        UserVerb::Enable { name } => {
            let user = find(&people, &name).await?;
            people.enable(user.id, &Source::default()).await?;
            done(out, &user, "enabled", "may sign in again");
            Ok(())
        }
        UserVerb::Logout { name } => {
            let user = find(&people, &name).await?;
            people.sign_out(&user, &Source::default()).await?;
            done(out, &user, "signed out", "everywhere within a second");
            Ok(())
        }
        UserVerb::MfaReset { name } => {
            let user = find(&people, &name).await?;
            if !people.reset_second_factor(&user, &Source::default()).await? {
                return Err(Failed::No(format!("{} has no second factor and no passkey", show::label(&user))));
            }
            let then = "app, recovery codes and passkeys are gone; the password alone signs in until another is added";
            done(out, &user, "second factor removed", then);
            Ok(())
        }
        UserVerb::Invite(args) => invite::invite(&args, &people, loaded, out).await,
        UserVerb::Hashes => hashes::run(&people, out).await,
        UserVerb::Delete { name } => delete(&name, &people, global, out).await,
    }
}

async fn add(args: AddArgs, people: &People, out: &mut Out) -> Result<(), Failed> {
    let mut person = NewPerson {
        roles: args.roles,
        scopes: args.scopes,
        attributes: args.attributes.into_iter().collect(),
        name: args.full_name,
        email: args.email,
        ..NewPerson::default()
    };
    // A name with an @ is an e-mail address: one namespace.
    if args.name.contains('@') && person.email.is_none() {
        person.email = Some(args.name.clone());
    } else {
        person.username = Some(args.name.clone());
    }
    if args.admin {
        person.roles.extend(crate::base::Role::parse(ADMIN));
    }
    person.password = Some(args.password.read()?);
    let user = people.add(&person, &Source::default()).await.map_err(of_add)?;
    if out.json() {
        show::one(&user, out);
    } else {
        out.line(format_args!("added {} ({}), roles: {}", show::label(&user), user.id, show::roles(&user)));
    }
    if !people.can_name_themselves(user.username.as_ref(), user.email.as_ref()) {
        out.note(format_args!("{} has {NAMELESS}", show::label(&user)));
    }
    Ok(())
}

fn of_add(error: AddError) -> Failed {
    match error {
        AddError::Invalid(fields) => Failed::No(words(&fields)),
        AddError::NameTaken | AddError::EmailTaken | AddError::Busy { .. } => Failed::No(error.to_string()),
        AddError::Unavailable(error) => error.into(),
    }
}

async fn list(args: &ListArgs, people: &People, out: &mut Out) -> Result<(), Failed> {
    let filter = UserFilter { text: args.text.clone(), role: args.role.clone() };
    let (mut after, mut left, mut found) = (None, args.limit, Vec::new());
    while left > 0 {
        let page = people.list(&filter, left.min(PAGE), after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        found.extend(page);
    }
    show::all(&found, out);
    Ok(())
}

async fn edit(args: EditArgs, people: &People, out: &mut Out) -> Result<(), Failed> {
    let user = find(people, &args.name).await?;
    let email = args.email.as_deref().map(crate::base::Email::parse).transpose();
    let change = UserChange {
        add_roles: args.add_roles,
        remove_roles: args.remove_roles,
        add_scopes: args.add_scopes,
        remove_scopes: args.remove_scopes,
        email: email.map_err(|error| Failed::No(format!("--email {error}")))?,
        name: args.full_name,
        attributes: args.attributes.into_iter().collect(),
        ..UserChange::default()
    };
    let changed = people.edit(user.id, &change, &Source::default()).await.map_err(|error| match error {
        EditError::Invalid(fields) => Failed::No(words(&fields)),
        EditError::Unknown | EditError::NameTaken | EditError::EmailTaken => Failed::No(error.to_string()),
        EditError::Unavailable(error) => error.into(),
    })?;
    if out.json() {
        show::one(&changed, out);
    } else {
        out.line(format_args!(
            "changed {}: roles: {}; in force within a second",
            show::label(&changed),
            show::roles(&changed)
        ));
    }
    Ok(())
}

async fn set_password(name: &str, password: &PasswordArgs, people: &People, out: &mut Out) -> Result<(), Failed> {
    let user = find(people, name).await?;
    let password = password.read()?;
    people.set_password(user.id, &password, &Source::default()).await.map_err(|error| match error {
        SetPasswordError::Unknown | SetPasswordError::Busy { .. } | SetPasswordError::Weak(_) => {
            Failed::No(error.to_string())
        }
        SetPasswordError::Unavailable(error) => error.into(),
    })?;
    done(out, &user, "password changed", "signed out everywhere within a second");
    Ok(())
}

async fn delete(name: &str, people: &People, global: &Global, out: &mut Out) -> Result<(), Failed> {
    let user = find(people, name).await?;
    let label = show::label(&user);
    if !global.yes
        && !prompt::confirm(&label, &format!("{label} and all that is kept about this person will be gone for good."))
    {
        return Err(Failed::No("nothing was deleted: type the name to confirm, or use -y".to_owned()));
    }
    people.delete(user.id, &Source::default()).await?;
    done(out, &user, "deleted", "gone for good; the id is never given out again");
    Ok(())
}

fn done(out: &mut Out, user: &User, what: &str, then: &str) {
    if out.json() {
        out.data(&json!({ "id": user.id.to_string(), "user": show::label(user), "done": what }));
    } else {
        out.line(format_args!("{what} {}: {then}", show::label(user)));
    }
}

/// So many people are read from the store at a time.
pub(super) const PAGE: u32 = 500;
