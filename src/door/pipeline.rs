//! The whole way of a request in one process: the gateway as `run` starts it, a stub for a backend, and a client.
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::account::{NewPerson, Source};
use crate::app::{App, How};
use crate::base::{Clock, Secret};
use crate::config::{self, Environment};

/// A gateway before a stub on loopback, and one connection to it that is kept.
#[derive(Debug)]
pub struct PipelineBench {
    connection: TcpStream,
    token: String,
    port: u16,
    _app: App,
    _runtime: Runtime,
}

impl PipelineBench {
    /// With its store in `folder`; what goes wrong is said in words.
    pub fn start(folder: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| told(&error))?;
        let (app, token) = runtime.block_on(Self::gateway(folder))?;
        let port = app.site().rsplit(':').next().and_then(|port| port.parse().ok()).ok_or("the gateway has no port")?;
        let connection = TcpStream::connect(("127.0.0.1", port)).map_err(|error| told(&error))?;
        connection.set_nodelay(true).map_err(|error| told(&error))?;
        Ok(Self { connection, token, port, _app: app, _runtime: runtime })
    }

    async fn gateway(folder: &Path) -> Result<(App, String), String> {
        let backend = stub().await.map_err(|error| error.to_string())?;
        let file = folder.join("gateway.toml");
        std::fs::write(&file, settings(backend, folder)).map_err(|error| error.to_string())?;
        let environment = Environment::bare();
        let loaded = config::load(&file, &environment).map_err(|error| error.to_string())?;
        let how = How { clock: Clock::system(), colour: false };
        let app = App::start(file, loaded, environment, how).await.map_err(|error| error.to_string())?;
        let password = Secret::new("correct horse 7".to_owned());
        let person = NewPerson {
            username: Some("ann".to_owned()),
            password: Some(Secret::new(password.expose().to_owned())),
            ..NewPerson::default()
        };
        app.accounts().people().add(&person, &Source::default()).await.map_err(|error| error.to_string())?;
        let signed_in = app.accounts().login("ann", &password, &Source::default()).await;
        let token = signed_in.map_err(|error| error.to_string())?.access_token;
        Ok((app, token))
    }

    /// The bytes of a request for `path`, signed in or not.
    pub fn request(&self, path: &str, signed_in: bool) -> Vec<u8> {
        let bearer = if signed_in { format!("Authorization: Bearer {}\r\n", self.token) } else { String::new() };
        let fields = "User-Agent: bench\r\nAccept: */*\r\n";
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{fields}{bearer}\r\n", self.port).into_bytes()
    }

    /// Sends a request and reads its answer to the end; the status.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.connection.write_all(request)?;
        let mut answer = [0_u8; 4096];
        let mut length = 0;
        loop {
            let space = answer.get_mut(length..).unwrap_or_default();
            let read = self.connection.read(space)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            length += read;
            let text = String::from_utf8_lossy(answer.get(..length).unwrap_or_default());
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let told = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= told.unwrap_or(0) {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
                return status.ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// Answers every head with the same few bytes.
async fn stub() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0_u8; 8192];
                // The gateway sends a head without a body in one piece.
                while socket.read(&mut head).await.is_ok_and(|read| read > 0) {
                    if socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}

fn settings(backend: SocketAddr, folder: &Path) -> String {
    format!(
        r#"[server]
listen = "127.0.0.1:0"

[[routes]]
prefix = "/"
upstream = "http://{backend}"
auth = "none"

[[routes]]
prefix = "/api"
upstream = "http://{backend}"

[store]
url = "sqlite:{}/authgate.db"

[admin]
listen = "127.0.0.1:0"

[log]
level = "error"
access = false
"#,
        folder.display()
    )
}
