//! gRPC's messages in HTTP bodies: each has five bytes in front, a flag and its
//! length. In the hub a frame has one message, and needs none of that.

use bytes::{Buf, Bytes, BytesMut};

use crate::frame::Frame;
use crate::service::{code, Status};
use crate::wire::MAX_MESSAGE;

/// How many bytes stand before a message.
pub(super) const PREFIX: usize = 5;

/// Copies what a frame has from `skip` on out of its slot, behind a prefix.
pub(super) fn prefixed(frame: Frame, skip: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(PREFIX + frame.len());
    bytes.extend_from_slice(&[0; PREFIX]);
    frame.take(&mut bytes);
    wrap(bytes, skip)
}

/// Puts the prefix in front of what lies `skip` bytes behind where it stands.
pub(super) fn wrap(mut bytes: Vec<u8>, skip: usize) -> Bytes {
    let n = bytes.len() - PREFIX - skip;
    bytes[skip] = 0;
    bytes[skip + 1..skip + PREFIX].copy_from_slice(&(n as u32).to_be_bytes());
    Bytes::from(bytes).slice(skip..)
}

/// Takes a response's body apart into messages, however it was cut.
#[derive(Default)]
pub(super) struct Messages {
    buffer: BytesMut,
}

impl Messages {
    pub fn add(&mut self, data: Bytes) {
        self.buffer.extend_from_slice(&data);
    }

    /// Whether no part of a message is left.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Takes the next message that is whole.
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, Status> {
        let Some(prefix) = self.buffer.get(..PREFIX) else { return Ok(None) };
        if prefix[0] != 0 {
            return Err(Status::new(code::INTERNAL, "the server compresses its messages: take out send_compressed"));
        }
        let n = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        if n > MAX_MESSAGE {
            return Err(crate::call::too_large(n));
        }
        if self.buffer.len() < PREFIX + n {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        Ok(Some(self.buffer.split_to(n).to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_same_however_a_body_is_cut() {
        let (first, second) = (wrap([vec![0; PREFIX], vec![1; 300]].concat(), 0), wrap(vec![0; PREFIX], 0));
        let whole = [&first[..], &second[..]].concat();
        for cut in 0..whole.len() {
            let mut m = Messages::default();
            let mut got = Vec::new();
            for part in [&whole[..cut], &whole[cut..]] {
                m.add(Bytes::copy_from_slice(part));
                while let Some(message) = m.next().unwrap() {
                    got.push(message);
                }
            }
            assert_eq!(got, [vec![1; 300], vec![]], "cut at {cut}");
            assert!(m.is_empty());
        }
    }

    #[test]
    fn sections_before_a_message_are_cut_off() {
        let with = wrap([vec![9; PREFIX], b"sections".to_vec(), b"message".to_vec()].concat(), 8);
        assert_eq!(&with[..], b"\0\0\0\0\x07message");
    }

    #[test]
    fn what_is_compressed_or_too_long_is_refused() {
        for prefix in [[1, 0, 0, 0, 0], [0, 0xff, 0, 0, 0]] {
            let mut m = Messages::default();
            m.add(Bytes::copy_from_slice(&prefix));
            assert!(m.next().is_err());
        }
    }
}
