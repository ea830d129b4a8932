//! The sentences that any engine must prove, by what is held.
mod factors;
mod links;
mod own;
mod people;
mod sessions;
mod tokens;
mod upkeep;

use std::time::Duration;

use super::*;
use crate::base::{Email, Role, Scope, Secret, SessionId, Timestamp, Username};
use crate::servers;

/// Every sentence, against a fresh store of each engine. SQLite's are tests of their own; a server is started once for
/// all of its sentences, each of which gets a database.
macro_rules! the_contract {
    ($($held:ident { $($sentence:ident),* $(,)? })*) => {
        mod sqlite_keeps_the_contract {
            $($(
                #[tokio::test]
                async fn $sentence() {
                    let (store, _folder) = super::on_sqlite().await;
                    super::$held::$sentence(store).await;
                }
            )*)*
        }

        async fn all(server: &servers::Server) {
            $($(
                let url = server.database(stringify!($sentence));
                eprintln!("{url}");
                let store = at_server(&url).await;
                $held::$sentence(store.clone()).await;
                store.close().await;
            )*)*
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
        if kind == servers::Kind::MySql {
            // What is left when it dies between two changes.
            let store = at_server(&url).await;
            let mut on = store.engine.begin().await.unwrap();
            on.execute("UPDATE _sqlx_migrations SET success = 0 WHERE version = 33", vec![]).await.unwrap();
            on.commit().await.unwrap();
            let there = Settings::Server(Box::new(Server::parse(&url, None, 8).unwrap()));
            let error = Store::open(&there).await.unwrap_err();
            assert!(matches!(error, StoreError::HalfMigrated(33)) && error.to_string().contains("docs/"), "{error:?}");
        }
        let manual = Settings::Server(Box::new(Server::parse(&server.database("empty"), None, 8).unwrap()));
        let error = Store::open_as(&manual, Migrate::Manual).await.unwrap_err();
        assert!(matches!(error, StoreError::Older(1)), "{error:?}");
    }
}

/// As with a million rows: a statement takes longer than a request would be let wait.
#[tokio::test]
async fn what_the_operator_asks_for_may_take_longer_than_a_request() {
    let servers = [servers::Kind::Postgres, servers::Kind::MySql].map(|kind| (kind, servers::Server::start(kind)));
    let mut all = tokio::task::JoinSet::new();
    for (kind, server) in &servers {
        let Some(server) = server else { continue };
        let (first, second) = (slow(server, *kind, "first").await, slow(server, *kind, "second").await);
        rests(&at_server(&server.database("third")).await, *kind, &mut all).await;
        all.spawn(async move {
            let (backup, _folder) = on_sqlite().await;
            let done = backup.copy_to(&first, Onto::Anything { by: &crate::base::Clock::system() }, |_| {}).await;
            assert_eq!(done.unwrap().first(), Some(&("users", 0)));
        });
        all.spawn(async move {
            let done = second.undo_import(1, at(9)).await.unwrap().unwrap();
            assert_eq!((done.removed, done.kept), (1, 0));
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

/// While the other side of a copy takes its time nothing is said here, and the server does not take that for a node that is gone.
async fn rests(store: &Store, kind: servers::Kind, all: &mut tokio::task::JoinSet<()>) {
    let mut on = store.engine.begin_long().await.unwrap();
    if kind == servers::Kind::MySql {
        // It would wait for half a minute, too long for a test.
        let asked = "SELECT CAST(@@SESSION.wait_timeout AS SIGNED) AS seconds";
        assert_eq!(on.row(asked, vec![]).await.unwrap().unwrap().int("seconds").unwrap(), 3600);
        on.commit().await.unwrap();
        for _ in 0..8 {
            let mut next = store.engine.begin().await.unwrap();
            assert_eq!(next.row(asked, vec![]).await.unwrap().unwrap().int("seconds").unwrap(), 30, "for requests");
        }
        return;
    }
    all.spawn(async move {
        tokio::time::sleep(server::STATEMENT_TIMEOUT + Duration::from_secs(2)).await;
        on.row("SELECT id FROM users", vec![]).await.unwrap();
        on.commit().await.unwrap();
    });
}

/// A store with one person, who was imported, and whom it takes twelve seconds to remove.
async fn slow(server: &servers::Server, kind: servers::Kind, name: &str) -> Store {
    let store = at_server(&server.database(name)).await;
    let import = store.begin_import("a file", at(0)).await.unwrap();
    let person = ImportedUser { user: somebody("ann"), ..ImportedUser::default() };
    assert_eq!(store.import_users(import, &[person]).await.unwrap(), [true]);
    let slowly: &[&'static str] = match kind {
        servers::Kind::Postgres => &[
            "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(12); RETURN NULL; END $$",
            "CREATE TRIGGER slowly BEFORE DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION slowly()",
        ],
        servers::Kind::MySql | servers::Kind::Redis => {
            &["CREATE TRIGGER slowly BEFORE DELETE ON users FOR EACH ROW SET @slept = SLEEP(12)"]
        }
    };
    for &statement in slowly {
        let mut on = store.engine.begin().await.unwrap();
        on.execute(statement, vec![]).await.unwrap();
        on.commit().await.unwrap();
    }
    store
}

#[test]
fn the_engines_have_the_same_migrations() {
    let numbers = |list: &[migrations::Row]| list.iter().map(|(number, name, _)| (*number, *name)).collect::<Vec<_>>();
    assert_eq!(numbers(postgres::MIGRATIONS), numbers(sqlite::MIGRATIONS));
    assert_eq!(numbers(mysql::MIGRATIONS), numbers(sqlite::MIGRATIONS));
}

the_contract!(
    people {
        a_person_reads_back_as_written,
        names_and_addresses_are_taken_once,
        of_many_who_want_a_name_one_gets_it,
        people_are_listed_in_pages_and_found_by_parts,
        changes_are_differences_and_revoke_tokens,
        a_change_is_dated_when_nobody_else_can_write,
        a_full_name_ends_no_tokens_and_a_new_username_does,
        deleting_a_person_leaves_the_revocations,
        an_import_takes_whom_it_can_and_is_taken_back,
    }
    sessions {
        a_refresh_token_rotates_once_and_repeats_within_its_grace,
        a_refresh_token_that_comes_late_ends_the_session,
        of_many_rotations_at_once_one_makes_the_successor,
        ended_expired_and_disabled_sessions_do_not_rotate,
        a_browsers_session_is_visited_by_its_cookie_until_it_ends,
        a_password_changed_meanwhile_opens_nothing,
        ending_sessions_may_spare_one,
        everybodys_sessions_are_listed_in_pages,
    }
    tokens {
        the_first_key_of_an_algorithm_stays_the_first,
        keys_take_turns_and_the_old_one_outlives_its_tokens,
        a_key_whose_follower_is_retired_before_its_turn_goes_on,
        a_service_token_reads_back_and_every_change_moves_the_mark,
        tokens_without_a_session_end_by_any_name_of_their_person,
        a_password_that_its_owner_changes_ends_tokens_without_a_session,
        what_ends_tokens_is_later_than_the_newest_by_whatever_clock,
        whoever_follows_the_revocations_misses_none,
    }
    own {
        what_somebody_asked_for_is_done_while_they_are_who_they_were,
        somebody_ends_own_sessions_only,
    }
    links {
        an_invitation_is_used_once_and_not_by_a_failure,
        a_link_is_good_once_and_only_for_the_address_it_was_sent_to,
        an_address_becomes_a_persons_by_its_link,
        what_shuts_others_out_shuts_out_the_address_they_asked_for,
        what_shuts_others_out_ends_what_they_began,
        the_link_to_an_address_comes_with_the_wish_or_not_at_all,
        signing_out_leaves_the_address_that_was_asked_for,
    }
    factors {
        a_second_factor_counts_once_shown_and_no_code_is_good_twice,
        a_code_counts_beside_what_the_session_showed_before,
        a_sign_in_waits_for_a_few_tries_and_ends_once,
        a_passkey_is_one_persons_and_its_counter_goes_on,
        a_challenge_is_signed_once_in_time_and_for_its_purpose,
        only_challenges_of_ones_own_kind_that_still_wait_leave_no_room,
        where_somebody_signed_in_lately_is_familiar,
    }
    upkeep {
        control_secrets_end,
        what_was_out_before_a_restore_is_revoked,
        what_is_over_is_forgotten_and_the_rest_kept,
        observations_of_one_kind_are_one_row,
    }
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
        issued_by: now.plus(DAY),
    }
}

async fn signed_in(store: &Store, name: &str, refresh: u8, now: Timestamp) -> Live {
    let created = store.create_user_signed_in(&somebody(name), &session(refresh, now), None).await.unwrap();
    let Created::Made(live) = created else { panic!("{created:?}") };
    live
}
