//! One call, as its handler sees it.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::frame::Header;
use crate::link::Link;
use crate::service::{code, Status};
use crate::waiting::{lock, Patience};
use crate::wire::{op, Metadata, MAX_MESSAGE, MESSAGE_COST, WINDOW};

/// A call under way.
pub struct Call {
    pub(crate) id: u32,
    pub(crate) unary: bool,
    pub(crate) began: Instant,
    method: Arc<str>,
    metadata: Metadata,
    deadline: Option<Instant>,
    cancelled: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    inbox: VecDeque<Vec<u8>>,
    /// What recv returns once the inbox is empty.
    ended: Option<Result<(), Status>>,
    /// The credit that the client has left, as seen from here.
    room: i64,
    /// Read, and not granted back.
    owed: i64,
    /// The credit that is left for sending.
    credit: i64,
}

impl Call {
    pub(crate) fn new(h: Header, unary: bool, method: Arc<str>, metadata: Metadata) -> Call {
        let microseconds = h.arg & ((1 << 48) - 1);
        let began = Instant::now();
        Call {
            id: h.stream,
            unary,
            began,
            method,
            metadata,
            deadline: (microseconds > 0).then(|| began.checked_add(Duration::from_micros(microseconds))).flatten(),
            cancelled: AtomicBool::new(false),
            state: Mutex::new(State { inbox: VecDeque::new(), ended: None, room: WINDOW, owed: 0, credit: WINDOW }),
            changed: Condvar::new(),
        }
    }

    /// The method's full name: "/package.Service/Method".
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What the client sent along.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// When the client stops waiting, if it has said so.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the client has forgotten the call, or the link has ended. A handler
    /// that takes long asks now and then.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(SeqCst)
    }

    /// Ok as long as somebody waits for the answer.
    pub fn check(&self) -> Result<(), Status> {
        if self.is_cancelled() {
            return Err(Status::new(code::CANCELLED, "context canceled"));
        }
        match self.deadline {
            Some(t) if t <= Instant::now() => Err(Status::new(code::DEADLINE_EXCEEDED, "context deadline exceeded")),
            _ => Ok(()),
        }
    }

    /// Sleeps so long, or until nobody waits for the answer any more.
    pub fn sleep(&self, time: Duration) -> Result<(), Status> {
        let until = Instant::now() + time;
        let mut state = lock(&self.state);
        while self.check().is_ok() && Instant::now() < until {
            state = self.wait(state, Some(until));
        }
        drop(state);
        self.check()
    }

    /// Waits until something changes, the deadline, or until a time.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, until: Option<Instant>) -> MutexGuard<'a, State> {
        let Some(end) = until.into_iter().chain(self.deadline).min() else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let left = end.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn cancel(&self) {
        let _state = lock(&self.state); // whoever waits has looked before, or looks after
        self.cancelled.store(true, SeqCst);
        self.changed.notify_all();
    }

    /// Takes a message of the client's. The receiving thread calls it.
    pub(crate) fn push(&self, message: Vec<u8>) {
        let mut state = lock(&self.state);
        if state.ended.is_some() {
            return; // nobody will read it
        }
        if state.room <= 0 {
            state.ended = Some(Err(Status::new(code::INTERNAL, "the peer sent more than its credit allows")));
        } else {
            state.room -= message.len() as i64 + MESSAGE_COST;
            state.inbox.push_back(message);
        }
        self.changed.notify_all();
    }

    /// Ends the client's messages.
    pub(crate) fn end(&self, how: Result<(), Status>) {
        lock(&self.state).ended.get_or_insert(how);
        self.changed.notify_all();
    }

    pub(crate) fn grant(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.credit = state.credit.saturating_add(bytes.min(1 << 40) as i64);
        self.changed.notify_all();
    }

    /// Waits for a message, and says how much credit the client is due.
    fn pop(&self) -> Result<Option<(Vec<u8>, i64)>, Status> {
        let mut state = lock(&self.state);
        loop {
            if let Some(message) = state.inbox.pop_front() {
                state.owed += message.len() as i64 + MESSAGE_COST;
                let mut due = 0;
                if state.owed >= WINDOW / 2 && state.ended.is_none() {
                    due = std::mem::take(&mut state.owed);
                    state.room += due;
                }
                return Ok(Some((message, due)));
            }
            self.check()?; // a client that has gone has not ended its messages
            if let Some(how) = &state.ended {
                return how.clone().map(|()| None);
            }
            state = self.wait(state, None);
        }
    }

    /// Waits until a message may be sent. It may leave a debt, so that one that
    /// is larger than the window passes.
    fn take_credit(&self, n: usize) -> Result<(), Status> {
        let mut state = lock(&self.state);
        loop {
            self.check()?;
            if state.credit > 0 {
                state.credit -= n as i64 + MESSAGE_COST;
                return Ok(());
            }
            state = self.wait(state, None);
        }
    }
}

/// The messages of a call, in both directions.
pub struct Stream<'a> {
    pub(crate) call: &'a Call,
    pub(crate) link: &'a Link,
}

impl Stream<'_> {
    /// Waits for a message. None: the client sends no more.
    pub fn recv(&mut self) -> Result<Option<Vec<u8>>, Status> {
        let Some((message, due)) = self.call.pop()? else { return Ok(None) };
        if due > 0 {
            self.post(op::CREDIT, due as u64, &[])?;
        }
        Ok(Some(message))
    }

    /// Sends a message, once the client has room for it.
    pub fn send(&mut self, message: &[u8]) -> Result<(), Status> {
        if message.len() > MAX_MESSAGE {
            return Err(too_large(message.len()));
        }
        self.call.take_credit(message.len())?;
        self.post(op::MESSAGE, 0, message)
    }

    fn post(&self, op: u8, arg: u64, payload: &[u8]) -> Result<(), Status> {
        let h = Header { op, flags: 0, stream: self.call.id, arg };
        let patience = Patience { until: self.call.deadline, given_up: &|| self.call.is_cancelled() };
        self.link.send(h, payload, &patience).map_err(|e| match e {
            Error::GivenUp => self.call.check().err().unwrap_or_else(|| Status::new(code::CANCELLED, "given up")),
            e => Status::new(code::UNAVAILABLE, e.to_string()),
        })
    }
}

pub(crate) fn too_large(n: usize) -> Status {
    Status::new(code::RESOURCE_EXHAUSTED, format!("cannot send a message of {n} bytes: at most {MAX_MESSAGE}"))
}
