//! What a request costs on its way: its path, its fields, and the route it belongs to.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use authgate::door::WayBench;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::uri::PathAndQuery;

fn path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("path");
    for (name, path) in [
        ("plain", "/service-1/api/items/4711?page=2"),
        ("escaped", "/service-1/api/%c3%a9t%c3%a9/a%20b?page=2"),
        ("respelt", "/service-1/%61pi/items/4711?page=2"),
        ("refused", "/service-1/api/..%2fadmin"),
    ] {
        let target = PathAndQuery::from_static(path);
        assert_eq!(WayBench::read_path(&target), name != "refused");
        group.bench_function(name, |bencher| bencher.iter(|| WayBench::read_path(black_box(&target))));
    }
    group.finish();
}

fn fields(criterion: &mut Criterion) {
    let bench = WayBench::new(10).unwrap();
    let browser = WayBench::browser();
    let mut spoofed = browser.clone();
    for name in ["remote-user", "remote_groups", "x-forwarded-for"] {
        spoofed.insert(name, http::HeaderValue::from_static("root"));
    }
    assert!(bench.admit(browser.clone()));
    assert_eq!(bench.admit_and_build(browser.clone()), bench.admit_and_build(spoofed.clone()));

    let mut group = criterion.benchmark_group("fields");
    for (name, headers) in [("browser", browser), ("spoofed", spoofed)] {
        group.bench_function(format!("{name}, admitted"), |bencher| {
            bencher.iter_batched(|| headers.clone(), |headers| bench.admit(headers), BatchSize::SmallInput);
        });
        group.bench_function(format!("{name}, admitted and built anew"), |bencher| {
            bencher.iter_batched(|| headers.clone(), |headers| bench.admit_and_build(headers), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn routes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("routes");
    for count in [10_usize, 100, 1_000] {
        let bench = WayBench::new(count).unwrap();
        let last = count - 1;
        let found = PathAndQuery::try_from(format!("/service-{last}/api/items/4711")).unwrap();
        let none = PathAndQuery::from_static("/elsewhere/items/4711");
        assert_eq!((bench.find(&found), bench.find(&none)), (Some(last), None));
        group.bench_function(format!("{count}, found"), |bencher| bencher.iter(|| bench.find(black_box(&found))));
        group.bench_function(format!("{count}, none"), |bencher| bencher.iter(|| bench.find(black_box(&none))));
    }
    group.finish();
}

criterion_group!(benches, path, fields, routes);
criterion_main!(benches);
