//! Who receives, while a handler runs on the thread that received its call.
//!
//! Whatever receives (a [`T`](Seat)) is in one of two places:
//!
//! - A thread has it, and *leads*: it is awake, looks for frames, and waits for
//!   nothing. The doorbell's `Sleeping` is 0.
//! - It is *on the seat*, and `Sleeping` was announced. Threads *stand by*: they
//!   sleep until there is a token, take what is on the seat, and lead.
//!
//! A leader that is about to run a handler lends its T to those who stand by, and
//! takes it back afterwards if it is still there. So a handler that is quick costs
//! two steps and no wake-up, and nobody has to watch one that is not: what the
//! host does next rings the bell as it would for a thread that sleeps, and wakes
//! one of those who stand by. A handler may therefore last, or wait for anything.
//!
//! Why no frame is left lying (proved for one sleeper in package wake of the host;
//! run in many orders by model/):
//!
//! 1. T moves only with the lock held, and `Sleeping` changes in the same step. So
//!    a ringer that takes the flag does so after an announcement, and before the
//!    next thread takes T.
//! 2. Whoever lends T looks once more after the announcement. What came before the
//!    ringer could see the flag is found by that look, which leaves a token.
//! 3. Whoever takes T looks at everything before it announces again. So a token
//!    whose taker finds the seat empty is not needed any more.
//! 4. T is lent only while a thread stands by, and none of those does anything
//!    else that blocks. So each token is taken.

use crate::doorbell::Doorbell;
use crate::error::Result;
use crate::waiting::{lock, Mutex};

pub(crate) struct Seat<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    /// What receives, unless a thread leads.
    on: Option<T>,
    /// So many threads stand by.
    standing: usize,
    /// This process left a token, and nobody has woken since.
    called: bool,
    /// One of those who stand by is wanted elsewhere.
    wanted: bool,
    over: bool,
}

/// What a thread that stood by is to do.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) enum Stood<T> {
    Lead(T),
    /// Look for something else to do: others stand by, or it is wanted.
    Elsewhere,
}

impl<T> Seat<T> {
    pub fn new() -> Seat<T> {
        Seat { state: Mutex::new(State { on: None, standing: 0, called: false, wanted: false, over: false }) }
    }

    /// Lends a leader's T, before it runs a handler. It comes back at once if
    /// nobody stands by. If something is due already, a thread is woken for it.
    pub fn lend(&self, bell: &Doorbell, held: T, is_due: impl FnOnce(&T) -> bool) -> Result<Option<T>> {
        let mut state = lock(&self.state);
        if state.standing == 0 {
            return Ok(Some(held));
        }
        bell.announce();
        bell.note_parked(true);
        let call = is_due(&held) && !state.called;
        state.called |= call;
        state.on = Some(held);
        drop(state);
        // Others may have moved T by now. Then the token is one too many.
        if call {
            bell.repay()?;
        }
        Ok(None)
    }

    /// Takes T back, if nobody else has taken it.
    pub fn take_back(&self, bell: &Doorbell) -> Option<T> {
        lock(&self.state).take(bell)
    }

    /// Sleeps until there is something to do, if nothing is due.
    pub fn sleep(&self, bell: &Doorbell, held: T, is_due: impl FnOnce(&T) -> bool) -> Result<Stood<T>> {
        let mut state = lock(&self.state);
        bell.announce();
        if is_due(&held) {
            bell.retract();
            return Ok(Stood::Lead(held));
        }
        bell.note_parked(true);
        state.on = Some(held);
        if state.standing > 0 && std::mem::take(&mut state.wanted) {
            return Ok(Stood::Elsewhere);
        }
        state.standing += 1;
        drop(state);
        self.stand(bell)
    }

    /// Stands by until there is something to do, unless others do.
    pub fn stand_by(&self, bell: &Doorbell) -> Result<Stood<T>> {
        let mut state = lock(&self.state);
        if state.standing > 0 || state.over {
            return Ok(Stood::Elsewhere);
        }
        state.standing += 1;
        drop(state);
        self.stand(bell)
    }

    fn stand(&self, bell: &Doorbell) -> Result<Stood<T>> {
        loop {
            let token = bell.await_token();
            let mut state = lock(&self.state);
            state.called = false;
            let on = state.take(bell);
            let leaves = on.is_some() || token.is_err() || state.over || std::mem::take(&mut state.wanted);
            if !leaves {
                continue; // a leader is awake
            }
            if on.is_some() {
                bell.note_woken(false);
            }
            state.standing -= 1;
            let others = state.over && state.standing > 0;
            drop(state);
            token?;
            if others {
                bell.repay()?;
            }
            return Ok(on.map_or(Stood::Elsewhere, Stood::Lead));
        }
    }

    /// Wakes one of those who stand by for something else, if there is one.
    pub fn want(&self, bell: &Doorbell) -> Result<()> {
        lock(&self.state).wanted = true;
        bell.repay()
    }

    /// Has nobody stand by any more.
    pub fn end(&self, bell: &Doorbell) -> Result<()> {
        lock(&self.state).over = true;
        bell.repay()
    }
}

impl<T> State<T> {
    fn take(&mut self, bell: &Doorbell) -> Option<T> {
        let on = self.on.take()?;
        bell.retract();
        bell.note_parked(false);
        Some(on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::Strategy;
    use crate::sys::made;
    use std::sync::mpsc::channel;
    use std::sync::Arc;
    use std::thread;

    fn bell(strategy: Strategy) -> [Doorbell; 2] {
        let map = Arc::new(made::memory(4096));
        made::files(strategy).map(|files| Doorbell::open(map.clone(), 128, 0, strategy, files, "bell"))
    }

    const STRATEGIES: [Strategy; 4] = [Strategy::Eventfd, Strategy::Socketpair, Strategy::Pipe, Strategy::Futex];

    #[test]
    fn nothing_is_lent_while_nobody_stands_by() {
        let ([own, host], seat) = (bell(Strategy::Futex), Seat::new());
        assert_eq!(seat.lend(&own, 7, |_| true).unwrap(), Some(7));
        assert!(!host.ring().unwrap(), "nobody sleeps");
    }

    #[test]
    fn what_was_lent_is_taken_back_unless_the_host_rings() {
        for strategy in STRATEGIES {
            let ([own, host], seat) = (bell(strategy), Arc::new(Seat::new()));
            let own = Arc::new(own);
            let (standing, (took, taken)) = ((seat.clone(), own.clone()), channel());
            let other = thread::spawn(move || took.send(standing.0.sleep(&standing.1, 7, |_| false).unwrap()).unwrap());
            let mut held = None;
            while held.is_none() {
                held = seat.take_back(&own); // it has lain down
            }
            assert_eq!(seat.lend(&own, 7, |_| false).unwrap(), None);
            assert_eq!(seat.take_back(&own), Some(7));
            assert!(!host.ring().unwrap(), "{strategy:?}: a thread leads");
            assert_eq!(seat.lend(&own, 8, |_| false).unwrap(), None);
            assert!(host.ring().unwrap(), "{strategy:?}: whoever has lent sleeps, as far as the host knows");
            assert_eq!(taken.recv().unwrap(), Stood::Lead(8));
            assert_eq!(seat.take_back(&own), None);
            other.join().unwrap();
        }
    }

    #[test]
    fn who_lends_while_something_is_due_has_another_lead() {
        for strategy in STRATEGIES {
            let ([own, _host], seat) = (bell(strategy), Arc::new(Seat::new()));
            let own = Arc::new(own);
            let standing = (seat.clone(), own.clone());
            let other = thread::spawn(move || standing.0.stand_by(&standing.1).unwrap());
            let mut held = Some(7);
            while let Some(back) = held {
                held = seat.lend(&own, back, |_| true).unwrap();
            }
            assert_eq!(other.join().unwrap(), Stood::Lead(7), "{strategy:?}");
        }
    }

    #[test]
    fn everybody_who_stands_by_leaves_in_the_end() {
        for strategy in STRATEGIES {
            let ([own, _host], seat) = (bell(strategy), Arc::new(Seat::<u8>::new()));
            let own = Arc::new(own);
            let standing: Vec<_> = (0..3)
                .map(|_| {
                    let (seat, own) = (seat.clone(), own.clone());
                    lock(&seat.state).standing += 1;
                    thread::spawn(move || seat.stand(&own).unwrap())
                })
                .collect();
            seat.end(&own).unwrap();
            for thread in standing {
                assert_eq!(thread.join().unwrap(), Stood::Elsewhere);
            }
            assert_eq!(seat.stand_by(&own).unwrap(), Stood::Elsewhere);
        }
    }
}
