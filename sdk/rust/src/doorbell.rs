//! The event count that cannot lose a wake-up, and the four primitives that
//! sleep. Package wake of the host has the proof; the steps here have its names.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{corrupt, Doing, Result};
use crate::numbers::bell;
use crate::strategy::{Spin, Strategy};
use crate::sys::{self, AtomicU32, Map};

/// What keeps a token until the sleeper takes it.
enum Waker {
    Eventfd(File),
    /// Both ends: this process may be the sleeper, and the ringer too.
    Pipe(File, File),
    Socketpair(File, File),
    /// The token is a word, and the sleeper sleeps on the gate's word.
    Futex {
        gate: usize,
    },
}

/// One end of a doorbell. One thread awaits it; any thread may ring.
pub(crate) struct Doorbell {
    map: Arc<Map>,
    /// Where its words begin.
    at: usize,
    waker: Waker,
    name: &'static str,
}

/// So many looks in a row may find nothing. A sound ringer publishes first, so
/// even one is rare.
pub(crate) const IN_VAIN: u32 = 1 << 20;

impl Doorbell {
    pub fn open(map: Arc<Map>, at: usize, gate: usize, strategy: Strategy, files: Vec<OwnedFd>, name: &'static str) -> Doorbell {
        let mut files = files.into_iter().map(File::from);
        let mut next = || files.next().expect("the agreement counts the files");
        let waker = match strategy {
            Strategy::Eventfd => Waker::Eventfd(next()),
            Strategy::Pipe => Waker::Pipe(next(), next()),
            Strategy::Socketpair => Waker::Socketpair(next(), next()),
            Strategy::Futex => Waker::Futex { gate },
        };
        Doorbell { map, at, waker, name }
    }

    fn word(&self, word: usize) -> &AtomicU32 {
        self.map.word32(self.at + word)
    }

    fn count(&self, counter: usize) {
        self.map.word64(self.at + counter).fetch_add(1, SeqCst);
    }

    /// Tells the sleeper to look again, and says whether it slept. Publish what
    /// it is to find before calling this.
    pub fn ring(&self) -> Result<bool> {
        self.word(bell::SEQ).fetch_add(1, SeqCst); // R2
        let sleeping = self.word(bell::SLEEPING);
        if sleeping.load(SeqCst) != 1 || sleeping.compare_exchange(1, 0, SeqCst, SeqCst).is_err() {
            self.count(bell::SUPPRESSED); // R3 found nobody
            return Ok(false);
        }
        self.leave_token()?; // R4
        Ok(true)
    }

    /// Says whether the sleeper is awake and will look, at what was published
    /// before a ring that came before this question.
    pub fn attended(&self) -> bool {
        self.word(bell::SLEEPING).load(SeqCst) == 2
    }

    /// Leaves a token whatever the flag says. The sleeper may wake for nothing.
    pub fn repay(&self) -> Result<()> {
        self.word(bell::SEQ).fetch_add(1, SeqCst);
        self.word(bell::SLEEPING).store(0, SeqCst);
        self.leave_token()
    }

    fn leave_token(&self) -> Result<()> {
        self.count(bell::SENT);
        let left = match &self.waker {
            Waker::Eventfd(counter) => (&*counter).write(&1u64.to_ne_bytes()).map(drop),
            Waker::Pipe(_, to) => (&*to).write(&[1]).map(drop),
            Waker::Socketpair(_, to) => sys::send(to.as_raw_fd(), &[1]).map(drop),
            Waker::Futex { gate } => {
                // The sleeper that finds the gate unchanged sleeps, so its token
                // is there before the change.
                self.word(bell::LEFT).fetch_add(1, SeqCst);
                let gate = self.map.word32(*gate);
                gate.fetch_add(1, SeqCst);
                sys::futex_wake(gate)
            }
        };
        match left {
            // No room for a token: one is waiting already.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(()),
            left => left.doing(format_args!("ring {}", self.name)),
        }
    }

    /// Returns once ready returns true, or at a time. It calls ready whenever it
    /// is rung, and for no reason at all.
    pub fn wait(&self, spinner: &mut Spinner, until: Option<Instant>, mut ready: impl FnMut() -> bool) -> Result<()> {
        if spinner.wait(&mut ready) {
            return Ok(());
        }
        for looks in 0..IN_VAIN {
            self.word(bell::SLEEPING).swap(1, SeqCst); // S1
            let left = until.map(|t| t.saturating_duration_since(Instant::now()));
            if ready() || left.is_some_and(|d| d.is_zero()) {
                self.word(bell::SLEEPING).store(0, SeqCst);
                return Ok(()); // S2, S4
            }
            if looks > 0 {
                self.count(bell::SPURIOUS);
            }
            self.word(bell::PARKED).store(1, SeqCst);
            let slept = self.take_tokens(left); // S3
            self.word(bell::PARKED).store(0, SeqCst);
            self.count(bell::RECEIVED);
            self.word(bell::SLEEPING).store(0, SeqCst); // S4
            slept.doing(format_args!("sleep at {}", self.name))?;
        }
        Err(corrupt(self.name, "it is rung again and again for nothing"))
    }

    /// Announces that this process sleeps elsewhere: at [`Doorbell::file`], or in
    /// threads that await a token. The caller looks once more.
    pub fn announce(&self) {
        self.word(bell::SLEEPING).swap(1, SeqCst);
    }

    /// Ends an announcement, and leaves the tokens that are there: a thread that
    /// awaits one may wake for nothing.
    pub fn retract(&self) {
        self.word(bell::SLEEPING).store(0, SeqCst);
    }

    /// Notes whether everybody who could receive sleeps.
    pub fn note_parked(&self, parked: bool) {
        self.word(bell::PARKED).store(parked.into(), SeqCst);
    }

    /// Notes that a token woke somebody, and whether that was for nothing.
    pub fn note_woken(&self, in_vain: bool) {
        self.count(if in_vain { bell::SPURIOUS } else { bell::RECEIVED });
    }

    /// The file that can be read once there is a token; futex has none.
    pub fn file(&self) -> Option<&File> {
        match &self.waker {
            Waker::Eventfd(from) | Waker::Pipe(from, _) | Waker::Socketpair(from, _) => Some(from),
            Waker::Futex { .. } => None,
        }
    }

    /// Ends an announcement, and takes the tokens that are there.
    pub fn withdraw(&self) -> Result<()> {
        self.word(bell::SLEEPING).store(0, SeqCst);
        match self.file() {
            Some(file) => drain(file).doing(format_args!("look at {}", self.name)),
            None => Ok(()),
        }
    }

    /// Sleeps until there is a token, where somebody else announces and looks. Any
    /// number of threads may do so at once. Whoever returns has taken all tokens
    /// there were, so it looks, or wakes the one who does; it may be for nothing.
    pub fn await_token(&self) -> Result<()> {
        self.take_tokens(None).doing(format_args!("sleep at {}", self.name))
    }

    /// Sleeps until there is a token, and takes all there are, or for so long.
    fn take_tokens(&self, most: Option<Duration>) -> io::Result<()> {
        if let Some(file) = self.file() {
            sys::poll(&[file.as_raw_fd()], most)?;
            return drain(file);
        }
        let Waker::Futex { gate } = self.waker else { return Ok(()) };
        let (gate, left, taken) = (self.map.word32(gate), self.word(bell::LEFT), self.word(bell::TAKEN));
        let seen = gate.load(SeqCst); // before the look at the tokens: what comes later changes it
        if left.load(SeqCst) == taken.load(SeqCst) {
            sys::futex_wait(gate, seen, most)?;
        }
        // Whoever is woken looks at everything. Of two threads that are here at
        // once the later may store the older number: a token too many.
        taken.store(left.load(SeqCst), SeqCst);
        Ok(())
    }
}

/// Reads until there is nothing left. A pipe that was emptied half would not
/// tell an edge-triggered reader of later tokens.
fn drain(mut file: &File) -> io::Result<()> {
    let mut tokens = [0; 4096];
    loop {
        match file.read(&mut tokens) {
            Ok(n) if n == tokens.len() => {}
            Ok(_) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// What a sleeper remembers of how well spinning pays.
pub(crate) struct Spinner {
    limit: Duration,
    adaptive: bool,
    /// A success adds, a failure halves. At 0 only one wait in `pause` spins.
    trust: u32,
    waits: u32,
    pause: u32,
}

const MAX_TRUST: u32 = 64;
const SHORT_PAUSE: u32 = 32;
const LONG_PAUSE: u32 = 1024;

impl Spinner {
    pub fn new(spin: Spin) -> Spinner {
        let lone = std::thread::available_parallelism().map_or(true, |n| n.get() == 1);
        let (limit, adaptive) = match spin {
            _ if lone => (Duration::ZERO, false), // the other side cannot run meanwhile
            Spin::Auto => (Duration::from_micros(30), true),
            Spin::For(limit) => (limit, false),
        };
        Spinner { limit, adaptive, trust: MAX_TRUST / 2, waits: 0, pause: SHORT_PAUSE }
    }

    /// Looks again and again for a while, where that has paid lately.
    pub fn wait(&mut self, ready: &mut impl FnMut() -> bool) -> bool {
        if ready() {
            return true;
        }
        if self.limit.is_zero() || !self.worth_trying() {
            return false;
        }
        let start = Instant::now();
        while start.elapsed() < self.limit {
            for _ in 0..16 {
                if ready() {
                    self.trust = (self.trust + 8).min(MAX_TRUST);
                    self.pause = SHORT_PAUSE;
                    return true;
                }
                std::hint::spin_loop();
            }
        }
        if self.trust == 0 {
            self.pause = (2 * self.pause).min(LONG_PAUSE);
        }
        if self.adaptive {
            self.trust /= 2;
        }
        false
    }

    fn worth_trying(&mut self) -> bool {
        if self.trust > 0 {
            return true;
        }
        self.waits += 1;
        if self.waits < self.pause {
            return false;
        }
        self.waits = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::made;
    use std::sync::atomic::AtomicU64;
    use std::thread;

    const AT: usize = 128;
    const STRATEGIES: [Strategy; 4] = [Strategy::Eventfd, Strategy::Socketpair, Strategy::Pipe, Strategy::Futex];

    fn ends(strategy: Strategy) -> [Doorbell; 2] {
        let map = Arc::new(made::memory(4096));
        made::files(strategy).map(|files| Doorbell::open(map.clone(), AT, 0, strategy, files, "bell"))
    }

    /// Two threads hand a number to and fro, and each sleeps for every step. One
    /// ring that is lost stops both.
    #[test]
    fn no_ring_between_look_and_sleep_is_lost() {
        const ROUNDS: u64 = 5000;
        for strategy in STRATEGIES {
            let ([here, there_ringer], [there, here_ringer]) = (ends(strategy), ends(strategy));
            let number = Arc::new(AtomicU64::new(0));
            let theirs = number.clone();
            let other = thread::spawn(move || {
                for n in 0..ROUNDS {
                    let spin = &mut Spinner::new(Spin::For(Duration::ZERO));
                    while theirs.load(SeqCst) != 2 * n + 1 {
                        there.wait(spin, None, || theirs.load(SeqCst) == 2 * n + 1).unwrap();
                    }
                    theirs.store(2 * n + 2, SeqCst);
                    there_ringer.ring().unwrap();
                }
            });
            for n in 0..ROUNDS {
                number.store(2 * n + 1, SeqCst);
                here_ringer.ring().unwrap();
                let spin = &mut Spinner::new(Spin::For(Duration::ZERO));
                while number.load(SeqCst) != 2 * n + 2 {
                    here.wait(spin, None, || number.load(SeqCst) == 2 * n + 2).unwrap();
                }
            }
            other.join().unwrap();
        }
    }

    #[test]
    fn a_token_stays_until_it_is_taken_and_tokens_merge() {
        for strategy in STRATEGIES {
            let [sleeper, ringer] = ends(strategy);
            assert!(!ringer.ring().unwrap(), "{strategy:?}: nobody sleeps");
            for _ in 0..70_000 {
                ringer.repay().unwrap(); // more than a pipe has room for
            }
            sleeper.take_tokens(None).unwrap();
            let begun = Instant::now();
            sleeper.take_tokens(Some(Duration::from_millis(20))).unwrap();
            assert!(begun.elapsed() >= Duration::from_millis(19), "{strategy:?}: there was another token");
        }
    }

    #[test]
    fn a_bell_that_is_rung_for_nothing_ends_at_a_time() {
        let [sleeper, _ringer] = ends(Strategy::Futex);
        sleeper.wait(&mut Spinner::new(Spin::Auto), Some(Instant::now()), || false).unwrap();
    }
}
