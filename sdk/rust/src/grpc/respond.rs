//! One call: from its request to the frames of its answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, Response};

use super::call::{Call, Shared};
use super::message::Messages;
use super::metadata::{self, Ending};
use super::Answer;
use crate::frame::Header;
use crate::service::{code, Status};
use crate::wire::{self, flag, op, Metadata, MAX_MESSAGE};

/// Answers one call. If it goes without having answered, nobody waits for that,
/// or its handler has panicked, which is said.
pub(super) struct Responder {
    call: Arc<Call>,
    shared: Arc<Shared>,
    answered: bool,
}

impl Responder {
    pub fn new(call: Arc<Call>, shared: Arc<Shared>) -> Responder {
        Responder { call, shared, answered: false }
    }

    /// Sends a response: messages as they come, and the status last.
    pub async fn answer<B: Answer>(&mut self, response: Response<B>) {
        if let Err(status) = self.try_answer(response).await {
            self.fail(&status);
        }
    }

    async fn try_answer<B: Answer>(&mut self, response: Response<B>) -> Result<(), Status> {
        let (head, mut body) = response.into_parts();
        let mut header = Some(metadata::from_headers(&head.headers)).filter(|h| !h.is_empty());
        if let Some(ending) = metadata::ending(&head.headers) {
            return self.finish(header, HeaderMap::new(), ending, None); // it has trailers only
        }
        let (mut messages, mut reply, mut trailers) = (Messages::default(), None, None);
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|e| Status::new(code::INTERNAL, format!("the answer broke off: {e}")))?;
            match frame.into_data() {
                Ok(data) => messages.add(data),
                // Nothing comes after these. Asking again might wait for ever.
                Err(other) => {
                    trailers = other.into_trailers().ok();
                    break;
                }
            }
            while let Some(message) = messages.next()? {
                if !self.call.unary {
                    self.stream(header.take(), message).await;
                } else if reply.replace(message).is_some() {
                    return Err(Status::new(code::INTERNAL, "the server answers a unary call with two messages"));
                }
            }
        }
        let trailers = trailers.unwrap_or_default();
        let ending = metadata::ending(&trailers).ok_or_else(|| Status::new(code::INTERNAL, "the server's answer has no status"))?;
        if !messages.is_empty() && ending.status.code == 0 {
            return Err(Status::new(code::INTERNAL, "the server's last message is cut off"));
        }
        self.finish(header, trailers, ending, reply)
    }

    /// Sends a message of a stream once the client has room for it, and the header
    /// before the first.
    async fn stream(&mut self, header: Option<Metadata>, message: Vec<u8>) {
        if let Some(header) = header {
            let mut payload = Vec::new();
            wire::put_metadata(&mut payload, &header);
            self.send(op::HEADER, flag::METADATA, 0, payload);
        }
        poll_fn(|cx| self.call.poll_credit(message.len(), cx.waker())).await;
        self.send(op::MESSAGE, 0, 0, message);
    }

    /// Sends a call's last frame.
    fn finish(&mut self, header: Option<Metadata>, trailers: HeaderMap, ending: Ending, reply: Option<Vec<u8>>) -> Result<(), Status> {
        let Ending { status, details } = ending;
        let (mut payload, mut flags) = (Vec::new(), 0);
        for (bit, metadata) in [(flag::METADATA, header.unwrap_or_default()), (flag::TRAILER, metadata::from_headers(&trailers))] {
            if metadata.is_empty() {
                continue;
            }
            let before = payload.len();
            wire::put_metadata(&mut payload, &metadata);
            if payload.len() - before > wire::MAX_SECTION {
                return Err(Status::new(code::RESOURCE_EXHAUSTED, "the answer's metadata are over the limit of a section"));
            }
            flags |= bit;
        }
        match reply {
            _ if status.code != 0 => flags |= put_status(&mut payload, &status, details),
            Some(reply) if reply.len() > MAX_MESSAGE => return Err(crate::call::too_large(reply.len())),
            Some(reply) => {
                flags |= flag::MESSAGE;
                payload.extend_from_slice(&reply);
            }
            None if self.call.unary => return Err(Status::new(code::INTERNAL, "the server's answer has no message")),
            None => {}
        }
        self.reply(flags, status.code, payload);
        Ok(())
    }

    /// Replies with an error of this side's.
    pub fn fail(&mut self, status: &Status) {
        let mut payload = Vec::new();
        let flags = put_status(&mut payload, status, None);
        self.reply(flags, status.code, payload);
    }

    /// Refuses a call that was not begun: the client may make it elsewhere.
    pub fn refuse(&mut self) {
        self.reply(flag::REFUSED, code::UNAVAILABLE, Vec::new());
    }

    fn reply(&mut self, flags: u8, code: u32, payload: Vec<u8>) {
        self.answered = true;
        self.send(op::REPLY, flags, u64::from(code), payload);
    }

    fn send(&self, op: u8, flags: u8, arg: u64, payload: Vec<u8>) {
        self.shared.send(Header { op, flags, stream: self.call.id, arg }, payload);
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if !self.answered && std::thread::panicking() {
            self.fail(&Status::new(code::INTERNAL, format!("{} panicked", self.call.method)));
        }
        self.shared.forget(self.call.id);
    }
}

/// Adds a status, if there is more to say than its code, and gives the flag.
fn put_status(payload: &mut Vec<u8>, status: &Status, details: Option<Vec<u8>>) -> u8 {
    const ROOM: usize = 1 << 10; // for what is around the text
    match details {
        Some(details) if details.len() <= wire::MAX_SECTION => wire::put_section(payload, &details),
        _ if status.message.is_empty() => return 0,
        _ => wire::put_status(payload, status.code, wire::cut(&status.message, wire::MAX_SECTION - ROOM)),
    }
    flag::STATUS
}
