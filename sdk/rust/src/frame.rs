//! Descriptors as frames, and payloads that travel in pieces.

use std::collections::hash_map::Entry;
use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{corrupt, Result};
use crate::link::Link;
use crate::ring::Descriptor;
use crate::slots::Ref;

/// The part of a frame that the link carries unread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Header {
    pub op: u8,
    pub flags: u8,
    pub stream: u32,
    pub arg: u64,
}

pub(crate) const INLINE: u8 = 0;
pub(crate) const SLOT: u8 = 1;
pub(crate) const PIECE: u8 = 2;
pub(crate) const LAST: u8 = 3;
pub(crate) const ABORT: u8 = 4;

const INLINE_AT: usize = 16;
/// A payload of so many bytes needs no slot.
pub const INLINE_MAX: usize = 48;
/// The most bytes of a payload.
pub const MAX_PAYLOAD: usize = 1 << 30;

/// The part of a descriptor that names a slot.
#[derive(Clone, Copy)]
pub(crate) struct Reference {
    pub slot: Ref,
    pub length: usize,
    pub group: u32,
    pub total: u64,
}

pub(crate) fn encode(h: Header, kind: u8) -> Descriptor {
    let mut d = [0; 64];
    (d[0], d[1], d[2]) = (h.op, h.flags, kind);
    d[4..8].copy_from_slice(&h.stream.to_ne_bytes());
    d[8..16].copy_from_slice(&h.arg.to_ne_bytes());
    d
}

/// Gives the descriptor of a payload of at most INLINE_MAX bytes.
pub(crate) fn encode_inline(h: Header, n: usize, fill: impl FnOnce(&mut [u8])) -> Descriptor {
    let mut d = encode(h, INLINE);
    d[3] = n as u8;
    fill(&mut d[INLINE_AT..INLINE_AT + n]);
    d
}

pub(crate) fn encode_reference(h: Header, kind: u8, r: Reference) -> Descriptor {
    let mut d = encode(h, kind);
    d[16..24].copy_from_slice(&r.slot.0.to_ne_bytes());
    d[24..28].copy_from_slice(&(r.length as u32).to_ne_bytes());
    d[28..32].copy_from_slice(&r.group.to_ne_bytes());
    d[32..40].copy_from_slice(&r.total.to_ne_bytes());
    d
}

fn number32(d: &Descriptor, at: usize) -> u32 {
    u32::from_ne_bytes([d[at], d[at + 1], d[at + 2], d[at + 3]])
}

fn number64(d: &Descriptor, at: usize) -> u64 {
    let mut b = [0; 8];
    b.copy_from_slice(&d[at..at + 8]);
    u64::from_ne_bytes(b)
}

pub(crate) fn decode_header(d: &Descriptor) -> Header {
    Header { op: d[0], flags: d[1], stream: number32(d, 4), arg: number64(d, 8) }
}

pub(crate) fn decode_reference(d: &Descriptor) -> Reference {
    Reference { slot: Ref(number64(d, 16)), length: number32(d, 24) as usize, group: number32(d, 28), total: number64(d, 32) }
}

pub(crate) fn decode_inline(d: &Descriptor) -> Result<&[u8]> {
    let n = d[3] as usize;
    if n > INLINE_MAX {
        return Err(corrupt("descriptor", format!("inline length {n}, at most {INLINE_MAX}")));
    }
    Ok(&d[INLINE_AT..INLINE_AT + n])
}

/// A frame that has come, with its payload where it lies.
pub struct Frame {
    pub header: Header,
    pub(crate) payload: Payload,
}

pub(crate) enum Payload {
    Inline { bytes: [u8; INLINE_MAX], n: usize },
    Slot(Lease),
    Whole(Vec<u8>),
}

/// A slot that this process reads, and gives back when the lease is dropped.
pub(crate) struct Lease {
    pub link: Arc<Link>,
    pub slot: Ref,
    pub n: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.link.free(self.slot);
    }
}

impl Frame {
    /// How many bytes the payload has.
    pub fn len(&self) -> usize {
        match &self.payload {
            Payload::Inline { n, .. } => *n,
            Payload::Slot(lease) => lease.n,
            Payload::Whole(bytes) => bytes.len(),
        }
    }

    /// Says whether there is no payload.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies the payload to the end of a buffer, and gives its slot back. What
    /// is decided is decided by the copy: others can still write to the slot.
    pub fn take(self, into: &mut Vec<u8>) {
        match self.payload {
            Payload::Inline { bytes, n } => into.extend_from_slice(&bytes[..n]),
            Payload::Slot(lease) => lease.link.copy_out(lease.slot, lease.n, into),
            Payload::Whole(bytes) if into.is_empty() => *into = bytes,
            Payload::Whole(bytes) => into.extend_from_slice(&bytes),
        }
    }

    /// The payload as a buffer of its own.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.take(&mut bytes);
        bytes
    }

    /// Whether the payload occupies a slot that somebody may be waiting for.
    pub fn in_slot(&self) -> bool {
        matches!(self.payload, Payload::Slot(_))
    }
}

// What a host may make this process remember of payloads in pieces: how many,
// and how many bytes before they have come.
const MAX_GROUPS: usize = 1024;
const FIRST: usize = 16 << 20;

/// What has come of the payloads that travel in pieces.
#[derive(Default)]
pub(crate) struct Reassembly {
    groups: HashMap<u32, Group>,
    bytes: usize,
}

struct Group {
    payload: Vec<u8>,
    total: u64,
}

impl Reassembly {
    /// Drops what has come of a payload, and returns it.
    pub fn forget(&mut self, group: u32) -> Vec<u8> {
        let payload = self.groups.remove(&group).map_or_else(Vec::new, |g| g.payload);
        self.bytes -= payload.len();
        payload
    }

    /// Adds a piece, and returns the payload once it is whole.
    pub fn add(&mut self, r: Reference, last: bool, append: impl FnOnce(&mut Vec<u8>)) -> Result<Option<Vec<u8>>> {
        let others = self.groups.len();
        let group = match self.groups.entry(r.group) {
            Entry::Occupied(group) => group.into_mut(),
            Entry::Vacant(_) if r.total > MAX_PAYLOAD as u64 || others >= MAX_GROUPS => {
                return Err(corrupt("descriptor", format!("payload of {} bytes in pieces, {others} others under way", r.total)));
            }
            Entry::Vacant(new) => new.insert(Group { payload: Vec::with_capacity(FIRST.min(r.total as usize)), total: r.total }),
        };
        if self.bytes + r.length > MAX_PAYLOAD {
            return Err(corrupt("descriptor", format!("more than {MAX_PAYLOAD} bytes in pieces under way")));
        }
        append(&mut group.payload);
        self.bytes += r.length;
        let (have, total) = (group.payload.len() as u64, group.total);
        if r.total != total || have > total || last != (have == total) {
            return Err(corrupt("descriptor", format!("{have} bytes of a payload of {total}, last piece {last}")));
        }
        Ok(last.then(|| self.forget(r.group)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(group: u32, length: usize, total: u64) -> Reference {
        Reference { slot: Ref(0), length, group, total }
    }

    #[test]
    fn pieces_of_two_payloads_come_apart() {
        let mut r = Reassembly::default();
        assert_eq!(r.add(piece(1, 2, 3), false, |b| b.extend(b"ab")).unwrap(), None);
        assert_eq!(r.add(piece(2, 1, 2), false, |b| b.extend(b"x")).unwrap(), None);
        assert_eq!(r.add(piece(1, 1, 3), true, |b| b.extend(b"c")).unwrap(), Some(b"abc".to_vec()));
        r.forget(2);
        assert_eq!((r.bytes, r.groups.len()), (0, 0));
    }

    #[test]
    fn pieces_that_lie_end_the_link() {
        for (r, last) in [(piece(1, 2, 1), false), (piece(1, 2, 2), false), (piece(1, 2, 3), true), (piece(1, 2, 1 << 40), false)] {
            let mut all = Reassembly::default();
            assert!(all.add(r, last, |b| b.extend(b"ab")).unwrap_err().to_string().contains("descriptor"));
        }
    }
}
