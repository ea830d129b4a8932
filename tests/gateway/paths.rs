//! What is matched is what is forwarded; the rows of the catalogue are in `cases`.
use crate::support::{Gateway, Upstream};

#[test]
fn an_administrator_reaches_the_canonical_path() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let admin = gateway.add_admin("boss");
    for path in ["/app/%61dmin", "/app/a%64min", "/%61%70%70/admin"] {
        gateway.get(path).bearer(&admin.access).send().expect(200);
        assert_eq!(upstream.last().target, "/app/admin");
    }
}
