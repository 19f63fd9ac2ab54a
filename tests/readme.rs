//! The README shows what the examples do.

#[test]
fn the_readme_shows_the_examples_as_they_are() {
    let readme = include_str!("../README.md");
    for example in [
        include_str!("../examples/blocking.rs"),
        include_str!("../examples/smol.rs"),
        include_str!("../examples/tokio.rs"),
    ] {
        let (_title, code) = example.split_once("\n\n").expect("a title, then code");
        assert!(readme.contains(code.trim()), "the README does not show:\n{code}");
    }
}
