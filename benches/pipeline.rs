//! What a request costs from the client's socket to the backend and back: the gateway, a stub and a client in one process.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use authgate::door::PipelineBench;
use criterion::{Criterion, criterion_group, criterion_main};

fn pipeline(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = PipelineBench::start(folder.path()).unwrap();
    let mut group = criterion.benchmark_group("pipeline");
    for (name, path, signed_in, status) in [
        ("open", "/hello", false, 200),
        ("signed in", "/api/hello", true, 200),
        ("nobody", "/api/hello", false, 401),
        ("own endpoint", "/auth/healthz", false, 200),
    ] {
        let request = bench.request(path, signed_in);
        assert_eq!(bench.ask(&request).unwrap(), status, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| bench.ask(black_box(&request)).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
