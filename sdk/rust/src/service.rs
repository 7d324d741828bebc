//! What the author of a plugin writes: a [`Service`].

use std::fmt;

use crate::call::{Call, Stream};

/// How a call ended, if not well: a gRPC status.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub code: u32,
    pub message: String,
}

/// gRPC's codes.
pub mod code {
    pub const CANCELLED: u32 = 1;
    pub const UNKNOWN: u32 = 2;
    pub const INVALID_ARGUMENT: u32 = 3;
    pub const DEADLINE_EXCEEDED: u32 = 4;
    pub const NOT_FOUND: u32 = 5;
    pub const ALREADY_EXISTS: u32 = 6;
    pub const PERMISSION_DENIED: u32 = 7;
    pub const RESOURCE_EXHAUSTED: u32 = 8;
    pub const FAILED_PRECONDITION: u32 = 9;
    pub const ABORTED: u32 = 10;
    pub const OUT_OF_RANGE: u32 = 11;
    pub const UNIMPLEMENTED: u32 = 12;
    pub const INTERNAL: u32 = 13;
    pub const UNAVAILABLE: u32 = 14;
    pub const DATA_LOSS: u32 = 15;
    pub const UNAUTHENTICATED: u32 = 16;
}

impl Status {
    pub fn new(code: u32, message: impl Into<String>) -> Status {
        Status { code, message: message.into() }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}: {}", self.code, self.message)
    }
}

impl std::error::Error for Status {}

type Fill<'a> = Box<dyn FnOnce(&mut [u8]) + 'a>;

/// The answer to a unary call, which may borrow from the request.
pub struct Reply<'a> {
    pub(crate) n: usize,
    pub(crate) fill: Fill<'a>,
}

impl<'a> Reply<'a> {
    /// A reply of n bytes, all of which fill writes where they travel: the bytes
    /// are there, whatever they were. So a message is encoded without a copy.
    pub fn of(n: usize, fill: impl FnOnce(&mut [u8]) + 'a) -> Reply<'a> {
        Reply { n, fill: Box::new(fill) }
    }
}

impl From<Vec<u8>> for Reply<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Reply::of(bytes.len(), move |into| into.copy_from_slice(&bytes))
    }
}

/// What a plugin serves. Each call has a thread for as long as it takes, and may
/// block. A unary call begins on the thread that received it; another receives
/// as soon as there is something to receive.
pub trait Service: Send + Sync + 'static {
    /// The full names of its methods: "/package.Service/Method".
    fn methods(&self) -> &'static [&'static str];

    /// Whether a unary call, whose request is short, is answered without waiting
    /// for anything, in a few microseconds. Then no other thread is to receive
    /// meanwhile: under load, many calls are answered in a row by one thread.
    fn is_quick(&self, _call: &Call, _request: &[u8]) -> bool {
        false
    }

    /// Answers a unary call.
    fn unary<'a>(&self, call: &Call, request: &'a [u8]) -> Result<Reply<'a>, Status>;

    /// Answers a call with a stream in either direction, or in both. A method
    /// that takes one request gets it by [`Stream::recv`].
    fn stream(&self, call: &Call, _stream: &mut Stream) -> Result<(), Status> {
        Err(Status::new(code::UNIMPLEMENTED, format!("{} takes no stream", call.method())))
    }
}
