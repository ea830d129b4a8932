//! `authgate demo`: an echo backend, the gateway on SQLite in a temporary folder, two users; gone on Ctrl-C.
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{Exit, Out, echo, run as serving};
use crate::account::{NewPerson, Source};
use crate::app::{App, How};
use crate::base::{Clock, Role, Secret, Timestamp, Ulid};
use crate::config::{self, Environment};
use crate::observe::Chain;

/// Try it out: an echo backend, the gateway and two users, gone on Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  authgate demo\n  authgate demo --port 9000")]
pub(super) struct DemoArgs {
    /// The gateway's port; else 8080, or a free one when that is taken
    #[arg(long)]
    port: Option<u16>,
}

pub(super) fn run(args: &DemoArgs, out: &mut Out) -> Exit {
    let folder = match Folder::make() {
        Ok(folder) => folder,
        Err(error) => {
            out.error(format_args!("cannot make a temporary folder: {error}"));
            return Exit::Unknown;
        }
    };
    let runtime = match serving::runtime(2) {
        Ok(runtime) => runtime,
        Err(error) => {
            out.error(format_args!("cannot start the threads that serve: {error}"));
            return Exit::Unknown;
        }
    };
    let exit = runtime.block_on(async {
        match start(args, &folder.0).await {
            Ok(app) => {
                out.line(words(&app.site()));
                out.flush();
                app.until_stopped().await;
                Exit::Done
            }
            Err(why) => {
                out.error(why);
                Exit::Unknown
            }
        }
    });
    runtime.shutdown_background();
    exit
}

async fn start(args: &DemoArgs, folder: &Path) -> Result<App, String> {
    let backend = echo::start().await.map_err(|error| format!("cannot start the echo backend: {error}"))?;
    let port = args.port.unwrap_or_else(free_port);
    let file = folder.join("gateway.toml");
    fs::write(&file, settings(port, backend, folder))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    let environment = Environment::bare();
    let loaded = config::load(&file, &environment).map_err(|error| serving::words(&error, false))?;
    let app = App::start(file, loaded, environment, How { clock: Clock::system(), colour: true })
        .await
        .map_err(|error| Chain(&error).to_string())?;
    for (name, password, roles) in PEOPLE {
        add(&app, name, password, roles).await?;
    }
    Ok(app)
}

async fn add(app: &App, name: &str, password: &str, roles: &[&str]) -> Result<(), String> {
    let person = NewPerson {
        username: Some(name.to_owned()),
        password: Some(Secret::new(password.to_owned())),
        roles: roles.iter().filter_map(|role| Role::parse(role).ok()).collect(),
        ..NewPerson::default()
    };
    let added = app.accounts().people().add(&person, &Source::default()).await;
    added.map(drop).map_err(|error| Chain(&error).to_string())
}

fn settings(port: u16, backend: SocketAddr, folder: &Path) -> String {
    format!(
        r#"[server]
listen = "127.0.0.1:{port}"

[[routes]]
prefix = "/"
upstream = "http://{backend}"
auth = "none"

[[routes]]
prefix = "/api"
upstream = "http://{backend}"

[[routes]]
prefix = "/api/admin"
upstream = "http://{backend}"
roles = ["admin"]

[store]
url = "sqlite:{}/authgate.db"

[admin]
listen = "127.0.0.1:0"
"#,
        folder.display()
    )
}

fn words(site: &str) -> String {
    format!(
        r#"authgate demo: an echo backend behind {site}, all of it gone when you press Ctrl-C
  open    /            login   /api            login + role admin   /api/admin
  people  ann (admin)  password {ann}     bob  password {bob}

Try, in another terminal:

  curl -i {site}/api/hello                     # 401: nobody is signed in

  TOKEN=$(curl -s {site}/auth/login -H 'content-type: application/json' \
    -d '{{"username":"bob","password":"{bob}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

  curl -s {site}/api/hello -H "authorization: Bearer $TOKEN"      # the backend sees Remote-User: bob

  curl -i {site}/api/admin -H "authorization: Bearer $TOKEN"      # 403: bob lacks the role; ann has it
"#,
        ann = PEOPLE[0].1,
        bob = PEOPLE[1].1,
    )
}

/// 8080 where it is free, as the words in every guide say; else any.
fn free_port() -> u16 {
    let usual = TcpListener::bind((Ipv4Addr::LOCALHOST, 8080)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    usual.and_then(|listener| listener.local_addr()).map_or(0, |address| address.port())
}

/// A folder that is gone when the demo is.
struct Folder(PathBuf);

impl Folder {
    fn make() -> std::io::Result<Self> {
        let name = format!("authgate-demo-{}", Ulid::new(Timestamp::from_millis(0)));
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const PEOPLE: [(&str, &str, &[&str]); 2] =
    [("ann", "correct-horse-7", &["user", "admin"]), ("bob", "battery-staple-9", &["user"])];

#[cfg(test)]
mod tests {
    #[test]
    fn the_readme_shows_what_is_printed() {
        let words = super::words("http://localhost:8080");
        assert!(include_str!("../../README.md").contains(&words), "README.md does not hold:\n{words}");
    }
}
