//! The table of routes, a tree of path segments: the longest prefix wins whatever the order.
use super::hosts::ByHost;
use super::{Route, Settings};
use crate::wire::{CanonPath, PathError};

/// All routes, checked and unchangeable.
#[derive(Debug, Clone)]
pub(crate) struct RouteTable {
    routes: Vec<Route>,
    root: Node,
    /// Hosts that some route names.
    hosts: ByHost<()>,
    every_route_has_hosts: bool,
}

/// What a look into the table finds.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Route(&'a Route),
    /// No route covers the path.
    NoRoute,
    /// Every route is for certain hosts, and this host is none of them.
    UnknownHost,
}

/// A route whose prefix is not canonical. `config` says where and why; this is for settings made by hand.
#[derive(Debug, thiserror::Error)]
#[error("route {index} has a prefix that is not canonical")]
pub(crate) struct BadRoute {
    pub(crate) index: usize,
    #[source]
    pub(crate) why: PathError,
}

/// What stands at one prefix, and what lies below it.
#[derive(Debug, Clone, Default)]
struct Node {
    /// Indices into `routes`.
    here: ByHost<usize>,
    /// Sorted by segment.
    below: Vec<(Box<[u8]>, Self)>,
}

impl RouteTable {
    pub(crate) fn new(settings: Vec<Settings>) -> Result<Self, BadRoute> {
        let routes: Vec<_> =
            settings.into_iter().enumerate().map(|(at, one)| Route::new(at, one)).collect::<Result<_, _>>()?;
        let mut root = Node::default();
        let mut hosts = ByHost::default();
        for route in &routes {
            let node = segments(route.prefix().octets()).fold(&mut root, Node::child);
            for host in &route.settings.hosts {
                node.here.insert(Some(host), route.index);
                hosts.insert(Some(host), ());
            }
            if route.settings.hosts.is_empty() {
                node.here.insert(None, route.index);
            }
        }
        let every_route_has_hosts = !routes.is_empty() && routes.iter().all(|route| !route.settings.hosts.is_empty());
        Ok(Self { routes, root, hosts, every_route_has_hosts })
    }

    /// The route of the longest prefix; at one prefix, the one whose host fits best. `host` is lower case, without port.
    pub(crate) fn find(&self, host: &str, path: &CanonPath) -> Found<'_> {
        let mut node = &self.root;
        let mut best = node.here.find(host);
        for segment in segments(path.octets()) {
            let Some(next) = node.at(segment) else { break };
            best = next.here.find(host).or(best);
            node = next;
        }
        match best.and_then(|&index| self.routes.get(index)) {
            Some(route) => Found::Route(route),
            None if self.every_route_has_hosts && self.hosts.named(host).is_none() => Found::UnknownHost,
            None => Found::NoRoute,
        }
    }

    /// Every route that covers the path, the shortest prefix first: what `explain` shows.
    pub(crate) fn covering(&self, host: &str, path: &CanonPath) -> Vec<&Route> {
        let covers = |route: &&Route| route.prefix.covers(path) && route.is_for(host);
        let mut found: Vec<_> = self.routes.iter().filter(covers).collect();
        found.sort_by_key(|route| route.prefix.octets().len());
        found
    }
}

impl Node {
    fn at(&self, segment: &[u8]) -> Option<&Self> {
        let at = self.below.binary_search_by(|(known, _)| (**known).cmp(segment)).ok()?;
        self.below.get(at).map(|(_, node)| node)
    }

    fn child(&mut self, segment: &[u8]) -> &mut Self {
        let at = match self.below.binary_search_by(|(known, _)| (**known).cmp(segment)) {
            Ok(at) => at,
            Err(at) => {
                self.below.insert(at, (segment.into(), Self::default()));
                at
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found there, or put there just now")]
        &mut self.below[at].1
    }
}

/// "/a/b" has two, "" and "/" have none that a route could stand at.
fn segments(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    octets.split(|&octet| octet == b'/').skip(1)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::authz::{self, Asks};
    use crate::routes::Place;
    use crate::wire::PathPrefix;

    pub(in crate::routes) fn route(prefix: &str, hosts: &[&str]) -> Settings {
        Settings {
            prefix: prefix.to_owned(),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            methods: Vec::new(),
            policy: authz::Settings {
                auth: Asks::Somebody,
                roles: Vec::new(),
                scopes: Vec::new(),
                fresh_login: None,
                mfa: false,
                mode: authz::Mode::Enforce,
            },
            upstream: prefix.to_owned(),
            strip_prefix: false,
            forward_token: false,
            max_body: 1024,
            timeout: None,
            place: Place { file: Arc::from("gateway.toml"), line: 1 },
            edge: crate::routes::Edge::default(),
            places: crate::routes::Places::default(),
        }
    }

    fn table(routes: &[(&str, &[&str])]) -> RouteTable {
        RouteTable::new(routes.iter().map(|(prefix, hosts)| route(prefix, hosts)).collect()).unwrap()
    }

    fn ask(table: &RouteTable, host: &str, path: &str) -> String {
        match table.find(host, &CanonPath::parse_text(path).unwrap()) {
            Found::Route(route) => route.index.to_string(),
            Found::NoRoute => "no route".to_owned(),
            Found::UnknownHost => "unknown host".to_owned(),
        }
    }

    #[test]
    fn the_longest_prefix_wins_in_whatever_order() {
        let one = table(&[("/", &[]), ("/app", &[]), ("/app/admin", &[])]);
        let other = table(&[("/app/admin", &[]), ("/app", &[]), ("/", &[])]);
        for (path, first, second) in [
            ("/", "0", "2"),
            ("/app", "1", "1"),
            ("/app/", "1", "1"),
            ("/app/x/y/z", "1", "1"),
            ("/app/admin", "2", "0"),
            ("/app/%61dmin/x", "2", "0"),
            ("/application", "0", "2"),
            ("/APP", "0", "2"),
        ] {
            assert_eq!((ask(&one, "g", path).as_str(), ask(&other, "g", path).as_str()), (first, second), "{path}");
        }
    }

    #[test]
    fn what_no_route_covers_goes_nowhere() {
        let table = table(&[("/pub", &[]), ("/a/b", &[])]);
        for path in ["/", "/publicity", "/pub.bak", "/pub-x/y", "/a", "/a/bc", "/PUB/x", "/pub%20/x"] {
            assert_eq!(ask(&table, "g", path), "no route", "{path}");
        }
        assert_eq!(ask(&RouteTable::new(Vec::new()).unwrap(), "g", "/"), "no route");
    }

    #[test]
    fn a_named_host_comes_before_any_host_at_the_same_prefix() {
        let table = table(&[("/", &[]), ("/", &["app.example.org"]), ("/", &["*.example.org"]), ("/api", &[])]);
        assert_eq!(ask(&table, "other", "/x"), "0");
        assert_eq!(ask(&table, "app.example.org", "/x"), "1");
        assert_eq!(ask(&table, "x.example.org", "/x"), "2");
        assert_eq!(ask(&table, "app.example.org", "/api/x"), "3");
    }

    #[test]
    fn a_longer_prefix_of_another_host_does_not_hide_a_shorter_one() {
        let table = table(&[("/", &["a"]), ("/api", &["b"])]);
        assert_eq!(ask(&table, "a", "/api/x"), "0");
        assert_eq!(ask(&table, "b", "/api/x"), "1");
        assert_eq!(ask(&table, "b", "/"), "no route");
        assert_eq!(ask(&table, "evil", "/api"), "unknown host");
    }

    #[test]
    fn a_prefix_that_is_not_canonical_makes_no_table() {
        assert_eq!(RouteTable::new(vec![route("/", &[]), route("/a//b", &[])]).unwrap_err().index, 1);
    }

    #[test]
    fn a_very_deep_path_is_looked_up_without_ado() {
        let table = table(&[("/", &[]), ("/a/a", &[])]);
        assert_eq!(ask(&table, "g", &"/a".repeat(4000)), "1");
    }

    proptest! {
        #[test]
        fn the_tree_agrees_with_asking_each_prefix(
            prefixes in prop::collection::btree_set("(/[ab%]{1,2}){0,3}", 0..6),
            path in "(/[ab]{1,2}){1,4}/?",
        ) {
            let prefixes: Vec<_> = prefixes.iter().map(|text| text.replace('%', "%c3%a9")).collect();
            let prefixes: Vec<_> = prefixes.iter().map(|text| if text.is_empty() { "/" } else { text }).collect();
            let table = table(&prefixes.iter().map(|prefix| (*prefix, &[][..])).collect::<Vec<_>>());
            let canon = CanonPath::parse_text(&path).unwrap();
            let covering = prefixes.iter().enumerate().filter(|(_, text)| PathPrefix::parse(text).unwrap().covers(&canon));
            let longest = covering.max_by_key(|(_, text)| text.len()).map_or("no route".to_owned(), |(at, _)| at.to_string());
            prop_assert_eq!(ask(&table, "g", &path), longest);
        }
    }
}
