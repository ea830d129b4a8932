#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| authgate::door::fuzz::forwarded(data).unwrap());
