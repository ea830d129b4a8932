//! All of a store into another one, whichever engines they are.
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use super::engine::{Connection, Row, Value, places, values};
use super::replaced::Outdated;
use super::{Store, StoreError};
use crate::base::Clock;

/// How far a copy is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CopyProgress {
    Rows {
        done: u64,
        total: u64,
    },
    /// All is there, and is about to be for good.
    Commits,
}

/// What to do with what the other store holds already.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Onto<'a> {
    Empty,
    /// It is replaced, and what was handed out by it is not believed any more.
    Anything {
        by: &'a Clock,
    },
}

/// Why nothing was copied, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("the other store is not empty: it holds {rows} rows of {table}")]
    NotEmpty { table: &'static str, rows: u64 },
    #[error("of {table} {there} rows arrived and {here} were sent")]
    Differs { table: &'static str, here: u64, there: u64 },
    #[error("cannot read")]
    Read(#[source] StoreError),
    #[error("cannot write")]
    Write(#[source] StoreError),
    /// It may be there.
    #[error("all was written, and the other store did not say whether it keeps it")]
    Unanswered(#[source] StoreError),
}

/// A table and how many rows it has.
pub(crate) type Count = (&'static str, u64);

impl Store {
    /// Copies every row to another store, in one transaction there: it arrives whole or not at all. Nobody writes here
    /// in the meantime.
    pub(crate) async fn copy_to(
        &self,
        other: &Self,
        onto: Onto<'_>,
        mut tell: impl FnMut(CopyProgress),
    ) -> Result<Vec<Count>, CopyError> {
        let mut from = self.engine.begin_long().await.map_err(CopyError::Read)?;
        let mut to = other.engine.begin_long().await.map_err(CopyError::Write)?;
        let outdated = match onto {
            Onto::Empty => None,
            Onto::Anything { by } => Some((Outdated::find(&mut to, &mut from, by.now()).await?, by)),
        };
        make_room(&mut to, onto).await?;
        let counts = counts(&mut from).await.map_err(CopyError::Read)?;
        let (mut done, total) = (0, counts.iter().map(|(_, rows)| rows).sum());
        for table in TABLES {
            let mut last = None;
            loop {
                let rows = table.page(&mut from, last.as_deref()).await.map_err(CopyError::Read)?;
                let Some(newest) = rows.last() else { break };
                last = Some(table.key(newest).map_err(CopyError::Read)?);
                table.insert(&mut to, &rows).await?;
                done += rows.len() as u64;
                tell(CopyProgress::Rows { done, total });
            }
        }
        for ((table, here), (_, there)) in counts.iter().zip(self::counts(&mut to).await.map_err(CopyError::Write)?) {
            if *here != there {
                return Err(CopyError::Differs { table, here: *here, there });
            }
        }
        if let Some((outdated, clock)) = outdated {
            outdated.put(&mut to, clock.now()).await.map_err(CopyError::Write)?;
        }
        tell(CopyProgress::Commits);
        to.commit().await.map_err(|error| match error.said() {
            Some(_) => CopyError::Write(error),
            None => CopyError::Unanswered(error),
        })?;
        Ok(counts)
    }

    /// How many rows each table has.
    pub(crate) async fn counts(&self) -> Result<Vec<Count>, StoreError> {
        counts(&mut self.engine.reader().await?).await
    }

    /// What should not be: rows that belong to nobody, and people whose row cannot be read.
    pub(crate) async fn faults(&self) -> Result<Vec<String>, StoreError> {
        let mut faults = self.engine.damage().await?;
        let mut on = self.engine.reader().await?;
        for (sql, what) in ORPHANS {
            let many = many(&mut on, sql).await?;
            if many > 0 {
                faults.push(format!("{many} {what}"));
            }
        }
        let mut last = String::new();
        loop {
            let sql = "SELECT * FROM users WHERE id > $1 ORDER BY id LIMIT 500";
            let rows = on.rows(sql, values![last.as_str()]).await?;
            let Some(newest) = rows.last() else { return Ok(faults) };
            last = newest.text("id")?;
            for row in &rows {
                if let Err(error) = super::User::from_row(row) {
                    faults.push(format!("user {}: {error}", row.text("id")?));
                }
            }
        }
    }
}

async fn make_room(to: &mut Connection, onto: Onto<'_>) -> Result<(), CopyError> {
    for table in TABLES.iter().rev() {
        let name = table.name;
        let rows = table.count(to).await.map_err(CopyError::Write)?;
        match onto {
            _ if rows == 0 => {}
            Onto::Empty => return Err(CopyError::NotEmpty { table: name, rows }),
            Onto::Anything { .. } => {
                let gone = to.execute(AssertSqlSafe(format!("DELETE FROM {name}")), vec![]).await;
                gone.map_err(CopyError::Write)?;
            }
        }
    }
    Ok(())
}

async fn counts(on: &mut Connection) -> Result<Vec<Count>, StoreError> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push((table.name, table.count(on).await?));
    }
    Ok(counts)
}

async fn many(on: &mut Connection, sql: impl sqlx::SqlSafeStr) -> Result<u64, StoreError> {
    let row = on.row(sql, vec![]).await?.ok_or(StoreError::Unreadable("count"))?;
    u64::try_from(row.int("many")?).map_err(|_| StoreError::Unreadable("count"))
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Int,
    Text,
    Bytes,
    /// A number that each store gives out itself, in the order of the rows.
    Number,
}
use Holds::{Bytes, Int, Number, Text};

/// A table, its columns, and those of its primary key.
struct Table {
    name: &'static str,
    key: &'static [&'static str],
    columns: &'static [(&'static str, Holds)],
}

impl Table {
    async fn count(&self, on: &mut Connection) -> Result<u64, StoreError> {
        many(on, AssertSqlSafe(format!("SELECT COUNT(*) AS many FROM {}", self.name)).into_sql_str()).await
    }

    /// The rows that follow the one with this key.
    async fn page(&self, on: &mut Connection, after: Option<&[Value]>) -> Result<Vec<Row>, StoreError> {
        let key = self.key.join(", ");
        let after = after.unwrap_or_default();
        let marks: Vec<_> = (1..=after.len()).map(|number| format!("${number}")).collect();
        let place = if after.is_empty() { String::new() } else { format!("WHERE ({key}) > ({})", marks.join(", ")) };
        let sql = format!("SELECT * FROM {} {place} ORDER BY {key} LIMIT {ROWS_AT_ONCE}", self.name);
        on.rows(AssertSqlSafe(sql), after.to_vec()).await
    }

    fn key(&self, row: &Row) -> Result<Vec<Value>, StoreError> {
        let columns = self.columns.iter().filter(|(name, _)| self.key.contains(name));
        columns.map(|(name, holds)| value(row, name, *holds)).collect()
    }

    async fn insert(&self, to: &mut Connection, rows: &[Row]) -> Result<(), CopyError> {
        let columns: Vec<_> = self.columns.iter().filter(|(_, holds)| *holds != Number).collect();
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        for row in rows {
            for (name, holds) in &columns {
                values.push(value(row, name, *holds).map_err(CopyError::Read)?);
            }
        }
        let places = places(rows.len(), columns.len());
        let sql = format!("INSERT INTO {} ({}) VALUES {places}", self.name, names.join(", "));
        to.execute(AssertSqlSafe(sql), values).await.map(|_| ()).map_err(CopyError::Write)
    }
}

fn value(row: &Row, name: &str, holds: Holds) -> Result<Value, StoreError> {
    Ok(match holds {
        Int | Number => Value::Int(row.maybe_int(name)?),
        Text => Value::Text(row.maybe_text(name)?),
        Bytes => Value::Bytes(row.maybe_bytes(name)?),
    })
}

/// A few columns times so many rows stay far below what an engine takes in one statement.
pub(super) const ROWS_AT_ONCE: usize = 100;

const ORPHANS: [(&str, &str); 2] = [
    (
        "SELECT COUNT(*) AS many FROM sessions WHERE user_id NOT IN (SELECT id FROM users)",
        "sessions belong to a person who is not there",
    ),
    (
        "SELECT COUNT(*) AS many FROM refresh_tokens WHERE session_id NOT IN (SELECT id FROM sessions)",
        "refresh tokens belong to a session that is not there",
    ),
];

/// Every table, after those that it refers to. A test compares them with the tables of the newest migration.
const TABLES: &[Table] = &[
    Table {
        name: "users",
        key: &["id"],
        columns: &[
            ("id", Text),
            ("username", Text),
            ("email", Text),
            ("email_verified", Int),
            ("name", Text),
            ("password_hash", Text),
            ("password_set_at", Int),
            ("roles", Text),
            ("scopes", Text),
            ("attributes", Text),
            ("disabled", Int),
            ("created_at", Int),
            ("updated_at", Int),
            ("last_login_at", Int),
        ],
    },
    Table {
        name: "sessions",
        key: &["id"],
        columns: &[
            ("id", Text),
            ("user_id", Text),
            ("created_at", Int),
            ("auth_time", Int),
            ("last_seen_at", Int),
            ("expires_at", Int),
            ("tokens_until", Int),
            ("ended_at", Int),
            ("amr", Text),
            ("ip", Text),
            ("user_agent", Text),
            ("cookie", Bytes),
            ("tokens_from", Int),
        ],
    },
    Table {
        name: "familiar_networks",
        key: &["user_id", "network"],
        columns: &[("user_id", Text), ("network", Text), ("seen_at", Int)],
    },
    Table {
        name: "refresh_tokens",
        key: &["hash"],
        columns: &[
            ("hash", Bytes),
            ("session_id", Text),
            ("issued_at", Int),
            ("expires_at", Int),
            ("used_at", Int),
            ("successor_nonce", Bytes),
        ],
    },
    Table {
        name: "revocations",
        key: &["seq"],
        columns: &[("seq", Number), ("session_id", Text), ("not_before", Int), ("expires_at", Int)],
    },
    Table {
        name: "signing_keys",
        key: &["kid"],
        columns: &[
            ("kid", Text),
            ("algorithm", Text),
            ("material", Bytes),
            ("created_at", Int),
            ("state", Text),
            ("signs_from", Int),
            ("believed_until", Int),
            ("sealed", Int),
        ],
    },
    Table {
        name: "invites",
        key: &["hash"],
        columns: &[("hash", Bytes), ("email", Text), ("roles", Text), ("created_at", Int), ("expires_at", Int)],
    },
    Table {
        name: "service_tokens",
        key: &["id"],
        columns: &[
            ("id", Text),
            ("hash", Bytes),
            ("name", Text),
            ("scopes", Text),
            ("created_at", Int),
            ("expires_at", Int),
            ("revoked_at", Int),
        ],
    },
    Table {
        name: "token_revocations",
        key: &["seq"],
        columns: &[("seq", Number), ("subject", Text), ("not_before", Int), ("expires_at", Int)],
    },
    Table {
        name: "imports",
        key: &["id"],
        columns: &[("id", Int), ("source", Text), ("started_at", Int), ("undone_at", Int)],
    },
    Table { name: "imported_users", key: &["user_id"], columns: &[("user_id", Text), ("import_id", Int)] },
    Table {
        name: "links",
        key: &["hash"],
        columns: &[("hash", Bytes), ("user_id", Text), ("purpose", Text), ("email", Text), ("expires_at", Int)],
    },
    Table {
        name: "totp_keys",
        key: &["user_id"],
        columns: &[("user_id", Text), ("secret", Bytes), ("sealed", Int), ("confirmed_at", Int), ("last_step", Int)],
    },
    Table { name: "recovery_codes", key: &["user_id", "hash"], columns: &[("user_id", Text), ("hash", Bytes)] },
    Table {
        name: "waiting_logins",
        key: &["hash"],
        columns: &[("hash", Bytes), ("user_id", Text), ("password_set_at", Int), ("tries", Int), ("expires_at", Int)],
    },
    Table {
        name: "passkeys",
        key: &["id"],
        columns: &[
            ("id", Text),
            ("user_id", Text),
            ("credential", Bytes),
            ("public_key", Bytes),
            ("sign_count", Int),
            ("name", Text),
            ("created_at", Int),
            ("last_used_at", Int),
        ],
    },
    Table {
        name: "passkey_challenges",
        key: &["hash"],
        columns: &[("hash", Bytes), ("user_id", Text), ("expires_at", Int)],
    },
    Table {
        name: "observations",
        key: &["id"],
        columns: &[
            ("id", Bytes),
            ("route", Text),
            ("refusal", Text),
            ("backend_refused", Int),
            ("many", Int),
            ("method", Text),
            ("path", Text),
            ("status", Int),
            ("first_at", Int),
            ("last_at", Int),
            ("expires_at", Int),
        ],
    },
    Table { name: "control_secrets", key: &["hash"], columns: &[("hash", Bytes), ("expires_at", Int)] },
];

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    /// Whoever adds a table or a column adds it to `TABLES`, or a copy would lose it.
    #[tokio::test]
    async fn no_table_and_no_column_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Settings::Sqlite { path: folder.path().join("store.db") }).await.unwrap();
        let mut on = store.engine.reader().await.unwrap();
        let sql = "SELECT m.name AS in_table, c.name AS called FROM sqlite_master m, pragma_table_info(m.name) c \
            WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name <> '_sqlx_migrations' \
            ORDER BY m.name, c.name";
        let rows = on.rows(sql, vec![]).await.unwrap();
        let there: Vec<_> =
            rows.iter().map(|row| (row.text("in_table").unwrap(), row.text("called").unwrap())).collect();
        let mut known: Vec<_> = TABLES
            .iter()
            .flat_map(|table| table.columns.iter().map(|(name, _)| (table.name.to_owned(), (*name).to_owned())))
            .collect();
        known.sort();
        assert_eq!(known, there);
    }
}
