//! What the compiler cannot check stands in one file.

use std::fs;

#[test]
fn no_other_file_has_an_unsafe_block() {
    let mut seen = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let blocks = ["unsafe {", "unsafe fn", "unsafe impl"].iter().map(|word| text.matches(word).count()).sum::<usize>();
        if path.ends_with("sys.rs") {
            seen = blocks;
        } else {
            assert_eq!(blocks, 0, "{}", path.display());
        }
        assert!(text.lines().count() < 500, "{} is too long to be read", path.display());
    }
    assert!(seen > 0, "this test sees no unsafe block at all");
}
