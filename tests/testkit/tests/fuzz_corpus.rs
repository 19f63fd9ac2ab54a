//! Every committed input of every fuzz target, without a fuzzer.

use std::{fs, path::Path};

use rocketmq_producer_testkit::fuzzing;

#[test]
fn row_4_and_24_streams_of_frames_never_panic() {
    replay("frame", fuzzing::frame);
}

#[test]
fn row_4_and_24_headers_never_panic() {
    replay("header", fuzzing::header);
}

#[test]
fn row_4_and_32_routes_never_panic() {
    replay("route", fuzzing::route);
}

#[test]
fn row_4_and_16_lives_of_a_link_never_panic() {
    replay("link", fuzzing::link);
}

#[test]
fn row_4_lives_of_a_client_never_panic_and_no_host_harms_another() {
    replay("client", fuzzing::client);
}

#[test]
fn lives_of_clusters_break_no_rule() {
    replay("world", fuzzing::world);
}

fn replay(target: &str, keeps_its_promises: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("the folder can be read").path();
        println!("{}", path.display());
        keeps_its_promises(&fs::read(&path).expect("the file can be read"));
        inputs += 1;
    }
    assert!(inputs >= 10, "{} has only {inputs} inputs", folder.display());
}
