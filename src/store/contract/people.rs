//! Who has an account, by which names, and with what.
use super::*;
use crate::base::{Clock, Email, Role, Scope, Secret, Username};

pub(super) async fn a_person_reads_back_as_written(store: Store) {
    let Created::Made(made) = store.create_user(&somebody("ann"), at(0)).await.unwrap() else { panic!() };
    let read = store.user(made.id).await.unwrap().unwrap();
    assert_eq!(format!("{made:?}"), format!("{read:?}"));
    assert_eq!(read.password_hash.as_ref().unwrap().expose(), "$argon2id$1");
    assert_eq!((read.roles.len(), read.scopes.len(), read.attributes.len()), (2, 1, 1));
    assert_eq!(store.user_by_username(made.username.as_ref().unwrap()).await.unwrap().unwrap().id, made.id);
    assert_eq!(store.user_by_email(made.email.as_ref().unwrap()).await.unwrap().unwrap().id, made.id);
    let bare = NewUser { email: Some(Email::parse("b@example.com").unwrap()), ..NewUser::default() };
    let Created::Made(bare) = store.create_user(&bare, at(1)).await.unwrap() else { panic!() };
    assert_eq!(format!("{:?}", store.user(bare.id).await.unwrap().unwrap()), format!("{bare:?}"));
}

pub(super) async fn names_and_addresses_are_taken_once(store: Store) {
    store.create_user(&somebody("ann"), at(0)).await.unwrap();
    assert!(matches!(store.create_user(&somebody("ann"), at(1)).await.unwrap(), Created::NameTaken));
    let other = NewUser { username: Some(Username::parse("bob").unwrap()), ..somebody("ann") };
    assert!(matches!(store.create_user(&other, at(1)).await.unwrap(), Created::EmailTaken));
    let refused = store.create_user_signed_in(&other, &session(1, at(1)), None).await.unwrap();
    assert!(matches!(refused, Created::EmailTaken));
    assert_eq!(store.users(&UserFilter::default(), 10, None).await.unwrap().len(), 1);
    // Two people without a name and without an address do not collide.
    for second in 2..4 {
        assert!(matches!(store.create_user(&NewUser::default(), at(second)).await.unwrap(), Created::Made(_)));
    }
}

pub(super) async fn of_many_who_want_a_name_one_gets_it(store: Store) {
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.create_user(&somebody("ann"), at(0)).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += usize::from(matches!(task.await.unwrap(), Created::Made(_)));
    }
    assert_eq!(made, 1);
}

pub(super) async fn people_are_listed_in_pages_and_found_by_parts(store: Store) {
    for (second, name) in ["ann", "bob", "a_b", "cy"].into_iter().enumerate() {
        let mut new = somebody(name);
        if name == "bob" {
            new.roles = vec![Role::parse("administrator").unwrap(), Role::parse("Staff").unwrap()];
        }
        store.create_user(&new, at(second as u64)).await.unwrap();
    }
    let names = |users: Vec<User>| users.iter().map(|user| user.label().unwrap().to_owned()).collect::<Vec<_>>();
    let all = UserFilter::default();
    let first = store.users(&all, 3, None).await.unwrap();
    let after = first.last().map(|user| user.id);
    assert_eq!(names(first), ["ann", "bob", "a_b"]);
    assert_eq!(names(store.users(&all, 3, after).await.unwrap()), ["cy"]);
    let by = |text: &str| UserFilter { text: Some(text.to_owned()), role: None };
    assert_eq!(names(store.users(&by("BOB@"), 9, None).await.unwrap()), ["bob"]);
    assert_eq!(names(store.users(&by("a_b"), 9, None).await.unwrap()), ["a_b"]);
    assert!(store.users(&by("%' OR 1=1 --"), 9, None).await.unwrap().is_empty());
    let with = |role: &str| UserFilter { text: None, role: Some(Role::parse(role).unwrap()) };
    assert_eq!(names(store.users(&with("staff"), 9, None).await.unwrap()), ["ann", "a_b", "cy"]);
    assert!(store.users(&with("admin"), 9, None).await.unwrap().is_empty());
}

pub(super) async fn changes_are_differences_and_revoke_tokens(store: Store) {
    let clock = Clock::system();
    let now = clock.now();
    let live = signed_in(&store, "ann", 1, now).await;
    store.create_user(&somebody("bob"), now).await.unwrap();
    let change = UserChange {
        add_roles: vec![Role::parse("admin").unwrap(), Role::parse("user").unwrap()],
        remove_roles: vec![Role::parse("staff").unwrap()],
        remove_scopes: vec![Scope::parse("invoices:read").unwrap()],
        name: Some(String::new()),
        attributes: Attributes::from([("team".to_owned(), String::new()), ("floor".to_owned(), "3".to_owned())]),
        ..UserChange::default()
    };
    let Changed::Done { user, revoked } = store.change_user(live.user.id, &change, &clock).await.unwrap() else {
        panic!()
    };
    assert_eq!(user.roles.iter().map(Role::as_str).collect::<Vec<_>>(), ["user", "admin"]);
    assert!(user.scopes.is_empty() && user.name.is_none());
    assert_eq!(format!("{:?}", user.attributes), r#"{"floor": "3"}"#);
    assert_eq!(format!("{:?}", store.user(user.id).await.unwrap().unwrap()), format!("{user:?}"));
    assert_eq!(revoked.sessions.len(), 1);
    assert!(revoked.sessions[0].session == live.session.id && revoked.sessions[0].not_before > user.updated_at);
    assert!(revoked.sessions[0].not_before < Revocation::FOR_EVER);
    assert_eq!(store.revocations_since(0, 9).await.unwrap(), [(1, revoked.sessions[0])]);
    assert!(matches!(store.rotate(&turn(1, 2, clock.now())).await.unwrap(), Rotation::Rotated(_)));
    let address = |text: &str| UserChange { email: Some(Email::parse(text).unwrap()), ..UserChange::default() };
    let taken = store.change_user(user.id, &address("bob@example.com"), &clock).await.unwrap();
    assert!(matches!(taken, Changed::EmailTaken));
    let own = store.change_user(user.id, &address("ann@example.com"), &clock).await.unwrap();
    assert!(matches!(own, Changed::Done { .. }));
    let nobody = crate::base::UserId::new(now);
    assert!(matches!(store.change_user(nobody, &change, &clock).await.unwrap(), Changed::Unknown));
}

/// A token that says what was true before must be older than the revocation, however long the change had to wait.
pub(super) async fn a_change_is_dated_when_nobody_else_can_write(store: Store) {
    let clock = Clock::movable();
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    let held = store.engine.begin().await.unwrap();
    let waiting = {
        let (store, clock, id) = (store.clone(), clock.clone(), live.user.id);
        let change = UserChange { add_roles: vec![Role::parse("admin").unwrap()], ..UserChange::default() };
        tokio::spawn(async move { store.change_user(id, &change, &clock).await.unwrap() })
    };
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    clock.advance(GRACE / 2);
    let token_of_the_old_roles = clock.now();
    drop(held);
    let Changed::Done { revoked, .. } = waiting.await.unwrap() else { panic!() };
    assert!(revoked.sessions[0].not_before > token_of_the_old_roles);
}

pub(super) async fn a_full_name_ends_no_tokens_and_a_new_username_does(store: Store) {
    let clock = Clock::system();
    let ann = signed_in(&store, "ann", 1, clock.now()).await;
    signed_in(&store, "bob", 2, clock.now()).await;
    let named = UserChange { name: Some("Ann".to_owned()), ..UserChange::default() };
    let Changed::Done { revoked, .. } = store.change_user(ann.user.id, &named, &clock).await.unwrap() else { panic!() };
    assert!(revoked.sessions.is_empty());
    let called = |name: &str| UserChange { username: Some(Username::parse(name).unwrap()), ..UserChange::default() };
    assert!(matches!(store.change_user(ann.user.id, &called("bob"), &clock).await.unwrap(), Changed::NameTaken));
    let Changed::Done { user, revoked } = store.change_user(ann.user.id, &called("anna"), &clock).await.unwrap() else {
        panic!()
    };
    assert_eq!((user.username.unwrap().as_str(), revoked.sessions.len()), ("anna", 1));
    assert!(store.user_by_username(&Username::parse("ann").unwrap()).await.unwrap().is_none());
    let (here, hash) = (Oneself::by_password(&ann.user, ann.session.id), Secret::new("x".to_owned()));
    store.replace_password(&here, &hash, &clock).await.unwrap();
    let late = store.replace_password(&here, &hash, &clock).await;
    assert!(matches!(late, Err(OwnError::PasswordChanged)), "changed meanwhile");
}

pub(super) async fn deleting_a_person_leaves_the_revocations(store: Store) {
    let clock = Clock::system();
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    let revoked = store.delete_user(live.user.id, &clock).await.unwrap().unwrap();
    assert_eq!(revoked.sessions.len(), 1);
    assert_eq!(store.delete_user(live.user.id, &clock).await.unwrap(), None);
    assert!(store.user(live.user.id).await.unwrap().is_none());
    assert!(store.session_of_refresh(&[1; 32]).await.unwrap().is_none());
    assert_eq!(store.revocations_since(0, 9).await.unwrap(), [(1, revoked.sessions[0])]);
    let again = signed_in(&store, "ann", 2, clock.now()).await;
    assert_ne!(again.user.id, live.user.id);
}

pub(super) async fn an_import_takes_whom_it_can_and_is_taken_back(store: Store) {
    let brought = |name: &str| ImportedUser {
        user: somebody(name),
        email_verified: true,
        disabled: name == "dan",
        created_at: Some(at(0)),
    };
    store.create_user(&somebody("ann"), at(1)).await.unwrap();
    let import = store.begin_import("users.csv", at(2)).await.unwrap();
    let rows = ["ann", "bob", "cy", "bob", "dan"].map(brought);
    assert!(store.has_user_like(&rows[0]).await.unwrap() && !store.has_user_like(&rows[1]).await.unwrap());
    assert_eq!(store.import_users(import, &rows).await.unwrap(), [false, true, true, false, true]);
    let dan = store.user_by_username(&Username::parse("dan").unwrap()).await.unwrap().unwrap();
    assert!(dan.disabled && dan.email_verified);
    assert_eq!((dan.created_at, dan.updated_at, dan.name), (at(0), at(2), somebody("dan").name));
    assert_eq!((dan.roles, dan.attributes), (somebody("dan").roles, somebody("dan").attributes));
    // Who was changed since stays.
    let bob = store.user_by_username(&Username::parse("bob").unwrap()).await.unwrap().unwrap();
    store.set_disabled(bob.id, true, &Clock::system()).await.unwrap();
    let next = store.begin_import("users.csv", at(3)).await.unwrap();
    assert_eq!(next.id, import.id + 1);
    let undone = store.undo_import(import.id, at(4)).await.unwrap().unwrap();
    assert_eq!((undone.removed, undone.kept), (2, 1));
    assert!(store.user(bob.id).await.unwrap().is_some() && store.user(dan.id).await.unwrap().is_none());
    assert!(store.undo_import(99, at(4)).await.unwrap().is_none());
    assert_eq!(store.undo_import(next.id, at(4)).await.unwrap().unwrap().removed, 0);
}
