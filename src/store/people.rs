//! People: who is there, and what changes about them.
use super::engine::{Connection, values};
use super::revocations::{self, Reach};
use super::strangers::{self, Done, Ended};
use super::types::write_list;
use super::{Attributes, Digest, Link, Live, NewSession, NewUser, Oneself, OwnError, Purpose, Store};
use super::{StoreError, User, invites, links, oneself, sessions};
use crate::base::{Clock, Email, Role, Scope, Secret, SessionId, Timestamp, UserId, Username};

impl Store {
    pub(crate) async fn create_user(&self, new: &NewUser, now: Timestamp) -> Result<Created<User>, StoreError> {
        self.create_user_invited(new, None, now).await
    }

    /// A person who may have an invitation, which is used up by that.
    pub(crate) async fn create_user_invited(
        &self,
        new: &NewUser,
        invite: Option<&Digest>,
        now: Timestamp,
    ) -> Result<Created<User>, StoreError> {
        let mut on = self.engine.begin().await?;
        if let Some(invite) = invite
            && !invites::take(&mut on, invite, now).await?
        {
            return Ok(Created::NotInvited);
        }
        let created = insert(&mut on, new, now).await?;
        if matches!(created, Created::Made(_)) {
            on.commit().await?;
        }
        Ok(created)
    }

    /// The same, and as much is written where the name is taken: how long it takes tells nobody.
    pub(crate) async fn create_user_unseen(
        &self,
        new: &NewUser,
        invite: Option<&Digest>,
        now: Timestamp,
    ) -> Result<Created<User>, StoreError> {
        let created = self.create_user_invited(new, invite, now).await?;
        if matches!(created, Created::NameTaken | Created::EmailTaken) {
            let mut on = self.engine.begin().await?;
            let nobody = NewUser { username: None, email: None, ..new.clone() };
            if let Created::Made(nobody) = insert(&mut on, &nobody, now).await? {
                on.execute("DELETE FROM users WHERE id = $1", values![nobody.id]).await?;
            }
            on.commit().await?;
        }
        Ok(created)
    }

    /// A person and their first session, both or none. With an invitation, it is used up by that.
    pub(crate) async fn create_user_signed_in(
        &self,
        new: &NewUser,
        session: &NewSession,
        invite: Option<&Digest>,
    ) -> Result<Created<Live>, StoreError> {
        let mut on = self.engine.begin().await?;
        if let Some(invite) = invite
            && !invites::take(&mut on, invite, session.now).await?
        {
            return Ok(Created::NotInvited);
        }
        let created = match insert(&mut on, new, session.now).await? {
            Created::Made(user) => Created::Made(sessions::begin(&mut on, user, session, None).await?),
            // Nothing is written: the invitation stays good for another name.
            Created::NameTaken => return Ok(Created::NameTaken),
            Created::EmailTaken => return Ok(Created::EmailTaken),
            Created::NotInvited => return Ok(Created::NotInvited),
        };
        on.commit().await?;
        Ok(created)
    }

    pub(crate) async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        by_id(&mut self.engine.reader().await?, id).await
    }

    pub(crate) async fn user_by_username(&self, name: &Username) -> Result<Option<User>, StoreError> {
        let mut on = self.engine.reader().await?;
        let row = on.row("SELECT * FROM users WHERE username = $1", values![name.as_str()]).await?;
        row.as_ref().map(User::from_row).transpose()
    }

    pub(crate) async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let mut on = self.engine.reader().await?;
        let row = on.row("SELECT * FROM users WHERE email = $1", values![email.as_str()]).await?;
        row.as_ref().map(User::from_row).transpose()
    }

    /// Up to `limit` people, oldest first, from the one that follows `after`.
    pub(crate) async fn users(
        &self,
        filter: &UserFilter,
        limit: u32,
        after: Option<UserId>,
    ) -> Result<Vec<User>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let text = filter.text.as_deref().map_or_else(|| "%".to_owned(), |text| within(&text.to_lowercase(), ""));
        let role = filter.role.as_ref().map_or_else(|| "%".to_owned(), |role| within(role.as_str(), " "));
        let mut on = self.engine.reader().await?;
        let rows = on.rows(LIST, values![after, text, role, i64::from(limit)]).await?;
        rows.iter().map(User::from_row).collect()
    }

    /// Changes what is known about a person. Their access tokens end with it, since they say what was true before;
    /// their sessions go on, and the next refresh gives a token that says what is true now. What people read and
    /// nobody decides by, the full name alone, ends none.
    pub(crate) async fn change_user(
        &self,
        id: UserId,
        change: &UserChange,
        clock: &Clock,
    ) -> Result<Changed, StoreError> {
        let mut on = self.engine.begin().await?;
        let changed = self::change(&mut on, id, change, clock).await?;
        if matches!(changed, Changed::Done { .. }) {
            on.commit().await?;
        }
        Ok(changed)
    }

    /// The same for somebody who changes what is known about themselves, and the link to an address that is to become
    /// theirs: both or none, so that whatever forgets such links finds it.
    pub(crate) async fn change_own(
        &self,
        who: &Oneself,
        change: &UserChange,
        link: Option<&Link>,
        clock: &Clock,
    ) -> Result<Changed, OwnError> {
        let mut on = self.begin_as(who, clock.now()).await?;
        let changed = self::change(&mut on, who.user, change, clock).await?;
        if matches!(changed, Changed::Done { .. }) {
            if let Some(link) = link {
                links::add(&mut on, link).await?;
            }
            on.commit().await?;
        }
        Ok(changed)
    }

    /// Sets a new password and ends the sessions that the old one began; `None` when there is no such person.
    pub(crate) async fn set_password(
        &self,
        id: UserId,
        hash: &Secret,
        clock: &Clock,
    ) -> Result<Option<Ended>, StoreError> {
        let mut on = self.engine.begin().await?;
        let revoked = set_password(&mut on, id, hash, None, clock).await?;
        if revoked.is_some() {
            on.commit().await?;
        }
        Ok(revoked)
    }

    /// Sets a new password for somebody who showed the old one, and ends their other sessions.
    pub(crate) async fn replace_password(
        &self,
        who: &Oneself,
        hash: &Secret,
        clock: &Clock,
    ) -> Result<Ended, OwnError> {
        let mut on = self.begin_as(who, clock.now()).await?;
        let revoked = set_password(&mut on, who.user, hash, Some(who.session), clock).await?;
        on.commit().await?;
        revoked.ok_or(OwnError::SessionEnded)
    }

    /// Disables a person, which ends their sessions, or enables them again; `None` when there is no such person.
    pub(crate) async fn set_disabled(
        &self,
        id: UserId,
        disabled: bool,
        clock: &Clock,
    ) -> Result<Option<Ended>, StoreError> {
        let mut on = self.engine.begin().await?;
        let now = clock.now();
        if on.execute(SET_DISABLED, values![disabled, now, id]).await? == 0 {
            return Ok(None);
        }
        let sessions =
            if disabled { revocations::of_user(&mut on, id, None, Reach::Sessions, now).await? } else { vec![] };
        oneself::forget_what_was_begun(&mut on, id).await?;
        let strangers = strangers::of_person(&mut on, id, Done::Changed, now).await?;
        on.commit().await?;
        Ok(Some(Ended { sessions, strangers }))
    }

    /// Deletes a person with all their sessions; `None` when there is no such person.
    pub(crate) async fn delete_user(&self, id: UserId, clock: &Clock) -> Result<Option<Ended>, StoreError> {
        let mut on = self.engine.begin().await?;
        let now = clock.now();
        let sessions = revocations::of_user(&mut on, id, None, Reach::Sessions, now).await?;
        let strangers = strangers::of_person(&mut on, id, Done::Deleted, now).await?;
        if on.execute("DELETE FROM users WHERE id = $1", values![id]).await? == 0 {
            return Ok(None);
        }
        on.commit().await?;
        Ok(Some(Ended { sessions, strangers }))
    }
}

#[derive(Debug)]
pub(crate) enum Created<T> {
    Made(T),
    NameTaken,
    EmailTaken,
    /// The invitation was used up in the meantime, or is over.
    NotInvited,
}

#[derive(Debug)]
pub(crate) enum Changed {
    Done { user: Box<User>, revoked: Ended },
    NameTaken,
    EmailTaken,
    Unknown,
}

/// What to change about a person: differences, so that two operators at once do not undo each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserChange {
    pub(crate) add_roles: Vec<Role>,
    pub(crate) remove_roles: Vec<Role>,
    pub(crate) add_scopes: Vec<Scope>,
    pub(crate) remove_scopes: Vec<Scope>,
    pub(crate) username: Option<Username>,
    pub(crate) email: Option<Email>,
    /// Without it a new address counts as not verified.
    pub(crate) email_verified: Option<bool>,
    /// Empty takes the name away.
    pub(crate) name: Option<String>,
    /// An empty value takes the attribute away.
    pub(crate) attributes: Attributes,
}

impl UserChange {
    fn apply(&self, user: &mut User, now: Timestamp) {
        merge(&mut user.roles, &self.add_roles, &self.remove_roles);
        merge(&mut user.scopes, &self.add_scopes, &self.remove_scopes);
        if let Some(username) = &self.username {
            user.username = Some(username.clone());
        }
        if let Some(email) = &self.email
            && user.email.as_ref() != Some(email)
        {
            user.email = Some(email.clone());
            user.email_verified = false;
        }
        if let Some(verified) = self.email_verified {
            user.email_verified = verified;
        }
        if let Some(name) = &self.name {
            user.name = Some(name.clone()).filter(|name| !name.is_empty());
        }
        for (key, value) in &self.attributes {
            if value.is_empty() {
                user.attributes.remove(key);
            } else {
                user.attributes.insert(key.clone(), value.clone());
            }
        }
        user.updated_at = now;
    }

    /// Nothing but the full name and whether the address is verified: what a token says beside them stays true.
    fn is_cosmetic(&self) -> bool {
        let Self { add_roles, remove_roles, add_scopes, remove_scopes, username, email, attributes, .. } = self;
        add_roles.is_empty()
            && remove_roles.is_empty()
            && add_scopes.is_empty()
            && remove_scopes.is_empty()
            && username.is_none()
            && email.is_none()
            && attributes.is_empty()
    }
}

/// Which people to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserFilter {
    /// A part of the username, the address or the id.
    pub(crate) text: Option<String>,
    pub(crate) role: Option<Role>,
}

/// Changes a person within the transaction of the caller, who commits only what is done.
pub(super) async fn change(
    on: &mut Connection,
    id: UserId,
    change: &UserChange,
    clock: &Clock,
) -> Result<Changed, StoreError> {
    let Some(mut user) = by_id(on, id).await? else { return Ok(Changed::Unknown) };
    if let Some(name) = &change.username
        && taken(on, "SELECT id FROM users WHERE username = $1 AND id <> $2", name.as_str(), Some(id)).await?
    {
        return Ok(Changed::NameTaken);
    }
    if let Some(email) = &change.email
        && taken(on, "SELECT id FROM users WHERE email = $1 AND id <> $2", email.as_str(), Some(id)).await?
    {
        return Ok(Changed::EmailTaken);
    }
    // Not before the transaction holds the lock: whoever read the old roles did so earlier than this moment.
    let now = clock.now();
    change.apply(&mut user, now);
    let mut revoked = Ended::default();
    if !change.is_cosmetic() {
        // By the names of before too: they may be given to somebody else.
        revoked.strangers = strangers::of_person(on, id, Done::Changed, now).await?;
    }
    update(on, &user).await?;
    if change.email.is_some() {
        links::forget_addresses(on, id).await?;
    }
    if !change.is_cosmetic() {
        revoked.strangers.extend(strangers::of_person(on, id, Done::Changed, now).await?);
        revoked.sessions = revocations::of_user(on, id, None, Reach::Tokens, now).await?;
    }
    Ok(Changed::Done { user: Box::new(user), revoked })
}

async fn set_password(
    on: &mut Connection,
    id: UserId,
    hash: &Secret,
    except: Option<SessionId>,
    clock: &Clock,
) -> Result<Option<Ended>, StoreError> {
    let now = clock.now();
    if on.execute(SET_PASSWORD, values![hash.expose(), now, id]).await? == 0 {
        return Ok(None);
    }
    links::forget(on, id, Purpose::Password).await?;
    oneself::forget_what_was_begun(on, id).await?;
    let sessions = revocations::of_user(on, id, except, Reach::Sessions, now).await?;
    let strangers = strangers::of_person(on, id, Done::Changed, now).await?;
    Ok(Some(Ended { sessions, strangers }))
}

pub(super) async fn by_id(on: &mut Connection, id: UserId) -> Result<Option<User>, StoreError> {
    let row = on.row("SELECT * FROM users WHERE id = $1", values![id]).await?;
    row.as_ref().map(User::from_row).transpose()
}

/// The names are looked up first, within the same transaction, so that the answer can say which one is taken; the
/// unique columns stand behind it.
async fn insert(on: &mut Connection, new: &NewUser, now: Timestamp) -> Result<Created<User>, StoreError> {
    if let Some(name) = &new.username
        && taken(on, "SELECT id FROM users WHERE username = $1 AND id <> $2", name.as_str(), None).await?
    {
        return Ok(Created::NameTaken);
    }
    if let Some(email) = &new.email
        && taken(on, "SELECT id FROM users WHERE email = $1 AND id <> $2", email.as_str(), None).await?
    {
        return Ok(Created::EmailTaken);
    }
    let new = new.clone();
    let user = User {
        id: UserId::new(now),
        username: new.username,
        email_verified: new.email_verified && new.email.is_some(),
        email: new.email,
        name: new.name,
        password_hash: new.password_hash,
        password_set_at: now,
        roles: new.roles,
        scopes: new.scopes,
        attributes: new.attributes,
        disabled: false,
        created_at: now,
        updated_at: now,
        last_login_at: None,
    };
    let hash = user.password_hash.as_ref().map(Secret::expose);
    let fixed = values![user.id, user.username.as_ref().map(Username::as_str), hash, now];
    on.execute(INSERT, fixed).await?;
    update(on, &user).await?;
    Ok(Created::Made(user))
}

/// Writes what may change about a person; not the password, nor whether they are disabled.
async fn update(on: &mut Connection, user: &User) -> Result<(), StoreError> {
    let attributes =
        serde_json::to_string(&user.attributes).map_err(|_| StoreError::Unreadable("list of attributes"))?;
    let values = values![
        user.username.as_ref().map(Username::as_str),
        user.email.as_ref().map(Email::as_str),
        user.email_verified,
        user.name.as_deref(),
        write_list(user.roles.iter().map(Role::as_str)),
        write_list(user.scopes.iter().map(Scope::as_str)),
        attributes,
        user.updated_at,
        user.id,
    ];
    on.execute(UPDATE, values).await.map(|_| ())
}

async fn taken(on: &mut Connection, sql: &'static str, name: &str, except: Option<UserId>) -> Result<bool, StoreError> {
    let except = except.map(|id| id.to_string()).unwrap_or_default();
    Ok(on.row(sql, values![name, except]).await?.is_some())
}

fn merge<T: Clone + PartialEq>(list: &mut Vec<T>, add: &[T], remove: &[T]) {
    for item in add {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
    list.retain(|item| !remove.contains(item));
}

/// A pattern for LIKE that finds `text` with `edge` on both sides; `!` takes the meaning from a sign.
fn within(text: &str, edge: &str) -> String {
    let text = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{edge}{text}{edge}%")
}

const INSERT: &str = "INSERT INTO users (id, username, password_hash, password_set_at, email_verified, roles, scopes, \
    attributes, disabled, created_at, updated_at) VALUES ($1, $2, $3, $4, 0, ' ', ' ', '{}', 0, $4, $4)";
const UPDATE: &str = "UPDATE users SET username = $1, email = $2, email_verified = $3, name = $4, roles = $5, \
    scopes = $6, attributes = $7, updated_at = $8 WHERE id = $9";
const SET_PASSWORD: &str = "UPDATE users SET password_hash = $1, password_set_at = $2, updated_at = $2 WHERE id = $3";
const SET_DISABLED: &str = "UPDATE users SET disabled = $1, updated_at = $2 WHERE id = $3";
const LIST: &str = "SELECT * FROM users WHERE id > $1 AND (COALESCE(username, '') LIKE $2 ESCAPE '!' \
    OR COALESCE(email, '') LIKE $2 ESCAPE '!' OR LOWER(id) LIKE $2 ESCAPE '!') AND roles LIKE $3 ESCAPE '!' \
    ORDER BY id LIMIT $4";
