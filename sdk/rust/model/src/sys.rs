//! The memory and the kernel, as models. An operation on a word is a step, and so
//! is a call of the kernel. A futex keeps who sleeps on which word, in order.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

pub(crate) use shuttle::sync::atomic::{AtomicU32, AtomicU64};
use shuttle::sync::{Condvar, Mutex};

pub(crate) struct Map {
    words: Vec<AtomicU32>,
    long: Vec<AtomicU64>,
    /// Plain bytes: that two do not use them at once is what the ring has to see to.
    bytes: std::sync::Mutex<Vec<u8>>,
}

impl Map {
    pub fn new(len: usize) -> Map {
        Map {
            words: (0..len / 4).map(|_| AtomicU32::new(0)).collect(),
            long: (0..len / 8).map(|_| AtomicU64::new(0)).collect(),
            bytes: std::sync::Mutex::new(vec![0; len]),
        }
    }

    pub fn word32(&self, at: usize) -> &AtomicU32 {
        &self.words[at / 4]
    }

    pub fn word64(&self, at: usize) -> &AtomicU64 {
        &self.long[at / 8]
    }

    /// Copies in two parts, with a step between: a reader that comes too early sees
    /// one of them.
    fn in_parts(&self, n: usize, part: impl Fn(&mut [u8], std::ops::Range<usize>), at: usize) {
        for range in [0..n / 2, n / 2..n] {
            let mut bytes = self.bytes.lock().expect("no other thread runs");
            part(&mut bytes[at + range.start..at + range.end], range);
            drop(bytes);
            shuttle::thread::yield_now();
        }
    }

    pub fn read(&self, at: usize, into: &mut [u8]) {
        let (n, into) = (into.len(), std::cell::RefCell::new(into));
        self.in_parts(n, |from, range| into.borrow_mut()[range].copy_from_slice(from), at);
    }

    pub fn write(&self, at: usize, from: &[u8]) {
        self.in_parts(from.len(), |into, range| into.copy_from_slice(&from[range]), at);
    }
}

struct Sleeper {
    word: usize,
    number: u64,
    woken: bool,
}

#[derive(Default)]
struct Sleepers {
    all: Vec<Sleeper>,
    next: u64,
}

shuttle::lazy_static! {
    static ref FUTEX: (Mutex<Sleepers>, Condvar) = (Mutex::new(Sleepers::default()), Condvar::new());
}

fn address(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word) as usize
}

/// Compares and queues in one step, as the kernel does.
pub(crate) fn futex_wait(word: &AtomicU32, seen: u32, most: Option<Duration>) -> io::Result<()> {
    assert!(most.is_none(), "there is no clock here");
    let mut sleepers = FUTEX.0.lock().expect("lock");
    if word.load(SeqCst) != seen {
        return Ok(());
    }
    let number = sleepers.next;
    sleepers.next += 1;
    sleepers.all.push(Sleeper { word: address(word), number, woken: false });
    loop {
        sleepers = FUTEX.1.wait(sleepers).expect("wait");
        if let Some(i) = sleepers.all.iter().position(|s| s.number == number && s.woken) {
            sleepers.all.remove(i);
            return Ok(());
        }
    }
}

/// Wakes the first who sleeps on a word.
pub(crate) fn futex_wake(word: &AtomicU32) -> io::Result<()> {
    let mut sleepers = FUTEX.0.lock().expect("lock");
    if let Some(first) = sleepers.all.iter_mut().find(|s| s.word == address(word) && !s.woken) {
        first.woken = true;
        FUTEX.1.notify_all();
    }
    Ok(())
}

fn no_files<T>() -> io::Result<T> {
    Err(io::Error::other("the model has no files"))
}

pub(crate) fn send(_: RawFd, _: &[u8]) -> io::Result<usize> {
    no_files()
}

pub(crate) fn poll(_: &[RawFd], _: Option<Duration>) -> io::Result<()> {
    no_files()
}
