//! A call under way, and what all calls share with the task that drives the link.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::frame::Header;
use crate::waiting::lock;
use crate::wire::{op, MESSAGE_COST, WINDOW};

/// What the driver shares with handlers, which may be on any thread, and with the
/// thread that watches the host.
#[derive(Default)]
pub(super) struct Shared {
    /// Frames to be sent, in order.
    outgoing: Mutex<Vec<(Header, Vec<u8>)>>,
    pub calls: Mutex<HashMap<u32, Arc<Call>>>,
    /// Wakes the driver: there is something in here to look at.
    pub wake: Notify,
    /// New calls are refused, and the process ends with the last.
    pub leaving: AtomicBool,
    /// Somebody wants to know what goes on.
    pub dump: AtomicBool,
}

impl Shared {
    pub fn send(&self, header: Header, payload: Vec<u8>) {
        lock(&self.outgoing).push((header, payload));
        self.wake.notify_one();
    }

    pub fn take_outgoing(&self) -> Vec<(Header, Vec<u8>)> {
        std::mem::take(&mut *lock(&self.outgoing))
    }

    /// Forgets a call, whose handler has ended.
    pub fn forget(&self, id: u32) {
        lock(&self.calls).remove(&id);
        self.wake.notify_one();
    }
}

/// A call under way.
pub(super) struct Call {
    pub id: u32,
    pub unary: bool,
    pub began: Instant,
    pub method: Arc<str>,
    state: Mutex<State>,
}

struct State {
    inbox: VecDeque<Bytes>,
    /// The client sends no more.
    ended: bool,
    /// The credit that the client has left, as seen from here.
    room: i64,
    /// Read, and not granted back.
    owed: i64,
    /// The credit that is left for sending.
    credit: i64,
    reader: Option<Waker>,
    sender: Option<Waker>,
    handler: Option<AbortHandle>,
}

impl Call {
    pub fn new(id: u32, unary: bool, method: Arc<str>) -> Call {
        let state = State {
            inbox: VecDeque::new(),
            ended: false,
            room: WINDOW,
            owed: 0,
            credit: WINDOW,
            reader: None,
            sender: None,
            handler: None,
        };
        Call { id, unary, began: Instant::now(), method, state: Mutex::new(state) }
    }

    pub fn handled_by(&self, handler: AbortHandle) {
        lock(&self.state).handler = Some(handler);
    }

    /// Ends the handler where it waits next.
    pub fn abort(&self) {
        if let Some(handler) = lock(&self.state).handler.take() {
            handler.abort();
        }
    }

    /// Takes a message of n bytes, and a prefix, from the client. False means that
    /// the client had no credit for it.
    pub fn push(&self, message: Bytes, n: usize) -> bool {
        let mut state = lock(&self.state);
        if state.room <= 0 {
            return false;
        }
        state.room -= n as i64 + MESSAGE_COST;
        state.inbox.push_back(message);
        wake(state.reader.take());
        true
    }

    /// Ends the client's messages.
    pub fn end(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        wake(state.reader.take());
    }

    /// Takes credit of the client's.
    pub fn grant(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.credit = state.credit.saturating_add(bytes.min(1 << 40) as i64);
        wake(state.sender.take());
    }

    /// Gives the next message with its prefix of so many bytes, or none after the
    /// last. What was read is granted back, half a window at a time.
    pub fn poll_message(&self, prefix: usize, waker: &Waker, shared: &Shared) -> Poll<Option<Bytes>> {
        let mut state = lock(&self.state);
        let Some(message) = state.inbox.pop_front() else {
            if state.ended {
                return Poll::Ready(None);
            }
            state.reader = Some(waker.clone());
            return Poll::Pending;
        };
        state.owed += (message.len() - prefix) as i64 + MESSAGE_COST;
        if state.owed >= WINDOW / 2 && !state.ended {
            let due = std::mem::take(&mut state.owed);
            state.room += due;
            shared.send(Header { op: op::CREDIT, flags: 0, stream: self.id, arg: due as u64 }, Vec::new());
        }
        Poll::Ready(Some(message))
    }

    /// Whether everything that the client sends has been taken.
    pub fn is_read(&self) -> bool {
        let state = lock(&self.state);
        state.ended && state.inbox.is_empty()
    }

    /// Waits until a message of n bytes may be sent. It may leave a debt, so that
    /// one that is larger than the window passes.
    pub fn poll_credit(&self, n: usize, waker: &Waker) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.credit <= 0 {
            state.sender = Some(waker.clone());
            return Poll::Pending;
        }
        state.credit -= n as i64 + MESSAGE_COST;
        Poll::Ready(())
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_granted_back_half_a_window_at_a_time() {
        let (shared, call) = (Shared::default(), Call::new(7, false, "/a.B/C".into()));
        let half = WINDOW as usize / 2 - MESSAGE_COST as usize;
        assert!(call.push(Bytes::from(vec![0; 5 + half - 1]), half - 1));
        assert!(call.push(Bytes::from(vec![0; 5]), 0));
        for granted in [0, 1] {
            assert!(call.poll_message(5, Waker::noop(), &shared).is_ready());
            assert_eq!(shared.take_outgoing().len(), granted);
        }
        assert!(call.poll_message(5, Waker::noop(), &shared).is_pending());
        call.end();
        assert!(matches!(call.poll_message(5, Waker::noop(), &shared), Poll::Ready(None)));
    }

    #[test]
    fn a_message_may_leave_a_debt_and_the_next_waits() {
        let call = Call::new(7, false, "/a.B/C".into());
        assert!(call.poll_credit(2 * WINDOW as usize, Waker::noop()).is_ready());
        assert!(call.poll_credit(0, Waker::noop()).is_pending());
        call.grant((WINDOW + MESSAGE_COST) as u64);
        assert!(call.poll_credit(0, Waker::noop()).is_pending(), "exactly nothing is left");
        call.grant(1);
        assert!(call.poll_credit(0, Waker::noop()).is_ready());
    }

    #[test]
    fn a_client_that_overruns_its_credit_is_told_apart() {
        let call = Call::new(7, false, "/a.B/C".into());
        assert!(call.push(Bytes::from(vec![0; 5]), WINDOW as usize));
        assert!(!call.push(Bytes::from(vec![0; 5]), 0));
    }
}
