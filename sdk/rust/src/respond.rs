//! One call: from its request to the frames of its answer.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::{too_large, Call, Stream};
use crate::error::{Error, Result};
use crate::frame::{Frame, Header};
use crate::link::Prepared;
use crate::server::{Session, Turn};
use crate::service::{code, Reply, Status};
use crate::waiting::Patience;
use crate::wire::{self, flag, op, MAX_MESSAGE};

/// A reply that finds no room for so long is replaced by an error.
const REPLY_TIME: Duration = Duration::from_secs(30);
/// A request of at most so many bytes may be answered at once.
pub(crate) const QUICK: usize = 1 << 10;

/// What is to be done about a call.
pub(crate) struct Task {
    pub call: Arc<Call>,
    pub work: Work,
}

pub(crate) enum Work {
    /// Run its handler. The message begins so far into the request.
    Handle(Request, usize),
    /// Send what found no room.
    Send(Kept),
    Refuse,
}

/// A unary call's request: sections and all, or in its slot.
pub(crate) enum Request {
    Bytes(Vec<u8>),
    Frame(Frame),
}

/// An answer that waits for room, and the status that takes its place if there is
/// none for too long.
pub(crate) struct Kept {
    prepared: Prepared,
    otherwise: Option<Status>,
}

/// What became of a call that may be answered at once.
pub(crate) enum Quick {
    No,
    Sent,
    Kept(Kept),
}

/// Whether a call is over.
pub(crate) enum Answered {
    Now,
    /// Another thread sees to it.
    Later,
}

impl Session {
    /// Answers a call here, if its service says that this takes no time. What
    /// cannot be sent at once is kept for a thread that may wait.
    pub fn answer_at_once(&self, call: &Call, request: &[u8]) -> Result<Quick> {
        let quick = catch_unwind(AssertUnwindSafe(|| self.service.is_quick(call, request).then(|| self.answer_unary(call, request))));
        let answer = match quick {
            Ok(None) => return Ok(Quick::No),
            Ok(Some(answer)) => answer.map(Some),
            Err(_) => Err(panicked(call)),
        };
        let Kept { prepared, otherwise } = self.prepare(call, answer)?;
        let left = self.link.try_post(prepared)?;
        Ok(left.map_or(Quick::Sent, |prepared| Quick::Kept(Kept { prepared, otherwise })))
    }

    /// Runs a call's handler, and sends its answer.
    pub fn handle(self: &Arc<Self>, call: &Arc<Call>, request: Request, message: usize, buffer: &mut Vec<u8>, turn: &mut Turn) -> Answered {
        let bytes = match request {
            Request::Bytes(bytes) => {
                *buffer = bytes;
                &buffer[message..]
            }
            // The slot is free before the handler begins: it waits for the
            // reply's slot without having one.
            Request::Frame(frame) => {
                buffer.clear();
                frame.take(buffer);
                &buffer[..]
            }
        };
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(call, bytes))).unwrap_or_else(|_| Err(panicked(call)));
        self.reply(call, answer, turn)
    }

    fn answer<'a>(&self, call: &Call, request: &'a [u8]) -> std::result::Result<Option<Reply<'a>>, Status> {
        if call.unary {
            return self.answer_unary(call, request).map(Some);
        }
        self.admit(call, request)?;
        self.service.stream(call, &mut Stream { call, link: &self.link }).map(|()| None)
    }

    fn answer_unary<'a>(&self, call: &Call, request: &'a [u8]) -> std::result::Result<Reply<'a>, Status> {
        self.admit(call, request)?;
        self.service.unary(call, request)
    }

    /// Says why a call is not begun.
    fn admit(&self, call: &Call, request: &[u8]) -> std::result::Result<(), Status> {
        if !self.service.methods().contains(&call.method()) {
            return Err(self.unknown(call.method()));
        }
        if request.len() > self.most {
            return Err(self.excess(request.len()));
        }
        call.check()
    }

    /// Says which part of a method's name is wrong.
    fn unknown(&self, name: &str) -> Status {
        let (service, method) = name.trim_start_matches('/').split_once('/').unwrap_or((name, ""));
        let known = self.service.methods().iter().any(|m| m.starts_with(&format!("/{service}/")));
        let text = if known { format!("unknown method {method} for service {service}") } else { format!("unknown service {service}") };
        Status::new(code::UNIMPLEMENTED, text)
    }

    /// Sends a call's last frame. A thread that has lent what receives takes it
    /// back first, so that the host's next frame, which may come the moment after,
    /// finds it awake. It does not wait then.
    fn reply(self: &Arc<Self>, call: &Arc<Call>, answer: std::result::Result<Option<Reply>, Status>, turn: &mut Turn) -> Answered {
        if call.is_cancelled() {
            return Answered::Now; // nobody waits for it
        }
        let Ok(kept) = self.prepare(call, call.check().and(answer)) else {
            return Answered::Now; // the link has ended
        };
        if matches!(kept.prepared, Prepared::Elsewhere(..)) || !self.take_back(turn) {
            return self.wait_to_send(call, kept);
        }
        let Kept { prepared, otherwise } = kept;
        let Ok(Some(prepared)) = self.link.try_post(prepared) else {
            return Answered::Now; // it has been sent, or the link has ended
        };
        let task = Task { call: call.clone(), work: Work::Send(Kept { prepared, otherwise }) };
        let _ = self.give(task); // or nobody can be woken any more
        Answered::Later
    }

    /// Makes a call's last frame. What cannot be sent becomes an error.
    fn prepare(&self, call: &Call, answer: std::result::Result<Option<Reply>, Status>) -> Result<Kept> {
        let status = match answer {
            Ok(None) => return Ok(Kept { prepared: self.link.prepare(last(call, 0, 0), 0, |_| {})?, otherwise: None }),
            Ok(Some(reply)) if reply.n > MAX_MESSAGE => too_large(reply.n),
            Ok(Some(Reply { n, fill })) => {
                let filled = AssertUnwindSafe(|| self.link.prepare(last(call, 0, flag::MESSAGE), n, fill));
                match catch_unwind(filled) {
                    Ok(prepared) => return Ok(Kept { prepared: prepared?, otherwise: None }),
                    Err(_) => panicked(call),
                }
            }
            Err(status) => status,
        };
        const ROOM: usize = 1 << 10; // for what is around the text
        let (h, payload) = failure(call, &status, wire::MAX_SECTION - ROOM);
        let prepared = self.link.prepare(h, payload.len(), |into| into.copy_from_slice(&payload))?;
        Ok(Kept { prepared, otherwise: Some(status) })
    }

    /// Sends a call's last frame once there is room for it. What finds none for
    /// long becomes an error that needs no slot: no caller waits for a reply that
    /// does not come.
    pub fn wait_to_send(&self, call: &Call, Kept { prepared, otherwise }: Kept) -> Answered {
        let given_up = || call.is_cancelled();
        let n = prepared.len();
        let sent = self.link.post(prepared, &Patience { until: Some(Instant::now() + REPLY_TIME), given_up: &given_up });
        if matches!(sent, Err(Error::GivenUp)) && !call.is_cancelled() {
            let none = || Status::new(code::RESOURCE_EXHAUSTED, format!("no room for a reply of {n} bytes"));
            let (h, payload) = failure(call, &otherwise.unwrap_or_else(none), 40);
            let patience = Patience { until: None, given_up: &given_up };
            let _ = self.link.send(h, &payload, &patience); // or the link has ended
        }
        Answered::Now
    }

    pub fn refuse(&self, call: &Call) -> Answered {
        let h = last(call, code::UNAVAILABLE, flag::REFUSED);
        let _ = self.link.send(h, &[], &Patience::ENDLESS); // or the link has ended
        Answered::Now
    }
}

fn last(call: &Call, code: u32, flags: u8) -> Header {
    Header { op: op::REPLY, flags, stream: call.id, arg: u64::from(code) }
}

/// The last frame of a call that failed, with so many bytes of the text at most.
fn failure(call: &Call, status: &Status, most: usize) -> (Header, Vec<u8>) {
    let code = if status.code == 0 { code::UNKNOWN } else { status.code };
    let mut payload = Vec::new();
    if status.message.is_empty() {
        return (last(call, code, 0), payload);
    }
    wire::put_status(&mut payload, code, wire::cut(&status.message, most));
    (last(call, code, flag::STATUS), payload)
}

fn panicked(call: &Call) -> Status {
    Status::new(code::INTERNAL, format!("{} panicked", call.method()))
}
