//! The log: one JSON object a line on descriptor 2, which the host passes on.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::agreement::Level;

/// Writes lines of at least a level.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    pub least: Level,
}

impl Log {
    pub fn line(&self, level: Level, text: &str) {
        if level < self.least {
            return;
        }
        let line = format!("{{\"level\":\"{}\",\"msg\":{}}}\n", level.name(), quoted(text));
        let _ = std::io::stderr().write_all(line.as_bytes()); // there is nowhere else to say it
    }
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if (c as u32) < 0x20 => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_is_one_line_of_json() {
        assert_eq!(super::quoted("a\"b\\\n"), "\"a\\\"b\\\\\\u000a\"");
    }
}
