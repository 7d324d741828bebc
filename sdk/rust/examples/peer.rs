//! The service by which a plugin is judged (conformance/peer/peer.proto), on the
//! native layer. It reads and writes its one message itself, so that the crate
//! needs no protobuf library.

use std::process::exit;
use std::time::Duration;

use ddc_plugin::{code, Call, Reply, Service, Status, Stream};

#[global_allocator]
static HEAP: ddc_plugin::Heap = ddc_plugin::Heap;

#[derive(Default)]
struct Work<'a> {
    body: &'a [u8],
    code: u64,
    hold: u64,
    number: u64,
    die: u64,
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(into: &mut [u8], mut n: u64) -> usize {
    let mut at = 0;
    while n >= 0x80 {
        into[at] = n as u8 | 0x80;
        n >>= 7;
        at += 1;
    }
    into[at] = n as u8;
    at + 1
}

impl<'a> Work<'a> {
    fn read(mut bytes: &'a [u8]) -> Result<Work<'a>, Status> {
        let mut work = Work::default();
        while !bytes.is_empty() {
            work.field(&mut bytes).ok_or_else(|| Status::new(code::INVALID_ARGUMENT, "this is no Work"))?;
        }
        Ok(work)
    }

    fn field(&mut self, bytes: &mut &'a [u8]) -> Option<()> {
        let (key, value) = (varint(bytes)?, varint(bytes)?);
        match key {
            0x0a => {
                let n = usize::try_from(value).ok().filter(|&n| n <= bytes.len())?;
                (self.body, *bytes) = bytes.split_at(n);
            }
            0x10 => self.code = value,
            0x18 => self.hold = value,
            0x20 => self.number = value,
            0x28 => self.die = value,
            _ => return None,
        }
        Some(())
    }

    /// Does what the message asks for before its answer.
    fn obey(&self, call: &Call) -> Result<(), Status> {
        if self.die != 0 {
            exit(3);
        }
        call.sleep(Duration::from_micros(self.hold))?;
        match self.code {
            0 => Ok(()),
            code => Err(Status::new(code as u32, String::from_utf8_lossy(self.body))),
        }
    }
}

/// How many bytes an answer has.
fn answer_size(body: &[u8]) -> usize {
    if body.is_empty() {
        return 0;
    }
    1 + put_varint(&mut [0; 10], body.len() as u64) + body.len()
}

/// Writes an answer: the body, inverted.
fn answer(body: &[u8], into: &mut [u8]) {
    if body.is_empty() {
        return;
    }
    into[0] = 0x0a;
    let at = 1 + put_varint(&mut into[1..], body.len() as u64);
    for (to, from) in into[at..].iter_mut().zip(body) {
        *to = !from;
    }
}

fn answered(body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; answer_size(body)];
    answer(body, &mut bytes);
    bytes
}

struct Peer;

impl Service for Peer {
    fn methods(&self) -> &'static [&'static str] {
        &[
            "/ddc.conformance.v1.Peer/Echo",
            "/ddc.conformance.v1.Peer/Chat",
            "/ddc.conformance.v1.Peer/Collect",
            "/ddc.conformance.v1.Peer/Count",
        ]
    }

    /// Half of those that could be, so that calls are judged both ways.
    fn is_quick(&self, _: &Call, request: &[u8]) -> bool {
        Work::read(request).is_ok_and(|w| w.hold == 0 && w.die == 0 && w.body.len() % 2 == 1)
    }

    fn unary<'a>(&self, call: &Call, request: &'a [u8]) -> Result<Reply<'a>, Status> {
        let work = Work::read(request)?;
        work.obey(call)?;
        Ok(Reply::of(answer_size(work.body), move |into| answer(work.body, into)))
    }

    fn stream(&self, call: &Call, stream: &mut Stream) -> Result<(), Status> {
        match call.method().rsplit('/').next() {
            Some("Chat") => {
                while let Some(message) = stream.recv()? {
                    let work = Work::read(&message)?;
                    work.obey(call)?;
                    stream.send(&answered(work.body))?;
                }
                Ok(())
            }
            Some("Collect") => {
                let mut total = 0;
                while let Some(message) = stream.recv()? {
                    total += Work::read(&message)?.body.len() as u64;
                }
                let mut bytes = [0x20; 11];
                let n = put_varint(&mut bytes[1..], total);
                stream.send(&bytes[..1 + n])
            }
            _ => {
                let request = stream.recv()?.ok_or_else(|| Status::new(code::INTERNAL, "the request has no message"))?;
                let work = Work::read(&request)?;
                for _ in 0..work.number {
                    work.obey(call)?;
                    stream.send(&answered(work.body))?;
                }
                Ok(())
            }
        }
    }
}

fn main() {
    ddc_plugin::main(Peer)
}
