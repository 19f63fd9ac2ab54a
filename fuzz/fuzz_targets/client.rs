#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rocketmq_producer_testkit::fuzzing::client(data));
