//! One person as JSON (or YAML), by the names that each program uses.
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use super::read::{FIREBASE_SALT, Format, Row};
use crate::account::Brought;
use crate::base::{Secret, Timestamp};

/// Reads one person.
pub(super) fn person(value: &Value, format: Format) -> Result<Brought, String> {
    if !value.is_object() {
        return Err("is not an object".to_owned());
    }
    match format {
        Format::Keycloak => keycloak(value),
        Format::Firebase => firebase(value),
        Format::Csv | Format::Json | Format::Htpasswd | Format::Authelia | Format::Supabase | Format::Auth0 => {
            plain(value)
        }
    }
}

/// Our own names, and those of Supabase and Auth0, which do not overlap.
fn plain(value: &Value) -> Result<Brought, String> {
    let hash = first(value, &["password_hash", "passwordHash", "encrypted_password"]);
    let metadata = |key: &str| {
        let found = value.get("raw_user_meta_data").or_else(|| value.get("user_metadata"))?;
        text(&as_json(found), key)
    };
    let verified = flag(value, "email_verified")? || text(value, "email_confirmed_at").is_some();
    let banned = text(value, "banned_until").is_some() || flag(value, "blocked")?;
    Ok(Brought {
        username: text(value, "username"),
        email: text(value, "email"),
        email_verified: verified,
        name: text(value, "name").or_else(|| metadata("full_name")).or_else(|| metadata("name")),
        password_hash: hash.map(Secret::new),
        roles: list(value, "roles")?,
        usual_roles: false,
        scopes: list(value, "scopes")?.unwrap_or_default(),
        attributes: attributes(value)?,
        disabled: flag(value, "disabled")? || banned,
        created_at: time(value, "created_at")?,
    })
}

fn attributes(value: &Value) -> Result<crate::store::Attributes, String> {
    let Some(found) = value.get("attributes").filter(|found| !found.is_null()) else { return Ok(Default::default()) };
    let found = as_json(found);
    let pairs = found.as_object().ok_or("attributes is not an object")?;
    let texts = pairs.iter().filter_map(|(key, value)| match value {
        Value::String(text) => Some((key.clone(), text.clone())),
        Value::Array(all) => Some((key.clone(), all.first()?.as_str()?.to_owned())),
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Some((key.clone(), value.to_string())),
    });
    Ok(texts.collect())
}

fn keycloak(value: &Value) -> Result<Brought, String> {
    let name = [text(value, "firstName"), text(value, "lastName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let password = value.get("credentials").and_then(Value::as_array).into_iter().flatten();
    let password = password.into_iter().find(|one| text(one, "type").as_deref() == Some("password"));
    // One role stands there for those that everybody has.
    let (usual, roles): (Vec<_>, Vec<_>) =
        list(value, "realmRoles")?.unwrap_or_default().into_iter().partition(|role| role.starts_with("default-roles-"));
    let said = value.get("realmRoles").is_some_and(|roles| !roles.is_null());
    let enabled = value.get("enabled").is_none() || flag(value, "enabled")?;
    Ok(Brought {
        username: text(value, "username"),
        email: text(value, "email"),
        email_verified: flag(value, "emailVerified")?,
        name: Some(name).filter(|name| !name.is_empty()),
        password_hash: password.map(keycloak_hash).transpose()?.map(Secret::new),
        roles: said.then_some(roles),
        usual_roles: !usual.is_empty(),
        scopes: vec![],
        attributes: attributes(value)?,
        disabled: !enabled,
        created_at: time(value, "createdTimestamp")?,
    })
}

/// Two texts that hold JSON: the secret one with value and salt, and the other with algorithm and cost.
fn keycloak_hash(credential: &Value) -> Result<String, String> {
    let part = |name: &str| credential.get(name).map(as_json).unwrap_or_default();
    let (secret, data) = (part("secretData"), part("credentialData"));
    let found = || {
        let (hash, salt) = (text(&secret, "value")?, text(&secret, "salt")?);
        Some((text(&data, "algorithm")?, data.get("hashIterations")?.as_u64()?, salt, hash))
    };
    let (algorithm, iterations, salt, hash) = found().ok_or("the password has no algorithm, salt or hash")?;
    let further = |name: &str| data.get("additionalParameters").and_then(|all| all.get(name)?.get(0)?.as_str());
    match algorithm.as_str() {
        "pbkdf2" => Ok(format!("$pbkdf2${iterations}${salt}${hash}")),
        "pbkdf2-sha256" | "pbkdf2-sha512" => Ok(format!("${algorithm}${iterations}${salt}${hash}")),
        "argon2" => {
            let kind = further("type").unwrap_or("id");
            let (memory, lanes) = (further("memory").unwrap_or("7168"), further("parallelism").unwrap_or("1"));
            let (salt, hash) = (salt.trim_end_matches('='), hash.trim_end_matches('='));
            Ok(format!("$argon2{kind}$v=19$m={memory},t={iterations},p={lanes}${salt}${hash}"))
        }
        other => Err(format!("hash scheme {other:?} of Keycloak is not known: see authgate help import")),
    }
}

fn firebase(value: &Value) -> Result<Brought, String> {
    let (hash, salt) = (text(value, "passwordHash"), text(value, "salt"));
    let salt = salt.filter(|_| hash.is_some()).map(|salt| (FIREBASE_SALT.to_owned(), salt));
    Ok(Brought {
        email: text(value, "email"),
        email_verified: flag(value, "emailVerified")?,
        name: text(value, "displayName"),
        password_hash: hash.map(Secret::new),
        attributes: salt.into_iter().collect(),
        disabled: flag(value, "disabled")?,
        created_at: time(value, "createdAt")?,
        ..Brought::default()
    })
}

/// `users_database.yml`: a map of names.
pub(super) fn authelia(source: &str) -> Result<impl Iterator<Item = Row> + use<>, String> {
    let mut all = YamlLoader::load_from_str(source).map_err(|error| error.to_string())?;
    let users = all.first_mut().and_then(|document| {
        let Yaml::Hash(map) = document else { return None };
        map.remove(&Yaml::String("users".to_owned()))
    });
    let Some(Yaml::Hash(users)) = users else { return Err("it has no map `users`".to_owned()) };
    Ok((1..).zip(users).map(|(line, (name, user))| {
        let field = |key: &str| user[key].as_str().map(str::to_owned);
        let groups = user["groups"].as_vec().map(|groups| groups.iter().filter_map(|group| group.as_str()));
        let name = name.into_string().ok_or_else(|| "the name is not text".to_owned());
        let person = name.map(|name| Brought {
            username: Some(name),
            email: field("email"),
            name: field("displayname"),
            password_hash: field("password").map(Secret::new),
            roles: groups.map(|groups| groups.map(str::to_owned).collect()),
            disabled: user["disabled"].as_bool().unwrap_or(false),
            ..Brought::default()
        });
        Row { line, person }
    }))
}

/// A text that is there; a number counts as its text.
fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn first(value: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| text(value, key))
}

fn flag(value: &Value, key: &str) -> Result<bool, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::Number(number)) => Ok(number.as_u64() != Some(0)),
        Some(Value::String(text)) => match text.trim().to_lowercase().as_str() {
            "" | "false" | "no" | "f" | "n" | "0" => Ok(false),
            "true" | "yes" | "t" | "y" | "1" => Ok(true),
            _ => Err(format!("{key} is neither true nor false")),
        },
        Some(Value::Array(_) | Value::Object(_)) => Err(format!("{key} is neither true nor false")),
    }
}

/// An array of texts, or one text with `;` between them, where there is one.
fn list(value: &Value, key: &str) -> Result<Option<Vec<String>>, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(all)) => all
            .iter()
            .map(|one| one.as_str().map(str::to_owned).ok_or_else(|| format!("{key} holds what is not text")))
            .collect::<Result<_, _>>()
            .map(Some),
        Some(Value::String(text)) => {
            Ok(Some(text.split(';').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()))
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(format!("{key} is not a list")),
    }
}

/// RFC 3339, the way PostgreSQL writes times, a date, or seconds or milliseconds since 1970.
fn time(value: &Value, key: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = text(value, key) else { return Ok(None) };
    let millis = match text.parse::<i64>() {
        Ok(number) if number < 100_000_000_000 => number.saturating_mul(1000),
        Ok(number) => number,
        Err(_) => text
            .parse::<jiff::Timestamp>()
            .or_else(|_| format!("{text}T00:00:00Z").parse())
            .or_else(|_| format!("{text}Z").parse::<jiff::Timestamp>())
            .map_err(|_| format!("{key} {text:?} is not a time such as 2026-09-22T10:41:00Z"))?
            .as_millisecond(),
    };
    if (0..=jiff::Timestamp::MAX.as_millisecond()).contains(&millis) {
        Ok(Some(Timestamp::from_i64(millis)))
    } else {
        Err(format!("{key} {text:?} is not between 1970 and 9999"))
    }
}

/// Some programs write JSON as a text inside JSON or CSV.
fn as_json(value: &Value) -> Value {
    value.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}
