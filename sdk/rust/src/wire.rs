//! RPC frames: operations, flags and sections. docs/PROTOCOL.md, section 4.

use crate::error::{corrupt, Result};

pub(crate) mod op {
    pub const CALL: u8 = 1;
    pub const MESSAGE: u8 = 2;
    pub const END: u8 = 3;
    pub const CANCEL: u8 = 4;
    pub const CREDIT: u8 = 5;
    #[cfg(feature = "grpc")]
    pub const HEADER: u8 = 6;
    pub const REPLY: u8 = 7;
    pub const GO_AWAY: u8 = 8;
}

pub(crate) mod flag {
    pub const METHOD: u8 = 1;
    pub const METADATA: u8 = 2;
    pub const TRAILER: u8 = 4;
    pub const STATUS: u8 = 8;
    pub const MESSAGE: u8 = 16;
    pub const UNARY: u8 = 32;
    pub const REFUSED: u8 = 64;
}

/// Method ids are 1 to this.
pub(crate) const MAX_METHODS: usize = 1024;
pub(crate) const MAX_SECTION: usize = 1 << 20;
/// The largest message to send.
pub(crate) const MAX_MESSAGE: usize = 256 << 20;
/// The credit of either side of a new stream, in bytes.
pub(crate) const WINDOW: i64 = 1 << 20;
/// What a message costs beside its length.
pub(crate) const MESSAGE_COST: i64 = 64;

/// Metadata: names, and values that are text unless the name ends in -bin.
pub type Metadata = Vec<(String, Vec<u8>)>;

fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first < 0x80 {
            return usize::try_from(value).ok();
        }
    }
    None
}

fn put_varint(into: &mut Vec<u8>, mut n: usize) {
    while n >= 0x80 {
        into.push(n as u8 | 0x80);
        n >>= 7;
    }
    into.push(n as u8);
}

/// Appends content with its length in front.
pub(crate) fn put_section(into: &mut Vec<u8>, content: &[u8]) {
    put_varint(into, content.len());
    into.extend_from_slice(content);
}

/// Takes content with its length in front.
fn section<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let short = || corrupt("section", "the frame is shorter than it says");
    let n = varint(bytes).ok_or_else(short)?;
    if n > MAX_SECTION {
        return Err(corrupt("section", format!("{n} bytes, at most {MAX_SECTION}")));
    }
    if n > bytes.len() {
        return Err(short());
    }
    let (content, rest) = bytes.split_at(n);
    *bytes = rest;
    Ok(content)
}

/// What comes before a call's message.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    pub method: String,
    pub metadata: Metadata,
    /// Where the message begins.
    pub message: usize,
}

/// Reads the sections of a call.
pub(crate) fn opening(flags: u8, payload: &[u8]) -> Result<Opening> {
    let (mut rest, mut o) = (payload, Opening::default());
    if flags & flag::METHOD != 0 {
        o.method = String::from_utf8_lossy(section(&mut rest)?).into_owned();
    }
    if flags & flag::METADATA != 0 {
        let mut pairs = section(&mut rest)?;
        while !pairs.is_empty() {
            let key = String::from_utf8_lossy(section(&mut pairs)?).into_owned();
            o.metadata.push((key, section(&mut pairs)?.to_vec()));
        }
    }
    for unread in [flag::TRAILER, flag::STATUS] {
        if flags & unread != 0 {
            section(&mut rest)?;
        }
    }
    o.message = payload.len() - rest.len();
    Ok(o)
}

/// Appends metadata as one section.
#[cfg(any(test, feature = "grpc"))]
pub(crate) fn put_metadata(into: &mut Vec<u8>, metadata: &Metadata) {
    let mut content = Vec::new();
    for (key, value) in metadata {
        put_section(&mut content, key.as_bytes());
        put_section(&mut content, value);
    }
    put_section(into, &content);
}

/// Appends a google.rpc.Status as a section. The code is in the frame's header;
/// the message here is all that the two have beside it.
pub(crate) fn put_status(into: &mut Vec<u8>, code: u32, message: &str) {
    let mut content = vec![8];
    put_varint(&mut content, code as usize);
    content.push(18);
    put_section(&mut content, message.as_bytes());
    put_section(into, &content);
}

/// As much of a text as fits a section, or a frame that needs no slot.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_as_it_was_written() {
        let mut payload = Vec::new();
        put_section(&mut payload, b"/a.B/C");
        put_metadata(&mut payload, &vec![("k".into(), b"v".to_vec()), ("k".into(), vec![0; 300])]);
        payload.extend(b"message");
        let o = opening(flag::METHOD | flag::METADATA | flag::MESSAGE, &payload).unwrap();
        assert_eq!((o.method.as_str(), o.metadata.len(), o.metadata[1].1.len()), ("/a.B/C", 2, 300));
        assert_eq!(&payload[o.message..], b"message");
    }

    #[test]
    fn no_prefix_of_a_call_is_read_beyond_its_end() {
        let mut payload = Vec::new();
        put_section(&mut payload, b"/a.B/C");
        put_metadata(&mut payload, &vec![("key".into(), b"value".to_vec())]);
        for n in 0..payload.len() {
            assert!(opening(flag::METHOD | flag::METADATA, &payload[..n]).is_err(), "{n} bytes");
        }
        assert!(opening(flag::METHOD, &[0xff; 12]).is_err());
        assert!(opening(flag::METHOD, &[0xff, 0xff, 0xff, 0x7f]).unwrap_err().to_string().contains("at most"));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("a\u{e4}b", 2), "a");
        assert_eq!(cut("ab", 5), "ab");
    }
}
