//! What threads that send wait for.

pub(crate) use std::sync::Mutex;
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::Instant;

use crate::error::{Error, Result};

/// Something that threads wait for.
#[derive(Default)]
pub(crate) struct Event {
    times: Mutex<u64>,
    more: Condvar,
}

/// How long a send may wait.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    pub until: Option<Instant>,
    /// Asked whenever the waiting thread wakes. A thread that changes the answer
    /// calls [`Link::nudge`](crate::Link::nudge).
    pub given_up: &'a (dyn Fn() -> bool + Sync),
}

impl Patience<'_> {
    /// Waits for as long as the link lives.
    pub const ENDLESS: Patience<'static> = Patience { until: None, given_up: &|| false };
}

pub(crate) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Event {
    pub fn happened(&self) {
        *lock(&self.times) += 1;
        self.more.notify_all();
    }

    /// How often it has happened. Ask before the look that decides to wait.
    pub fn times(&self) -> u64 {
        *lock(&self.times)
    }

    /// Waits until it has happened more often than was seen.
    pub fn wait(&self, seen: u64, patience: &Patience) -> Result<()> {
        let mut times = lock(&self.times);
        while *times == seen {
            if (patience.given_up)() {
                return Err(Error::GivenUp);
            }
            times = match patience.until.map(|t| t.saturating_duration_since(Instant::now())) {
                None => self.more.wait(times).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return Err(Error::GivenUp),
                Some(left) => self.more.wait_timeout(times, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        Ok(())
    }
}
