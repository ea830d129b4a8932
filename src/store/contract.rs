//! The sentences that any engine must prove.
use std::time::Duration;

use zeroize::Zeroizing;

use super::*;
use crate::base::{Clock, Email, Network, PasskeyId, Role, Scope, Secret, SessionId, Timestamp, Username};
use crate::servers;

/// Every sentence, against a fresh store of each engine. SQLite's are tests of their own; a server is started once for
/// all of its sentences, each of which gets a database.
macro_rules! the_contract {
    ($($sentence:ident),* $(,)?) => {
        mod sqlite_keeps_the_contract {
            $(
                #[tokio::test]
                async fn $sentence() {
                    let (store, _folder) = super::on_sqlite().await;
                    super::$sentence(store).await;
                }
            )*
        }

        async fn all(server: &servers::Server) {
            $(
                let url = server.database(stringify!($sentence));
                eprintln!("{url}");
                let store = at_server(&url).await;
                $sentence(store.clone()).await;
                store.close().await;
            )*
        }
    };
}

#[tokio::test]
async fn postgres_keeps_the_contract() {
    let Some(server) = servers::Server::start(servers::Kind::Postgres) else { return };
    all(&server).await;
}

#[tokio::test]
async fn mysql_keeps_the_contract() {
    let Some(server) = servers::Server::start(servers::Kind::MySql) else { return };
    all(&server).await;
}

#[tokio::test]
async fn nodes_that_start_at_once_all_find_the_tables() {
    for kind in [servers::Kind::Postgres, servers::Kind::MySql] {
        let Some(server) = servers::Server::start(kind) else { continue };
        let url = server.database("people");
        let opened: Vec<_> =
            (0..6).map(|_| url.clone()).map(|url| tokio::spawn(async move { at_server(&url).await })).collect();
        for store in opened {
            store.await.unwrap().ping().await.unwrap();
        }
        let manual = Settings::Server(Box::new(Server::parse(&server.database("empty"), None, 8).unwrap()));
        let error = Store::open_as(&manual, Migrate::Manual).await.unwrap_err();
        assert!(matches!(error, StoreError::Older(1)), "{error:?}");
    }
}

#[test]
fn the_engines_have_the_same_migrations() {
    let numbers = |list: &[migrations::Row]| list.iter().map(|(number, name, _)| (*number, *name)).collect::<Vec<_>>();
    assert_eq!(numbers(postgres::MIGRATIONS), numbers(sqlite::MIGRATIONS));
    assert_eq!(numbers(mysql::MIGRATIONS), numbers(sqlite::MIGRATIONS));
}

the_contract!(
    a_person_reads_back_as_written,
    names_and_addresses_are_taken_once,
    of_many_who_want_a_name_one_gets_it,
    people_are_listed_in_pages_and_found_by_parts,
    changes_are_differences_and_revoke_tokens,
    a_change_is_dated_when_nobody_else_can_write,
    a_refresh_token_rotates_once_and_repeats_within_its_grace,
    a_refresh_token_that_comes_late_ends_the_session,
    of_many_rotations_at_once_one_makes_the_successor,
    ended_expired_and_disabled_sessions_do_not_rotate,
    a_password_changed_meanwhile_opens_nothing,
    ending_sessions_may_spare_one,
    deleting_a_person_leaves_the_revocations,
    an_import_takes_whom_it_can_and_is_taken_back,
    the_first_key_of_an_algorithm_stays_the_first,
    keys_take_turns_and_the_old_one_outlives_its_tokens,
    control_secrets_end,
    what_is_over_is_forgotten_and_the_rest_kept,
    whoever_follows_the_revocations_misses_none,
    an_invitation_is_used_once_and_not_by_a_failure,
    a_full_name_ends_no_tokens_and_a_new_username_does,
    everybodys_sessions_are_listed_in_pages,
    a_browsers_session_is_visited_by_its_cookie_until_it_ends,
    a_service_token_reads_back_and_every_change_moves_the_mark,
    tokens_without_a_session_end_by_any_name_of_their_person,
    a_link_is_good_once_and_only_for_the_address_it_was_sent_to,
    an_address_becomes_a_persons_by_its_link,
    a_second_factor_counts_once_shown_and_no_code_is_good_twice,
    a_sign_in_waits_for_a_few_tries_and_ends_once,
    a_passkey_is_one_persons_and_its_counter_goes_on,
    a_challenge_is_signed_once_in_time_and_for_its_purpose,
    where_somebody_signed_in_lately_is_familiar,
    observations_of_one_kind_are_one_row,
);

async fn at_server(url: &str) -> Store {
    Store::open(&Settings::Server(Box::new(Server::parse(url, None, 8).unwrap()))).await.unwrap()
}

async fn on_sqlite() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    (Store::open(&Settings::Sqlite { path }).await.unwrap(), folder)
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const GRACE: Duration = Duration::from_secs(10);

fn at(second: u64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + second)
}

fn somebody(name: &str) -> NewUser {
    NewUser {
        username: Some(Username::parse(name).unwrap()),
        email: Some(Email::parse(&format!("{name}@example.com")).unwrap()),
        name: Some("Zoë O'Neil; DROP TABLE users".to_owned()),
        password_hash: Some(Secret::new("$argon2id$1".to_owned())),
        roles: vec![Role::parse("user").unwrap(), Role::parse("staff").unwrap()],
        scopes: vec![Scope::parse("invoices:read").unwrap()],
        attributes: Attributes::from([("team".to_owned(), "red".to_owned())]),
        ..NewUser::default()
    }
}

fn session(refresh: u8, now: Timestamp) -> NewSession {
    NewSession {
        id: SessionId::new(now),
        key: SessionKey::Refresh([refresh; 32]),
        now,
        expires_at: now.plus(DAY),
        tokens_until: now.plus(GRACE),
        amr: &["pwd"],
        ip: Some("2001:db8::1".parse().unwrap()),
        user_agent: Some("curl/8".to_owned()),
    }
}

fn turn(presented: u8, successor: u8, now: Timestamp) -> Turn {
    Turn {
        presented: [presented; 32],
        successor: [successor; 32],
        nonce: [successor; 32],
        now,
        grace: GRACE,
        expires_at: now.plus(DAY),
        tokens_until: now.plus(GRACE),
    }
}

async fn signed_in(store: &Store, name: &str, refresh: u8, now: Timestamp) -> Live {
    let created = store.create_user_signed_in(&somebody(name), &session(refresh, now), None).await.unwrap();
    let Created::Made(live) = created else { panic!("{created:?}") };
    live
}

async fn a_person_reads_back_as_written(store: Store) {
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

async fn names_and_addresses_are_taken_once(store: Store) {
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

async fn of_many_who_want_a_name_one_gets_it(store: Store) {
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

async fn people_are_listed_in_pages_and_found_by_parts(store: Store) {
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

async fn changes_are_differences_and_revoke_tokens(store: Store) {
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
    assert_eq!(revoked.len(), 1);
    assert!(revoked[0].session == live.session.id && revoked[0].not_before > user.updated_at);
    assert!(revoked[0].not_before < Revocation::FOR_EVER);
    assert_eq!(store.revocations_since(0, 9).await.unwrap(), [(1, revoked[0])]);
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
async fn a_change_is_dated_when_nobody_else_can_write(store: Store) {
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
    assert!(revoked[0].not_before > token_of_the_old_roles);
}

async fn a_refresh_token_rotates_once_and_repeats_within_its_grace(store: Store) {
    let begun = signed_in(&store, "ann", 1, at(0)).await;
    let Rotation::Rotated(live) = store.rotate(&turn(1, 2, at(100))).await.unwrap() else { panic!() };
    assert_eq!(live.session.id, begun.session.id);
    assert_eq!((live.session.auth_time, live.session.last_seen_at), (at(0), at(100)));
    assert_eq!(live.session.expires_at, at(100).plus(DAY));
    for (second, other) in [(100, 3), (105, 4), (110, 5)] {
        let Rotation::Repeated { nonce, live } = store.rotate(&turn(1, other, at(second))).await.unwrap() else {
            panic!()
        };
        assert_eq!(nonce, [2; 32]);
        assert_eq!(live.session.tokens_until, at(second).plus(GRACE));
        assert_eq!(live.session.expires_at, at(100).plus(DAY));
    }
    assert!(matches!(store.rotate(&turn(3, 6, at(110))).await.unwrap(), Rotation::Dead));
    assert!(matches!(store.rotate(&turn(2, 7, at(111))).await.unwrap(), Rotation::Rotated(_)));
}

async fn a_refresh_token_that_comes_late_ends_the_session(store: Store) {
    let begun = signed_in(&store, "ann", 1, at(0)).await;
    store.rotate(&turn(1, 2, at(100))).await.unwrap();
    let Rotation::Reused { live, revoked } = store.rotate(&turn(1, 3, at(111))).await.unwrap() else { panic!() };
    assert_eq!((live.session.id, revoked.session), (begun.session.id, begun.session.id));
    assert_eq!(revoked.not_before, Revocation::FOR_EVER);
    assert!(revoked.expires_at > at(100).plus(GRACE));
    assert!(matches!(store.rotate(&turn(2, 4, at(111))).await.unwrap(), Rotation::Dead));
    assert!(matches!(store.rotate(&turn(1, 5, at(111))).await.unwrap(), Rotation::Dead));
    assert!(store.live_session(begun.session.id, at(111)).await.unwrap().is_none());
    assert_eq!(store.revocations_since(0, 9).await.unwrap().len(), 1);
}

async fn of_many_rotations_at_once_one_makes_the_successor(store: Store) {
    signed_in(&store, "ann", 1, at(0)).await;
    let tasks: Vec<_> = (10..40)
        .map(|successor| {
            let store = store.clone();
            tokio::spawn(async move { store.rotate(&turn(1, successor, at(100))).await.unwrap() })
        })
        .collect();
    let (mut rotated, mut nonces) = (0, vec![]);
    for task in tasks {
        match task.await.unwrap() {
            Rotation::Rotated(_) => rotated += 1,
            Rotation::Repeated { nonce, .. } => nonces.push(nonce),
            Rotation::Reused { .. } | Rotation::Dead => panic!("the session goes on"),
        }
    }
    nonces.dedup();
    assert_eq!((rotated, nonces.len()), (1, 1));
}

async fn ended_expired_and_disabled_sessions_do_not_rotate(store: Store) {
    let clock = Clock::system();
    let ended = signed_in(&store, "ann", 1, at(0)).await;
    let (session, revoked) = store.end_session(ended.session.id, at(5)).await.unwrap().unwrap();
    assert_eq!((session.id, revoked.session), (ended.session.id, ended.session.id));
    assert!(store.end_session(ended.session.id, at(5)).await.unwrap().is_none());
    assert!(matches!(store.rotate(&turn(1, 2, at(6))).await.unwrap(), Rotation::Dead));
    assert_eq!(store.session_of_refresh(&[1; 32]).await.unwrap(), Some(ended.session.id));

    signed_in(&store, "bob", 3, at(0)).await;
    assert!(matches!(store.rotate(&turn(3, 4, at(0).plus(DAY))).await.unwrap(), Rotation::Dead));

    let disabled = signed_in(&store, "cy", 5, at(0)).await.user.id;
    assert!(store.set_disabled(disabled, true, &clock).await.unwrap().is_some());
    assert!(matches!(store.rotate(&turn(5, 6, at(6))).await.unwrap(), Rotation::Dead));
    assert_eq!(store.set_disabled(disabled, false, &clock).await.unwrap(), Some(vec![]));
    assert!(matches!(store.rotate(&turn(5, 6, at(7))).await.unwrap(), Rotation::Dead), "enabling opens no old session");
    assert!(matches!(store.rotate(&turn(99, 6, at(7))).await.unwrap(), Rotation::Dead));
}

async fn a_browsers_session_is_visited_by_its_cookie_until_it_ends(store: Store) {
    let (ann, clock) = (signed_in(&store, "ann", 1, at(0)).await, Clock::system());
    let second = Duration::from_secs(1);
    let visit = |cookie: u8, now| {
        let (idle, max) = (60 * second, 150 * second);
        Visit { cookie: [cookie; 32], now, idle, max, tokens_until: now.plus(GRACE) }
    };
    let browser = |cookie: u8, now: Timestamp| NewSession {
        key: SessionKey::Cookie([cookie; 32]),
        expires_at: now.plus(60 * second),
        ..session(0, now)
    };
    let begun = store.start_session(&ann.user, &browser(2, at(0)), None).await.unwrap();
    let Started::Begun(begun) = begun else { panic!("{begun:?}") };
    assert!(begun.session.by_cookie && !ann.session.by_cookie);
    let live = store.visit(&visit(2, at(50))).await.unwrap().unwrap();
    assert_eq!((live.session.id, live.user.id), (begun.session.id, ann.user.id));
    assert_eq!((live.session.last_seen_at, live.session.expires_at), (at(50), at(110)));
    assert_eq!(live.session.tokens_until, at(50).plus(GRACE));
    let seen = store.look(&[2; 32], at(60)).await.unwrap().unwrap();
    assert_eq!((seen.session.last_seen_at, seen.session.expires_at), (at(50), at(110)), "only looked at");
    assert!(
        store.look(&[2; 32], at(110)).await.unwrap().is_none() && store.look(&[9; 32], at(1)).await.unwrap().is_none()
    );
    let late = store.visit(&visit(2, at(105))).await.unwrap().unwrap();
    assert_eq!(late.session.expires_at, at(150), "no use makes it longer than its end");
    assert!(store.visit(&visit(2, at(150))).await.unwrap().is_none());
    assert!(store.visit(&visit(9, at(1))).await.unwrap().is_none(), "nobody's");
    assert!(store.visit(&visit(1, at(1))).await.unwrap().is_none(), "a refresh token is no cookie");
    assert!(matches!(store.rotate(&turn(2, 3, at(1))).await.unwrap(), Rotation::Dead), "and a cookie none of those");
    for cookie in [4, 5, 6] {
        store.start_session(&ann.user, &browser(cookie, clock.now()), None).await.unwrap();
    }
    assert!(store.visit(&visit(4, clock.now().plus(60 * second))).await.unwrap().is_none(), "not used for too long");
    let five = store.visit(&visit(5, clock.now())).await.unwrap().unwrap().session.id;
    store.end_session(five, clock.now()).await.unwrap().unwrap();
    assert!(store.visit(&visit(5, clock.now())).await.unwrap().is_none());
    store.set_disabled(ann.user.id, true, &clock).await.unwrap();
    assert!(store.visit(&visit(6, clock.now())).await.unwrap().is_none());
}

async fn a_password_changed_meanwhile_opens_nothing(store: Store) {
    let clock = Clock::system();
    let before = signed_in(&store, "ann", 1, clock.now()).await;
    let fresh = session(2, clock.now());
    let rehashed = Secret::new("$argon2id$again".to_owned());
    let begun = store.start_session(&before.user, &fresh, Some(&rehashed)).await.unwrap();
    assert!(matches!(begun, Started::Begun(_)), "hashing anew is not a change");
    assert_eq!(store.user(before.user.id).await.unwrap().unwrap().password_hash.unwrap().expose(), "$argon2id$again");
    std::thread::sleep(Duration::from_millis(2));
    let hash = Secret::new("$argon2id$2".to_owned());
    let revoked = store.set_password(before.user.id, &hash, None, &clock).await.unwrap().unwrap();
    assert_eq!(revoked.len(), 2);
    let late = store.start_session(&before.user, &session(3, clock.now()), None).await.unwrap();
    assert!(matches!(late, Started::PasswordChanged));
    let user = store.user(before.user.id).await.unwrap().unwrap();
    assert_eq!(user.password_hash.as_ref().unwrap().expose(), "$argon2id$2");
    store.set_disabled(user.id, true, &clock).await.unwrap();
    let disabled = store.start_session(&user, &session(3, clock.now()), None).await.unwrap();
    assert!(matches!(disabled, Started::Disabled));
}

async fn ending_sessions_may_spare_one(store: Store) {
    let now = at(0);
    let first = signed_in(&store, "ann", 1, now).await;
    let second = session(2, at(1));
    store.start_session(&first.user, &second, None).await.unwrap();
    store.start_session(&first.user, &session(3, at(2)), None).await.unwrap();
    assert_eq!(store.live_sessions(first.user.id, at(3)).await.unwrap().len(), 3);
    let revoked = store.end_sessions(first.user.id, Some(second.id), at(3)).await.unwrap();
    assert_eq!(revoked.len(), 2);
    let left = store.live_sessions(first.user.id, at(3)).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!(left[0].ip, Some("2001:db8::1".parse().unwrap()));
    assert_eq!(
        (left[0].amr.as_slice(), left[0].user_agent.as_deref()),
        (["pwd".to_owned()].as_slice(), Some("curl/8"))
    );
}

async fn deleting_a_person_leaves_the_revocations(store: Store) {
    let clock = Clock::system();
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    let revoked = store.delete_user(live.user.id, &clock).await.unwrap().unwrap();
    assert_eq!(revoked.len(), 1);
    assert_eq!(store.delete_user(live.user.id, &clock).await.unwrap(), None);
    assert!(store.user(live.user.id).await.unwrap().is_none());
    assert!(store.session_of_refresh(&[1; 32]).await.unwrap().is_none());
    assert_eq!(store.revocations_since(0, 9).await.unwrap(), [(1, revoked[0])]);
    let again = signed_in(&store, "ann", 2, clock.now()).await;
    assert_ne!(again.user.id, live.user.id);
}

async fn the_first_key_of_an_algorithm_stays_the_first(store: Store) {
    for (kid, algorithm) in [("a", "ES256"), ("b", "ES256"), ("c", "HS256")] {
        store.add_first_key(&key(kid, algorithm)).await.unwrap();
    }
    let keys = store.keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(keys[0].material.as_slice(), b"a");
    assert!(!format!("{keys:?}").contains("97"), "the material does not print");
}

async fn keys_take_turns_and_the_old_one_outlives_its_tokens(store: Store) {
    let minute = Duration::from_secs(60);
    signed_in(&store, "ann", 1, at(0)).await;
    store.add_first_key(&key("a", "ES256")).await.unwrap();
    store.add_first_key(&key("other", "EdDSA")).await.unwrap();
    let next = KeyRow { signs_from: at(1000), ..key("b", "ES256") };
    assert!(!store.rotate_key(Some("x"), &next, minute).await.unwrap(), "another was faster");
    assert!(!store.rotate_key(None, &next, minute).await.unwrap());
    assert!(store.rotate_key(Some("a"), &next, minute).await.unwrap());
    assert!(!store.rotate_key(Some("b"), &next, minute).await.unwrap(), "it is there already");
    let keys = store.keys().await.unwrap();
    let until: Vec<_> = keys.iter().map(|key| (key.kid.as_str(), key.signs_from, key.believed_until)).collect();
    assert_eq!(until, [("a", at(0), Some(at(1060))), ("b", at(1000), None), ("other", at(0), None)]);
    assert!(!keys.iter().any(|key| key.sealed));
    store.seal_key("b", b"sealed").await.unwrap();
    store.seal_key("b", b"sealed twice").await.unwrap();
    store.add_first_key(&key("c", "ES256")).await.unwrap();
    let b = store.keys().await.unwrap().into_iter().find(|key| key.kid == "b").unwrap();
    assert!(b.sealed && b.material.as_slice() == b"sealed");
    store.forget_expired(at(1060)).await.unwrap();
    assert!(store.retire_key("other").await.unwrap());
    assert!(!store.retire_key("other").await.unwrap());
    assert_eq!(store.keys().await.unwrap().iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["b"]);
}

fn key(kid: &str, algorithm: &str) -> KeyRow {
    KeyRow {
        kid: kid.to_owned(),
        algorithm: algorithm.to_owned(),
        material: Zeroizing::new(kid.as_bytes().to_vec()),
        sealed: false,
        created_at: at(0),
        signs_from: at(0),
        believed_until: None,
    }
}

async fn control_secrets_end(store: Store) {
    store.add_control_secret(&[1; 32], at(10)).await.unwrap();
    assert!(store.control_secret_is_good(&[1; 32], at(9)).await.unwrap());
    assert!(!store.control_secret_is_good(&[1; 32], at(10)).await.unwrap());
    assert!(!store.control_secret_is_good(&[2; 32], at(9)).await.unwrap());
}

async fn what_is_over_is_forgotten_and_the_rest_kept(store: Store) {
    let ended = signed_in(&store, "ann", 1, at(0)).await;
    let kept = signed_in(&store, "bob", 2, at(0)).await;
    store.end_session(ended.session.id, at(5)).await.unwrap();
    store.add_control_secret(&[1; 32], at(5)).await.unwrap();
    assert_eq!(store.forget_expired(at(6)).await.unwrap(), 1, "the secret; tokens of the ended session may live");
    assert_eq!(store.forget_expired(at(11)).await.unwrap(), 1, "the session with its refresh token");
    assert_eq!(store.revocations_since(0, 9).await.unwrap().len(), 1);
    assert_eq!(store.forget_expired(at(11 + 600)).await.unwrap(), 1, "the revocation");
    assert!(store.live_session(kept.session.id, at(700)).await.unwrap().is_some());
    let next = store.end_session(kept.session.id, at(700)).await.unwrap().unwrap();
    let since = store.revocations_since(1, 9).await.unwrap();
    assert_eq!(since, [(2, next.1)], "numbers are not given out twice");
}

/// Numbers are given out in the order in which rows can be seen: a higher one is never seen before a lower one.
async fn whoever_follows_the_revocations_misses_none(store: Store) {
    const MANY: u8 = 40;
    let mut sessions = vec![];
    for number in 0..MANY {
        sessions.push(signed_in(&store, &format!("user{number}"), number, at(0)).await.session.id);
    }
    let ending: Vec<_> = sessions
        .into_iter()
        .map(|id| {
            let store = store.clone();
            tokio::spawn(async move { store.end_session(id, at(1)).await.unwrap().unwrap() })
        })
        .collect();
    let (mut seen, mut read_to) = (0, 0);
    while !ending.iter().all(tokio::task::JoinHandle::is_finished) {
        seen += follow(&store, &mut read_to).await;
    }
    seen += follow(&store, &mut read_to).await;
    assert_eq!(seen, usize::from(MANY));
}

async fn follow(store: &Store, read_to: &mut i64) -> usize {
    let page = store.revocations_since(*read_to, 100).await.unwrap();
    *read_to = page.last().map_or(*read_to, |(seq, _)| *seq);
    page.len()
}

async fn an_import_takes_whom_it_can_and_is_taken_back(store: Store) {
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

async fn an_invitation_is_used_once_and_not_by_a_failure(store: Store) {
    let roles = vec![Role::parse("staff").unwrap()];
    let email = Some(Email::parse("ann@example.com").unwrap());
    let invite = Invite { hash: [7; 32], email, roles, created_at: at(0), expires_at: at(100) };
    store.add_invite(&invite).await.unwrap();
    assert_eq!(store.invite(&[7; 32], at(99)).await.unwrap(), Some(invite));
    assert!(store.invite(&[7; 32], at(100)).await.unwrap().is_none(), "it is over");
    assert!(store.invite(&[8; 32], at(1)).await.unwrap().is_none());
    store.create_user(&somebody("bob"), at(0)).await.unwrap();
    let taken = store.create_user_signed_in(&somebody("bob"), &session(1, at(1)), Some(&[7; 32])).await.unwrap();
    assert!(matches!(taken, Created::NameTaken));
    let made = store.create_user_signed_in(&somebody("ann"), &session(1, at(1)), Some(&[7; 32])).await.unwrap();
    assert!(matches!(made, Created::Made(_)));
    let again = store.create_user_signed_in(&somebody("cy"), &session(2, at(2)), Some(&[7; 32])).await.unwrap();
    assert!(matches!(again, Created::NotInvited));
}

async fn a_full_name_ends_no_tokens_and_a_new_username_does(store: Store) {
    let clock = Clock::system();
    let ann = signed_in(&store, "ann", 1, clock.now()).await.user;
    signed_in(&store, "bob", 2, clock.now()).await;
    let named = UserChange { name: Some("Ann".to_owned()), ..UserChange::default() };
    let Changed::Done { revoked, .. } = store.change_user(ann.id, &named, &clock).await.unwrap() else { panic!() };
    assert!(revoked.is_empty());
    let called = |name: &str| UserChange { username: Some(Username::parse(name).unwrap()), ..UserChange::default() };
    assert!(matches!(store.change_user(ann.id, &called("bob"), &clock).await.unwrap(), Changed::NameTaken));
    let Changed::Done { user, revoked } = store.change_user(ann.id, &called("anna"), &clock).await.unwrap() else {
        panic!()
    };
    assert_eq!((user.username.unwrap().as_str(), revoked.len()), ("anna", 1));
    assert!(store.user_by_username(&Username::parse("ann").unwrap()).await.unwrap().is_none());
    assert!(
        store
            .replace_password(&ann, &Secret::new("x".to_owned()), SessionId::new(at(0)), &clock)
            .await
            .unwrap()
            .is_some()
    );
    let late = store.replace_password(&ann, &Secret::new("y".to_owned()), SessionId::new(at(0)), &clock).await.unwrap();
    assert!(late.is_none(), "somebody else changed it meanwhile");
}

async fn everybodys_sessions_are_listed_in_pages(store: Store) {
    for (number, name) in ["ann", "bob", "cy"].into_iter().enumerate() {
        signed_in(&store, name, u8::try_from(number).unwrap() + 1, at(number as u64)).await;
    }
    let first = store.all_live_sessions(at(9), None, 2).await.unwrap();
    let rest = store.all_live_sessions(at(9), Some(first[1].id), 2).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1));
    assert!(first[0].id > first[1].id && first[1].id > rest[0].id);
    store.end_session(first[0].id, at(9)).await.unwrap();
    assert_eq!(store.all_live_sessions(at(9), None, 9).await.unwrap().len(), 2);
}

async fn a_service_token_reads_back_and_every_change_moves_the_mark(store: Store) {
    let made = |number: u8, end: u64| ServiceToken {
        id: crate::base::TokenId::new(at(number.into())),
        hash: [number; 32],
        name: "backup".to_owned(),
        scopes: vec![Scope::parse("files:read").unwrap()],
        created_at: at(0),
        expires_at: at(end),
        revoked_at: None,
    };
    let (one, two) = (made(1, 50), made(2, 100));
    let mut marks = vec![store.service_token_mark().await.unwrap()];
    for token in [&one, &two] {
        store.add_service_token(token).await.unwrap();
        marks.push(store.service_token_mark().await.unwrap());
    }
    assert_eq!(store.service_tokens().await.unwrap(), [one.clone(), two.clone()]);
    assert!(store.add_service_token(&two).await.is_err());
    assert!(store.revoke_service_token(two.id, at(9)).await.unwrap());
    assert!(!store.revoke_service_token(two.id, at(10)).await.unwrap());
    marks.push(store.service_token_mark().await.unwrap());
    assert_eq!(store.service_tokens().await.unwrap()[1].revoked_at, Some(at(9)));
    assert_eq!(store.forget_expired(at(60)).await.unwrap(), 1);
    marks.push(store.service_token_mark().await.unwrap());
    let all = marks.len();
    marks.dedup();
    assert_eq!(marks.len(), all);
}

async fn tokens_without_a_session_end_by_any_name_of_their_person(store: Store) {
    let one = store.revoke_token("One", at(50)).await.unwrap();
    assert_eq!(store.token_revocations_since(0, 9).await.unwrap(), [(1, one)]);
    // Of two for one subject the later one counts; letters count as they are written.
    store.revoke_token("one", at(50)).await.unwrap();
    let again = store.revoke_token("One", at(60)).await.unwrap();
    let kept = store.token_revocations_since(0, 9).await.unwrap();
    assert_eq!(kept.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(kept[1].1, again);
    let Created::Made(ann) = store.create_user(&somebody("ann"), at(1)).await.unwrap() else { panic!() };
    let id = ann.id;
    store.set_disabled(id, true, &Clock::system()).await.unwrap();
    let about_ann = store.token_revocations_since(3, 9).await.unwrap();
    assert!(about_ann.iter().any(|(_, revoked)| revoked.subject == TokenRevocation::of_person(&id.to_string())));
    assert!(about_ann.iter().any(|(_, revoked)| revoked.subject == TokenRevocation::of_person("ann")));
    assert!(about_ann.iter().all(|(_, revoked)| revoked.not_before == Revocation::FOR_EVER));
    assert_eq!(store.forget_expired(at(60)).await.unwrap(), 2);
}

fn link(hash: u8, user: &User, purpose: Purpose, email: &str) -> Link {
    let email = Email::parse(email).unwrap();
    Link { hash: [hash; 32], user: user.id, purpose, email, expires_at: at(60) }
}

async fn a_link_is_good_once_and_only_for_the_address_it_was_sent_to(store: Store) {
    let clock = Clock::system();
    let long = clock.now().plus(DAY);
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    for hash in [1, 2] {
        let link = Link { expires_at: long, ..link(hash, &live.user, Purpose::Password, "ann@example.com") };
        store.add_link(&link).await.unwrap();
    }
    let other = Link { expires_at: long, ..link(3, &live.user, Purpose::Password, "old@example.com") };
    store.add_link(&other).await.unwrap();
    store.add_link(&link(4, &live.user, Purpose::Password, "ann@example.com")).await.unwrap();
    let email = Link { expires_at: long, ..link(5, &live.user, Purpose::Email, "ann@example.com") };
    store.add_link(&email).await.unwrap();
    let new = Secret::new("$argon2id$2".to_owned());
    for hash in [3, 4, 5, 6] {
        assert!(store.person_of_link(&[hash; 32], clock.now()).await.unwrap().is_none(), "{hash}");
        assert!(store.reset_password(&[hash; 32], &new, &clock).await.unwrap().is_none(), "{hash}");
    }
    assert_eq!(store.person_of_link(&[1; 32], clock.now()).await.unwrap().unwrap().id, live.user.id);
    let revoked = store.reset_password(&[1; 32], &new, &clock).await.unwrap().unwrap();
    assert_eq!((revoked.len(), revoked[0].session), (1, live.session.id));
    let ann = store.user(live.user.id).await.unwrap().unwrap();
    assert!(ann.email_verified && ann.password_hash.unwrap().expose() == new.expose());
    for hash in [1, 2] {
        assert!(store.reset_password(&[hash; 32], &new, &clock).await.unwrap().is_none(), "one password, no link left");
    }
    store.add_link(&Link { hash: [7; 32], expires_at: long, ..other }).await.unwrap();
    store.set_password(ann.id, &new, None, &clock).await.unwrap();
    assert!(store.person_of_link(&[7; 32], clock.now()).await.unwrap().is_none());
    assert!(store.forget_expired(clock.now()).await.unwrap() == 0);
}

async fn an_address_becomes_a_persons_by_its_link(store: Store) {
    let clock = Clock::system();
    let live = signed_in(&store, "ann", 1, clock.now()).await;
    store.create_user(&somebody("bob"), clock.now()).await.unwrap();
    let long = clock.now().plus(DAY);
    for (hash, email) in [(1, "ann@example.com"), (2, "new@example.com"), (3, "bob@example.com")] {
        store.add_link(&Link { expires_at: long, ..link(hash, &live.user, Purpose::Email, email) }).await.unwrap();
    }
    assert!(matches!(store.follow_email_link(&[3; 32], &clock).await.unwrap(), Some(Changed::EmailTaken)));
    let Some(Changed::Done { user, revoked }) = store.follow_email_link(&[2; 32], &clock).await.unwrap() else {
        panic!()
    };
    assert!(user.email_verified && user.email.unwrap().as_str() == "new@example.com" && revoked.len() == 1);
    assert!(store.follow_email_link(&[1; 32], &clock).await.unwrap().is_none(), "one link followed, none left");
    let same = Link { expires_at: long, ..link(4, &live.user, Purpose::Email, "new@example.com") };
    store.add_link(&same).await.unwrap();
    let Some(Changed::Done { revoked, .. }) = store.follow_email_link(&[4; 32], &clock).await.unwrap() else {
        panic!()
    };
    assert!(revoked.is_empty(), "what tokens say stays true");
    store.set_disabled(live.user.id, true, &clock).await.unwrap();
    store.add_link(&same).await.unwrap();
    assert!(store.follow_email_link(&[4; 32], &clock).await.unwrap().is_none());
}

async fn a_second_factor_counts_once_shown_and_no_code_is_good_twice(store: Store) {
    let live = signed_in(&store, "ann", 1, at(0)).await;
    let ann = live.user.id;
    assert!(store.totp(ann).await.unwrap().is_none());
    assert!(store.begin_totp(ann, b"one", false).await.unwrap());
    assert!(store.begin_totp(ann, b"two", true).await.unwrap(), "one that was not confirmed is replaced");
    let totp = store.totp(ann).await.unwrap().unwrap();
    assert_eq!((totp.key.as_slice(), totp.sealed, totp.confirmed, totp.last_step), (b"two".as_slice(), true, false, 0));
    let session = live.session.id;
    assert!(store.confirm_totp(ann, session, 7, &[[1; 32], [2; 32]], at(1)).await.unwrap());
    assert!(!store.confirm_totp(ann, session, 8, &[[3; 32]], at(1)).await.unwrap());
    assert!(!store.begin_totp(ann, b"three", false).await.unwrap());
    let again = store.live_session(session, at(2)).await.unwrap().unwrap();
    assert_eq!(again.session.amr, ["pwd", "otp", "mfa"], "the session has shown it");
    for (step, good) in [(7, false), (9, true), (9, false), (8, false), (10, true)] {
        assert_eq!(store.use_totp_step(ann, step).await.unwrap(), good, "{step}");
    }
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 2);
    for (code, good) in [(3, false), (1, true), (1, false)] {
        assert_eq!(store.use_recovery_code(ann, &[code; 32]).await.unwrap(), good, "{code}");
    }
    store.replace_recovery_codes(ann, &[[4; 32], [5; 32], [6; 32]]).await.unwrap();
    assert!(!store.use_recovery_code(ann, &[2; 32]).await.unwrap());
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 3);
    assert!(store.remove_totp(ann).await.unwrap() && !store.remove_totp(ann).await.unwrap());
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 0);
}

async fn a_sign_in_waits_for_a_few_tries_and_ends_once(store: Store) {
    let live = signed_in(&store, "ann", 1, at(0)).await;
    let user = live.user.id;
    let waiting = |hash: u8| Waiting { hash: [hash; 32], user, password_set_at: at(0), expires_at: at(60) };
    for hash in [1, 2] {
        store.add_waiting(&waiting(hash)).await.unwrap();
    }
    for _ in 0..5 {
        assert_eq!(store.try_waiting(&[1; 32], at(59)).await.unwrap(), Some(waiting(1)));
    }
    assert_eq!(store.try_waiting(&[1; 32], at(59)).await.unwrap(), None, "tried too often");
    assert_eq!(store.try_waiting(&[2; 32], at(60)).await.unwrap(), None, "over");
    assert_eq!(store.try_waiting(&[3; 32], at(0)).await.unwrap(), None, "never made");
    assert!(store.end_waiting(&[2; 32]).await.unwrap() && !store.end_waiting(&[2; 32]).await.unwrap());
    assert!(store.forget_expired(at(61)).await.unwrap() > 0);
    assert_eq!(store.try_waiting(&[1; 32], at(0)).await.unwrap(), None);
}

async fn a_passkey_is_one_persons_and_its_counter_goes_on(store: Store) {
    let (ann, bob) =
        (signed_in(&store, "ann", 1, at(0)).await.user.id, signed_in(&store, "bob", 2, at(0)).await.user.id);
    let passkey = |user, credential: &[u8]| Passkey {
        id: PasskeyId::new(at(1)),
        user,
        credential: credential.to_vec(),
        key: vec![7; 700],
        counter: 0,
        name: "Blåser 🔑".to_owned(),
        created_at: at(1),
        last_used_at: None,
    };
    let long = passkey(ann, &[9; 1023]);
    assert_eq!(store.add_passkey(&long).await.unwrap(), AddedPasskey::Added);
    assert_eq!(store.passkey(&long.credential).await.unwrap().as_ref(), Some(&long));
    assert_eq!(store.passkey(&[9; 1022]).await.unwrap(), None);
    assert_eq!(store.add_passkey(&passkey(bob, &[9; 1023])).await.unwrap(), AddedPasskey::Exists);
    for (counter, good) in [(0, true), (0, true), (5, true), (5, false), (4, false), (0, false), (u32::MAX, true)] {
        assert_eq!(store.use_passkey(long.id, counter, at(2)).await.unwrap(), good, "{counter}");
    }
    assert!(!store.rename_passkey(bob, long.id, "mine").await.unwrap());
    assert!(store.rename_passkey(ann, long.id, "key").await.unwrap());
    let used = Passkey { counter: u32::MAX, name: "key".to_owned(), last_used_at: Some(at(2)), ..long.clone() };
    assert_eq!(store.passkeys(ann).await.unwrap(), [used]);
    for number in 1..20 {
        assert_eq!(store.add_passkey(&passkey(ann, &[number])).await.unwrap(), AddedPasskey::Added);
    }
    assert_eq!(store.add_passkey(&passkey(ann, &[20])).await.unwrap(), AddedPasskey::TooMany);
    assert!(!store.remove_passkey(bob, long.id).await.unwrap());
    assert!(store.remove_passkey(ann, long.id).await.unwrap() && !store.remove_passkey(ann, long.id).await.unwrap());
    assert!(!store.use_passkey(long.id, 9, at(3)).await.unwrap(), "gone");
    assert_eq!(store.add_passkey(&passkey(bob, &[30])).await.unwrap(), AddedPasskey::Added);
    assert!(store.remove_passkeys(ann).await.unwrap() && !store.remove_passkeys(ann).await.unwrap());
    assert_eq!((store.passkeys(ann).await.unwrap().len(), store.passkeys(bob).await.unwrap().len()), (0, 1));
}

async fn a_challenge_is_signed_once_in_time_and_for_its_purpose(store: Store) {
    let ann = signed_in(&store, "ann", 1, at(0)).await.user.id;
    let bob = signed_in(&store, "bob", 2, at(0)).await.user.id;
    for (hash, user) in [(1, None), (2, Some(ann)), (3, None)] {
        assert!(store.add_passkey_challenge(&[hash; 32], user, at(60)).await.unwrap());
    }
    for (hash, user, now, good) in [
        (1, Some(ann), 0, false),
        (1, None, 60, false),
        (1, None, 59, true),
        (1, None, 59, false),
        (2, None, 0, false),
        (2, Some(bob), 0, false),
        (2, Some(ann), 0, true),
        (4, None, 0, false),
    ] {
        let taken = store.take_passkey_challenge(&[hash; 32], user, at(now)).await.unwrap();
        assert_eq!(taken, good, "{hash} {user:?} {now}");
    }
    assert!(store.forget_expired(at(61)).await.unwrap() > 0);
    assert!(!store.take_passkey_challenge(&[3; 32], None, at(0)).await.unwrap());
}

async fn where_somebody_signed_in_lately_is_familiar(store: Store) {
    let from = |number: u8| Some(format!("192.0.2.{number}").parse().unwrap());
    let sign_in = async |user: &User, ip, second| {
        let new = NewSession { ip, ..session(u8::try_from(second % 200 + 2).unwrap(), at(second)) };
        assert!(matches!(store.start_session(user, &new, None).await.unwrap(), Started::Begun(_)));
    };
    let ann = *signed_in(&store, "ann", 1, at(0)).await.user;
    let knows = async |who: &str, ip, second| store.is_familiar(who, Network::of(ip), at(second)).await.unwrap();
    let id = ann.id.to_string();
    sign_in(&ann, from(1), 1).await;
    assert!(knows(&id, from(1), 2).await && !knows(&id, from(2), 2).await && !knows("nobody", from(1), 2).await);
    for number in 2..=17 {
        sign_in(&ann, from(number), number.into()).await;
        sign_in(&ann, from(2), u64::from(number) + 50).await;
    }
    for (number, familiar) in [(1, false), (2, true), (3, true), (17, true), (18, false)] {
        assert_eq!(knows(&id, from(number), 99).await, familiar, "{number}");
    }
    let days = |days: u64| days * 24 * 3600;
    assert!(knows(&id, from(17), days(90)).await && !knows(&id, from(17), days(91)).await);
    store.forget_expired(at(days(90) + 18)).await.unwrap();
    assert!(knows(&id, from(2), 99).await && !knows(&id, from(17), 99).await, "and then they are deleted");
}

async fn observations_of_one_kind_are_one_row(store: Store) {
    let seen = |refusal: Option<&str>, many: i64, second: u64| Observation {
        route: format!("app.example.com/{}", "long/".repeat(300)),
        refusal: refusal.map(str::to_owned),
        backend_refused: false,
        many,
        method: "GET".to_owned(),
        path: format!("/app/{second}"),
        status: 200,
        first_at: at(second),
        last_at: at(second),
    };
    let refused = Some("login_required");
    store.add_observations(&[seen(refused, 2, 1), seen(None, 9, 1)]).await.unwrap();
    store.add_observations(&[seen(refused, 3, 5)]).await.unwrap();
    let both = Observation { first_at: at(1), ..seen(refused, 5, 5) };
    assert_eq!(store.observations().await.unwrap(), [seen(None, 9, 1), both]);
    assert_eq!(store.forget_expired(at(5).plus(DAY * 89)).await.unwrap(), 0);
    assert_eq!(store.forget_expired(at(2).plus(DAY * 90)).await.unwrap(), 1);
    assert_eq!(store.forget_observations().await.unwrap(), 1);
    assert!(store.observations().await.unwrap().is_empty());
}
