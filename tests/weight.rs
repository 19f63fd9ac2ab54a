//! What a user pulls in.

use std::{collections::BTreeSet, process::Command};

/// Crates that exist to wait asynchronously.
const ASYNC: [&str; 10] = [
    "tokio",
    "smol",
    "mio",
    "polling",
    "event-listener",
    "atomic-waker",
    "async-",
    "futures",
    "concurrent-queue",
    "parking",
];

/// The packages of one crate's tree, macro crates included.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--prefix", "none", "--no-dedupe", "--edges", "normal", "--locked"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The tree of the facade with these features and no others.
fn tree_with(features: &str) -> BTreeSet<String> {
    tree(&["-p", "rocketmq-producer", "--no-default-features", "--features", features])
}

fn asynchronous(packages: &BTreeSet<String>) -> Vec<&String> {
    packages.iter().filter(|package| ASYNC.iter().any(|name| package.starts_with(name))).collect()
}

#[test]
fn row_56_core_has_at_most_20_packages() {
    let packages = tree(&["-p", "rocketmq-producer-core"]);
    assert!(packages.len() <= 20, "{} packages: {packages:?}", packages.len());
}

#[test]
fn row_50_core_depends_on_no_runtime() {
    let packages = tree(&["-p", "rocketmq-producer-core"]);
    assert!(asynchronous(&packages).is_empty(), "{:?}", asynchronous(&packages));
}

#[test]
fn row_51_the_blocking_producer_has_no_async_crate() {
    let packages = tree_with("blocking");
    assert!(asynchronous(&packages).is_empty(), "{:?}", asynchronous(&packages));
}

#[test]
fn row_51_a_blocking_producer_that_polls_has_mio_and_what_that_stands_on() {
    let (packages, without) = (tree_with("mio"), tree_with("blocking"));
    let added: Vec<_> = packages.difference(&without).filter(|name| *name != "libc").collect();
    assert_eq!(added, ["mio"]);
}

#[test]
#[ignore = "needs the target wasm32-unknown-unknown"]
fn row_52_core_builds_where_there_is_no_operating_system() {
    let status = Command::new(env!("CARGO"))
        .args(["check", "-p", "rocketmq-producer-core", "--target", "wasm32-unknown-unknown"])
        .args(["--target-dir", concat!(env!("CARGO_TARGET_TMPDIR"), "/wasm")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(status.success());
}
