//! Listening sockets: options set before bind, errors told with cause and cure.
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::ListenAddress;

/// Why an address cannot be listened on. The text names the cause and the cure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("{address} is in use: stop the program that listens there, or write another address")]
    InUse { address: ListenAddress },
    #[error(
        "{address} overlaps {held}, where this gateway listens already: name one of the two, or take one of them out with a restart"
    )]
    Overlaps { address: ListenAddress, held: ListenAddress },
    #[error("not allowed to listen on {address}: {cure}")]
    NotAllowed { address: ListenAddress, cure: &'static str },
    #[error("{address} is not an address of this machine: use one of its own, or 0.0.0.0 or [::] for all of them")]
    NotOurs { address: ListenAddress },
    #[error("{} is there and is not a socket: name another path, or remove it yourself", path.display())]
    NotASocket { path: PathBuf },
    #[error("the folder of {} is not there: make it first", path.display())]
    NoFolder { path: PathBuf },
    #[error("cannot listen on {address}")]
    Other {
        address: ListenAddress,
        #[source]
        source: io::Error,
    },
}

/// A socket that listens, not yet part of any runtime.
#[derive(Debug)]
pub(super) struct Listener {
    /// As the operator wrote it: tells whether a reload keeps it.
    pub(super) asked: ListenAddress,
    /// With the port that was found for port 0.
    pub(super) actual: ListenAddress,
    socket: Socket,
}

/// A socket that listens inside the runtime.
#[derive(Debug)]
pub(super) enum Accepting {
    Tcp(tokio::net::TcpListener),
    /// The file is removed when this is dropped.
    Unix(tokio::net::UnixListener, #[expect(dead_code, reason = "held for its drop")] SocketFile),
}

/// A unix socket's file; removed when its listener ends.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

/// What was accepted.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

/// Binds and listens. `all` are the addresses of the whole list: an IPv6 wildcard leaves IPv4 to a neighbour of the same
/// port, and takes it along when there is none.
pub(super) fn listen(address: &ListenAddress, all: &[ListenAddress]) -> Result<Listener, BindError> {
    match address {
        ListenAddress::Tcp(wanted) => {
            let socket = listen_tcp(*wanted, all).map_err(|error| tell(address, error))?;
            let actual = socket.local_addr().map_err(|error| tell(address, error))?.as_socket().unwrap_or(*wanted);
            Ok(Listener { asked: address.clone(), actual: ListenAddress::Tcp(actual), socket })
        }
        ListenAddress::Unix(path) => {
            remove_stale(path, address)?;
            let socket = listen_unix(path).map_err(|error| tell(address, error))?;
            Ok(Listener { asked: address.clone(), actual: address.clone(), socket })
        }
    }
}

/// The same where listeners of this program hold the port, which are closed right after: nobody who comes meanwhile finds it shut.
pub(super) fn listen_beside(
    leaving: &[Arc<Accepting>],
    address: &ListenAddress,
    all: &[ListenAddress],
) -> Result<Listener, BindError> {
    let ListenAddress::Tcp(wanted) = address else { return listen(address, all) };
    // The system lets sockets of one user share a port as long as all of them say so.
    leaving.iter().for_each(|listener| listener.share_port(true));
    let listening = listen_tcp_beside(*wanted, all);
    leaving.iter().for_each(|listener| listener.share_port(false));
    let socket = listening.map_err(|error| tell(address, error))?;
    Ok(Listener { asked: address.clone(), actual: address.clone(), socket })
}

impl Listener {
    /// Hands the socket to the runtime of the caller.
    pub(super) fn accepting(self) -> io::Result<Accepting> {
        match self.asked {
            ListenAddress::Tcp(_) => tokio::net::TcpListener::from_std(self.socket.into()).map(Accepting::Tcp),
            ListenAddress::Unix(path) => {
                let listener = tokio::net::UnixListener::from_std(self.socket.into())?;
                Ok(Accepting::Unix(listener, SocketFile(path)))
            }
        }
    }
}

impl Accepting {
    /// Who vanishes without a word while something is on its way to them is given up after so long; the system alone would try for a
    /// quarter of an hour. Sockets that are accepted from now on inherit it.
    pub(super) fn give_up_after(&self, patience: Duration) {
        let Self::Tcp(listener) = self else { return };
        if let Err(error) = SockRef::from(listener).set_tcp_user_timeout(Some(patience)) {
            tracing::debug!(%error, "clients that vanish are given up when the system does");
        }
    }

    fn share_port(&self, shared: bool) {
        let Self::Tcp(listener) = self else { return };
        if let Err(error) = SockRef::from(listener).set_reuse_port(shared) {
            tracing::debug!(%error, "cannot share a port");
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Stream, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Some(from.ip().to_canonical())))
            }
            Self::Unix(listener, _) => Ok((Stream::Unix(listener.accept().await?.0), None)),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another program may have removed it already, and that is as good.
        drop(fs::remove_file(&self.0));
    }
}

fn listen_tcp(address: SocketAddr, all: &[ListenAddress]) -> io::Result<Socket> {
    let socket = tcp_socket(address, all)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn listen_tcp_beside(address: SocketAddr, all: &[ListenAddress]) -> io::Result<Socket> {
    let socket = tcp_socket(address, all)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    // From here on another program is told that the port is in use.
    socket.set_reuse_port(false)?;
    Ok(socket)
}

fn tcp_socket(address: SocketAddr, all: &[ListenAddress]) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the last run that are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(has_ipv4_neighbour(address, all))?;
    }
    // Accepted sockets inherit it, which saves a system call for each of them.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Where it has one, `::` is listened on for IPv6 alone.
pub(crate) fn has_ipv4_neighbour(address: SocketAddr, all: &[ListenAddress]) -> bool {
    all.iter()
        .any(|other| matches!(other, ListenAddress::Tcp(other) if other.is_ipv4() && other.port() == address.port()))
}

fn listen_unix(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before `listen`: nobody can connect while the mode is still what the umask made of it.
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Removes a socket that a killed run left behind; one that somebody listens on stays.
fn remove_stale(path: &Path, address: &ListenAddress) -> Result<(), BindError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| tell(address, error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(tell(address, error)),
        // It answers, or its queue is full: somebody is there.
        Ok(_) | Err(_) => Err(BindError::InUse { address: address.clone() }),
    }
}

fn tell(address: &ListenAddress, error: io::Error) -> BindError {
    let address = address.clone();
    match (error.kind(), &address) {
        (io::ErrorKind::AddrInUse, _) => BindError::InUse { address },
        (io::ErrorKind::AddrNotAvailable, _) => BindError::NotOurs { address },
        (io::ErrorKind::PermissionDenied, ListenAddress::Tcp(_)) => BindError::NotAllowed {
            address,
            cure: "ports below 1024 need CAP_NET_BIND_SERVICE; take a higher port, or give the program that right",
        },
        (io::ErrorKind::PermissionDenied, ListenAddress::Unix(_)) => {
            BindError::NotAllowed { address, cure: "the user of this program must own the folder of the socket" }
        }
        (io::ErrorKind::NotFound, ListenAddress::Unix(path)) => BindError::NoFolder { path: path.clone() },
        _ => BindError::Other { address, source: error },
    }
}

/// Connections the kernel keeps for us while we are busy; it takes the smaller of this and its own bound.
const BACKLOG: i32 = 4096;
/// The program itself and its group, so that a web server in the group can connect.
const SOCKET_MODE: u32 = 0o660;

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> ListenAddress {
        ListenAddress::Tcp(text.parse().unwrap())
    }

    #[test]
    fn an_address_in_use_is_told_with_its_cure() {
        let first = listen(&tcp("127.0.0.1:0"), &[]).unwrap();
        let error = listen(&first.actual, &[]).unwrap_err();
        assert!(matches!(error, BindError::InUse { .. }));
        assert!(error.to_string().contains("is in use: stop the program that listens there"), "{error}");
    }

    #[test]
    fn an_address_of_another_machine_is_told() {
        let error = listen(&tcp("192.0.2.1:0"), &[]).unwrap_err();
        assert!(matches!(error, BindError::NotOurs { .. }), "{error}");
    }

    #[test]
    fn an_ipv6_wildcard_leaves_ipv4_to_a_neighbour() {
        let Ok(both) = listen(&tcp("[::]:0"), &[]) else { return };
        assert!(!both.socket.only_v6().unwrap());
        let ListenAddress::Tcp(address) = both.actual else { panic!("asked for TCP") };
        let neighbour = SocketAddr::new("0.0.0.0".parse().unwrap(), address.port());
        assert!(has_ipv4_neighbour(address, &[ListenAddress::Tcp(neighbour)]));
        assert!(!has_ipv4_neighbour(address, &[tcp("0.0.0.0:1")]));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let address = ListenAddress::Unix(folder.path().join("gate.sock"));
        let first = listen(&address, &[]).unwrap();
        assert!(matches!(listen(&address, &[]).unwrap_err(), BindError::InUse { .. }));
        drop(first);
        let _second = listen(&address, &[]).unwrap();
        let mode = fs::metadata(folder.path().join("gate.sock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
    }

    #[test]
    fn a_file_in_the_way_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").unwrap();
        let error = listen(&ListenAddress::Unix(path.clone()), &[]).unwrap_err();
        assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
        assert_eq!(fs::read_to_string(path).unwrap(), "mine");
    }

    #[test]
    fn a_missing_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = listen(&ListenAddress::Unix(folder.path().join("no/gate.sock")), &[]).unwrap_err();
        assert!(matches!(error, BindError::NoFolder { .. }), "{error}");
    }
}
