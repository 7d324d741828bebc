//! The crate's doorbell, ring and seat, run in many orders of their steps. The sources
//! are the crate's own; only the memory and the kernel beneath them are models
//! (sys.rs), in which each operation on a word is a step. Shuttle chooses who makes
//! the next one. What cannot go on any more is found: nobody is left to wake it.
#![allow(dead_code)] // of what the crate has, the checks use a part

#[path = "../../src/doorbell.rs"]
mod doorbell;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/numbers.rs"]
mod numbers;
#[path = "../../src/ring.rs"]
mod ring;
#[path = "../../src/seat.rs"]
mod seat;
#[path = "../../src/strategy.rs"]
mod strategy;
mod sys;
mod waiting;

use std::collections::VecDeque;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;
use std::time::Duration;

use shuttle::sync::Condvar;
use shuttle::thread;

use doorbell::{Doorbell, Spinner};
use ring::{Consumer, Place, Producer};
use seat::{Seat, Stood};
use strategy::{Spin, Strategy};
use sys::Map;
use waiting::{lock, Mutex};

// Where everything lies: two gates, what is waited for, two bells, a ring.
const GATES: [usize; 2] = [0, 4];
const CHANGES: usize = 8;
const BELLS: [usize; 2] = [256, 512];
const RING: usize = 768;
const CELLS: usize = 1152;
const SIZE: usize = CELLS + 64;

fn memory() -> Arc<Map> {
    Arc::new(Map::new(SIZE))
}

fn bell(map: &Arc<Map>, n: usize) -> Doorbell {
    Doorbell::open(map.clone(), BELLS[n], GATES[n], Strategy::Futex, Vec::new(), "bell")
}

fn spinner() -> Spinner {
    Spinner::new(Spin::For(Duration::ZERO))
}

/// Two ringers, each of whom publishes a change and rings, and one who sleeps until
/// both have.
pub fn two_ringers_one_sleeper() {
    sleep_until_two(|map, bell| {
        map.word32(CHANGES).fetch_add(1, SeqCst);
        bell.ring().expect("ring");
    });
}

/// The same, with ringers who ring before they publish: the sleeper may look
/// between the two, and nobody wakes it.
pub fn two_ringers_who_publish_late() {
    sleep_until_two(|map, bell| {
        bell.ring().expect("ring");
        map.word32(CHANGES).fetch_add(1, SeqCst);
    });
}

fn sleep_until_two(change: fn(&Map, &Doorbell)) {
    let map = memory();
    for _ in 0..2 {
        let map = map.clone();
        thread::spawn(move || change(&map, &bell(&map, 0)));
    }
    let changes = map.word32(CHANGES);
    bell(&map, 0).wait(&mut spinner(), None, || changes.load(SeqCst) == 2).expect("wait");
}

const FRAMES: u8 = 4;

/// A producer and a consumer of a ring of one cell, each of whom sleeps until the
/// other has made room, or pushed. A producer that wakes and finds no room announces
/// itself again.
pub fn ring_of_one() {
    through_ring(|space| {
        space.ring().expect("ring");
    });
}

/// The same, with a consumer that makes room and tells nobody.
pub fn ring_of_one_that_tells_nobody() {
    through_ring(|_| {});
}

fn through_ring(tell: fn(&Doorbell)) {
    let map = memory();
    let place = |map: &Arc<Map>| Place { map: map.clone(), page: RING, cells: CELLS, count: 1, name: "ring" };
    let (mut producer, mut consumer) = (Producer::new(place(&map)), Consumer::new(place(&map)));
    let theirs = map.clone();
    thread::spawn(move || {
        let (frames, space) = (bell(&theirs, 0), bell(&theirs, 1));
        for n in 1..=FRAMES {
            while !producer.push(&[n; 64]).expect("push") {
                space.wait(&mut spinner(), None, || producer.announce_starved().expect("announce")).expect("wait");
            }
            frames.ring().expect("ring");
        }
    });
    let (frames, space) = (bell(&map, 0), bell(&map, 1));
    let mut got = VecDeque::new();
    while got.len() < FRAMES as usize {
        frames.wait(&mut spinner(), None, || !consumer.is_empty()).expect("wait");
        if consumer.pop(&mut got, 2).expect("pop") {
            tell(&space);
        }
    }
    for (n, d) in got.iter().enumerate() {
        assert_eq!(*d, [n as u8 + 1; 64], "frame {n} is whole, and in its place");
    }
}

/// What a leader has: how many calls it has received.
struct Held(u32);

/// How calls are received, and what their handlers do.
#[derive(Clone, Copy)]
pub struct Manner {
    /// A handler waits until the next call has been received.
    pub patient: bool,
    /// A leader that lends looks once more.
    pub looks: bool,
    /// A thread more can be had for each job.
    pub plenty: bool,
    /// A job for which there is no thread is told to those who stand by.
    pub wants: bool,
}

pub const SOUND: Manner = Manner { patient: false, looks: true, plenty: true, wants: true };

/// A session as server.rs has it, with numbers for calls.
struct Session {
    map: Arc<Map>,
    seat: Seat<Held>,
    manner: Manner,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    received: u32,
    handled: u32,
    jobs: VecDeque<u32>,
    waiting: usize,
}

const CALLS: u32 = 3;

/// Calls of a host that rings for each, and threads that receive them and run
/// their handlers: as many as calls and one, or just two. Each ends once all calls
/// have been handled.
pub fn answer(manner: Manner) {
    let map = memory();
    let session = Arc::new(Session { map: map.clone(), seat: Seat::new(), manner, progress: Mutex::default(), changed: Condvar::new() });
    let others = if manner.patient { CALLS } else { 1 };
    let threads: Vec<_> = (0..others)
        .map(|_| {
            let session = session.clone();
            thread::spawn(move || session.work(None))
        })
        .collect();
    thread::spawn(move || {
        for _ in 0..CALLS {
            map.word32(CHANGES).fetch_add(1, SeqCst);
            bell(&map, 0).ring().expect("ring");
        }
    });
    session.work(Some(Held(0)));
    for thread in threads {
        thread.join().expect("join");
    }
    let progress = lock(&session.progress);
    assert_eq!((progress.received, progress.handled), (CALLS, CALLS), "each once");
}

impl Session {
    fn work(self: &Arc<Self>, mut held: Option<Held>) {
        let bell = bell(&self.map, 0);
        loop {
            if let Some(held) = held.take() {
                self.lead(held, &bell);
            }
            let job = lock(&self.progress).jobs.pop_front();
            if let Some(call) = job {
                self.handle(call, &bell);
                continue;
            }
            match self.seat.stand_by(&bell).expect("stand by") {
                Stood::Lead(woken) => held = Some(woken),
                Stood::Elsewhere => match self.wait() {
                    Some(call) => self.handle(call, &bell),
                    None => return,
                },
            }
        }
    }

    fn wait(&self) -> Option<u32> {
        let mut progress = lock(&self.progress);
        loop {
            if let Some(call) = progress.jobs.pop_front() {
                return Some(call);
            }
            if progress.handled == CALLS {
                return None;
            }
            progress.waiting += 1;
            progress = self.changed.wait(progress).expect("wait");
            progress.waiting -= 1;
        }
    }

    fn is_over(&self) -> bool {
        lock(&self.progress).handled == CALLS
    }

    fn has_come(&self, held: &Held) -> bool {
        self.map.word32(CHANGES).load(SeqCst) != held.0
    }

    fn is_due(&self, held: &Held) -> bool {
        self.has_come(held) || self.is_over()
    }

    fn lead(self: &Arc<Self>, mut held: Held, bell: &Doorbell) {
        while !self.is_over() {
            if !self.has_come(&held) {
                match self.seat.sleep(bell, held, |h| self.is_due(h)).expect("sleep") {
                    Stood::Lead(woken) => held = woken,
                    Stood::Elsewhere => return,
                }
                continue;
            }
            held.0 += 1;
            let call = held.0;
            lock(&self.progress).received += 1;
            self.changed.notify_all();
            match self.seat.lend(bell, held, |h| self.manner.looks && self.is_due(h)).expect("lend") {
                Some(back) => {
                    held = back;
                    self.give(call, bell);
                }
                None => {
                    self.handle(call, bell);
                    let Some(back) = self.seat.take_back(bell) else { return };
                    held = back;
                }
            }
        }
    }

    fn give(self: &Arc<Self>, call: u32, bell: &Doorbell) {
        let mut progress = lock(&self.progress);
        if self.manner.plenty {
            let session = self.clone();
            thread::spawn(move || session.handle(call, &crate::bell(&session.map, 0)));
            return;
        }
        progress.jobs.push_back(call);
        if progress.jobs.len() <= progress.waiting {
            self.changed.notify_all();
            return;
        }
        drop(progress);
        if self.manner.wants {
            self.seat.want(bell).expect("want");
        }
    }

    fn handle(&self, call: u32, bell: &Doorbell) {
        let mut progress = lock(&self.progress);
        while self.manner.patient && progress.received < (call + 1).min(CALLS) {
            progress = self.changed.wait(progress).expect("wait");
        }
        progress.handled += 1;
        let over = progress.handled == CALLS;
        drop(progress);
        self.changed.notify_all();
        if over {
            self.seat.end(bell).expect("end");
        }
    }
}
