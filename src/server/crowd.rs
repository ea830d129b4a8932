//! How many connections each address holds.
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Open connections by address. Bounded by the number of connections: an address that holds none has no entry.
#[derive(Debug, Default)]
pub(super) struct Crowd(Mutex<HashMap<IpAddr, usize>>);

/// One place in the crowd; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Crowd {
    /// A place for one more connection from `address`, or `None` when it holds `most` already.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Place> {
        let address = household(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_insert(0);
        if *count >= most {
            if *count == 0 {
                counts.remove(&address);
            }
            return None;
        }
        *count += 1;
        Some(Place { crowd: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Who an address stands for: one IPv6 customer has a whole /64 (RFC 6177), and could take a fresh address each time.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_gets_so_many_places_and_no_more() {
        let crowd = Arc::new(Crowd::default());
        let first = crowd.enter(address("10.0.0.1"), 2).unwrap();
        let _second = crowd.enter(address("::ffff:10.0.0.1"), 2).unwrap();
        assert!(crowd.enter(address("10.0.0.1"), 2).is_none());
        assert!(crowd.enter(address("10.0.0.2"), 2).is_some());
        drop(first);
        assert!(crowd.enter(address("10.0.0.1"), 2).is_some());
    }

    #[test]
    fn a_whole_64_counts_as_one() {
        let crowd = Arc::new(Crowd::default());
        let _first = crowd.enter(address("2001:db8::1"), 1).unwrap();
        assert!(crowd.enter(address("2001:db8::2:1"), 1).is_none());
        assert!(crowd.enter(address("2001:db8:0:1::1"), 1).is_some());
    }

    #[test]
    fn who_left_leaves_no_entry() {
        let crowd = Arc::new(Crowd::default());
        drop(crowd.enter(address("10.0.0.1"), 2));
        assert!(crowd.enter(address("10.0.0.9"), 0).is_none());
        assert!(crowd.0.lock().unwrap().is_empty());
    }
}
