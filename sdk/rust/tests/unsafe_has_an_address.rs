//! What the compiler cannot check stands in one file.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else {
            into.push(path);
        }
    }
}

#[test]
fn no_other_file_has_an_unsafe_block() {
    let (mut seen, mut files) = (0, Vec::new());
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    for path in files {
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
