//! The PROXY protocol, versions 1 and 2: a load balancer that forwards bytes says first for whom.
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Reads what stands before everything else, and not a byte more. `None`: the proxy speaks for itself (a health check).
///
/// It must be there: who may or may not announce would let a client announce itself.
pub(crate) async fn announced<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<IpAddr>> {
    // The shortest header of version 1 has 15 bytes.
    let mut start = [0_u8; 12];
    stream.read_exact(&mut start).await?;
    if start == *SIGNATURE {
        return version2(stream).await;
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_LINE || !line.starts_with(b"PROXY ") {
            return Err(malformed());
        }
        line.push(stream.read_u8().await?);
    }
    let line = std::str::from_utf8(&line).map_err(|_| malformed())?;
    version1(line.trim_end_matches("\r\n")).ok_or_else(malformed)
}

/// "PROXY TCP4 9.9.9.9 10.0.0.1 4711 443"
fn version1(line: &str) -> Option<Option<IpAddr>> {
    let mut words = line.split(' ').skip(1);
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, target): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let _ports: (u16, u16) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let fits = match family {
        "TCP4" => source.is_ipv4() && target.is_ipv4(),
        "TCP6" => source.is_ipv6() && target.is_ipv6(),
        _ => false,
    };
    (fits && words.next().is_none()).then(|| Some(source.to_canonical()))
}

async fn version2<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<IpAddr>> {
    let (command, family, length) = (stream.read_u8().await?, stream.read_u8().await?, stream.read_u16().await?);
    if length > LONGEST_BLOCK {
        return Err(malformed());
    }
    let mut block = vec![0_u8; usize::from(length)];
    stream.read_exact(&mut block).await?;
    match (command, family >> 4) {
        // LOCAL, or a family that has no addresses we know.
        (0x20, _) | (0x21, 0 | 3) => Ok(None),
        (0x21, 1) if block.len() >= 12 => {
            let source: Option<[u8; 4]> = block.first_chunk().copied();
            Ok(source.map(|source| IpAddr::V4(Ipv4Addr::from(source))))
        }
        (0x21, 2) if block.len() >= 36 => {
            let source: Option<[u8; 16]> = block.first_chunk().copied();
            Ok(source.map(|source| IpAddr::V6(Ipv6Addr::from(source)).to_canonical()))
        }
        _ => Err(malformed()),
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no well-formed PROXY header")
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The protocol's own bound for version 1.
const LONGEST_LINE: usize = 107;
/// Addresses take 216 bytes at most; the rest is for extensions.
const LONGEST_BLOCK: u16 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> Result<(Option<String>, Vec<u8>), io::ErrorKind> {
        let ip = announced(&mut bytes).await.map_err(|error| error.kind())?;
        Ok((ip.map(|ip| ip.to_string()), bytes.to_vec()))
    }

    fn second(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, block, b"GET"].concat()
    }

    #[tokio::test]
    async fn both_versions_are_read_and_not_a_byte_more() {
        let rest = b"GET".to_vec();
        for (bytes, ip) in [
            (b"PROXY TCP4 9.9.9.9 10.0.0.1 4711 443\r\nGET".to_vec(), Some("9.9.9.9")),
            (b"PROXY TCP6 2001:db8::9 ::1 4711 443\r\nGET".to_vec(), Some("2001:db8::9")),
            (b"PROXY UNKNOWN\r\nGET".to_vec(), None),
            (second(0x21, 0x11, &[9, 9, 9, 9, 10, 0, 0, 1, 0, 1, 0, 2]), Some("9.9.9.9")),
            (second(0x21, 0x11, &[9, 9, 9, 9, 10, 0, 0, 1, 0, 1, 0, 2, 4, 0, 0]), Some("9.9.9.9")),
            (second(0x21, 0x21, &[0x20; 36]), Some("2020:2020:2020:2020:2020:2020:2020:2020")),
            (second(0x20, 0, &[]), None),
        ] {
            assert_eq!(read(&bytes).await, Ok((ip.map(str::to_owned), rest.clone())), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn what_is_malformed_is_no_announcement() {
        for bytes in [
            b"GET / HTTP/1.1\r\nHost: g\r\n\r\n".to_vec(),
            b"PROXY TCP4 9.9.9.9 10.0.0.1 4711\r\n".to_vec(),
            b"PROXY TCP4 ::1 10.0.0.1 4711 443\r\n".to_vec(),
            b"PROXY TCP4 9.9.9.9 10.0.0.1 4711 443 1\r\n".to_vec(),
            b"PROXY TCP4  9.9.9.9 10.0.0.1 4711 443\r\n".to_vec(),
            b"PROXY TCP4 9.9.9.9 10.0.0.1 99999 443\r\n".to_vec(),
            [b"PROXY TCP4 ".as_slice(), &[b'9'; 200]].concat(),
            second(0x31, 0x11, &[0; 12]),
            second(0x22, 0x11, &[0; 12]),
            second(0x21, 0x11, &[0; 11]),
            second(0x21, 0x21, &[0; 35]),
            second(0x21, 0x11, &[0; 5000]),
        ] {
            assert_eq!(read(&bytes).await, Err(io::ErrorKind::InvalidData), "{bytes:?}");
        }
        assert_eq!(read(b"PROXY TCP4 9.9").await, Err(io::ErrorKind::UnexpectedEof));
    }
}
