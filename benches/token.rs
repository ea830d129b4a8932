//! What a token costs: to sign, to verify, and to refuse, with each algorithm.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use authgate::door::TokenBench;
use criterion::{Criterion, criterion_group, criterion_main};

fn tokens(criterion: &mut Criterion) {
    for algorithm in ["HS256", "ES256", "EdDSA", "RS256", "PS256"] {
        let bench = TokenBench::new(algorithm).unwrap();
        let token = bench.sign().unwrap();
        // Another key's token: refused at the name of the key, before any cryptography.
        let foreign = TokenBench::new(algorithm).unwrap().sign().unwrap();
        // Our key's name over another signature: refused after all of it.
        let (message, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = foreign.rsplit_once('.').unwrap();
        let forged = format!("{message}.{signature}");
        assert!(bench.verify(&token) && !bench.verify(&foreign) && !bench.verify(&forged));

        let mut group = criterion.benchmark_group(algorithm);
        group.bench_function("verify", |bencher| bencher.iter(|| bench.verify(black_box(&token))));
        group.bench_function("refuse an unknown key", |bencher| bencher.iter(|| bench.verify(black_box(&foreign))));
        group.bench_function("refuse a forged signature", |bencher| bencher.iter(|| bench.verify(black_box(&forged))));
        group.bench_function("sign", |bencher| bencher.iter(|| black_box(bench.sign())));
        group.finish();
    }
}

criterion_group!(benches, tokens);
criterion_main!(benches);
