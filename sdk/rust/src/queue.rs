//! Sending for a program of one thread, which must go on receiving meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::frame::{self, Header, MAX_PAYLOAD};
use crate::link::Link;
use crate::ring::Descriptor;
use crate::slots::Ref;

/// Frames that wait to be sent, with copies of their payloads. The first alone
/// may have a slot: those behind it would hold what it waits for.
pub struct Queue {
    link: Arc<Link>,
    frames: VecDeque<Outgoing>,
    bytes: usize,
}

struct Outgoing {
    header: Header,
    payload: Vec<u8>,
    /// Which pieces belong together, once there are some.
    group: Option<u32>,
    sent: usize,
    /// The descriptor to push next: its slot is filled, and it waits for room in
    /// the ring.
    next: Option<Next>,
}

struct Next {
    descriptor: Descriptor,
    slot: Option<Ref>,
    length: usize,
}

impl Queue {
    pub fn new(link: Arc<Link>) -> Queue {
        Queue { link, frames: VecDeque::new(), bytes: 0 }
    }

    /// Adds a frame, and sends what can be sent.
    pub fn send(&mut self, header: Header, payload: Vec<u8>) -> Result<()> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::TooLarge { bytes: payload.len(), most: MAX_PAYLOAD });
        }
        self.bytes += payload.len();
        self.frames.push_back(Outgoing { header, payload, group: None, sent: 0, next: None });
        self.flush()
    }

    /// How many bytes wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Sends what can be sent. What is left has announced that it waits, for one
    /// wake-up: flush again whenever the receiver has woken.
    pub fn flush(&mut self) -> Result<()> {
        while let Some(first) = self.frames.front_mut() {
            let Some(next) = first.next.take().map_or_else(|| first.prepare(&self.link), |n| Ok(Some(n)))? else {
                return Ok(()); // no slot
            };
            if !self.link.try_push(&next.descriptor)? {
                first.next = Some(next);
                return Ok(()); // no room
            }
            first.sent += next.length;
            if first.sent == first.payload.len() {
                self.bytes -= first.payload.len();
                self.frames.pop_front();
            }
        }
        Ok(())
    }
}

impl Outgoing {
    /// Fills the next descriptor, and its slot; none, if no slot is free.
    fn prepare(&mut self, link: &Link) -> Result<Option<Next>> {
        let n = self.payload.len();
        if n <= frame::INLINE_MAX {
            let descriptor = frame::encode_inline(self.header, n, |b| b.copy_from_slice(&self.payload));
            return Ok(Some(Next { descriptor, slot: None, length: n }));
        }
        let Some(slot) = link.try_claim_piece(n - self.sent) else { return Ok(None) };
        let (descriptor, length) = if self.group.is_none() && link.slot_size(slot) >= n {
            (link.whole(self.header, slot, &self.payload)?, n)
        } else {
            let group = *self.group.get_or_insert_with(|| link.next_group());
            link.piece(self.header, group, slot, &self.payload, self.sent)?
        };
        Ok(Some(Next { descriptor, slot: Some(slot), length }))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(slot) = self.frames.front().and_then(|f| f.next.as_ref()).and_then(|n| n.slot) {
            self.link.free(slot);
        }
    }
}
