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

/// Calls, and the threads that receive them.
struct Calls {
    map: Arc<Map>,
    seat: Seat<Held>,
    /// How many have been received, for handlers that wait for the next.
    received: (Mutex<u32>, Condvar),
    /// Whether a leader that lends looks once more.
    looks: bool,
    /// Whether handlers wait for the next call.
    patient: bool,
}

const CALLS: u32 = 3;

/// Calls whose handlers run where they were received, and wait each for the next
/// to be received. A host rings for each. The threads are one more than the calls.
pub fn handlers_wait_for_the_next_call() {
    answer(true, true);
}

/// The same, with a leader that lends without a last look.
pub fn handlers_wait_and_their_leader_does_not_look() {
    answer(true, false);
}

/// The same with quick handlers: what was lent is taken back, or was taken.
pub fn handlers_are_quick() {
    answer(false, true);
}

fn answer(patient: bool, looks: bool) {
    let map = memory();
    let calls = Arc::new(Calls { map: map.clone(), seat: Seat::new(), received: (Mutex::new(0), Condvar::new()), looks, patient });
    for _ in 0..CALLS {
        let calls = calls.clone();
        thread::spawn(move || calls.work(None));
    }
    thread::spawn(move || {
        for _ in 0..CALLS {
            map.word32(CHANGES).fetch_add(1, SeqCst);
            bell(&map, 0).ring().expect("ring");
        }
    });
    calls.work(Some(Held(0)));
    assert_eq!(*lock(&calls.received.0), CALLS, "all have been received, each once");
}

impl Calls {
    fn work(self: &Arc<Self>, mut held: Option<Held>) {
        let bell = bell(&self.map, 0);
        loop {
            if let Some(held) = held.take() {
                self.lead(held, &bell);
            }
            match self.seat.stand_by(&bell).expect("stand by") {
                Stood::Lead(woken) => held = Some(woken),
                Stood::Elsewhere => {
                    let received = lock(&self.received.0);
                    if *received == CALLS {
                        return;
                    }
                    drop(self.received.1.wait(received).expect("wait"));
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        *lock(&self.received.0) == CALLS
    }

    fn is_due(&self, held: &Held) -> bool {
        self.map.word32(CHANGES).load(SeqCst) != held.0
    }

    fn lead(self: &Arc<Self>, mut held: Held, bell: &Doorbell) {
        while !self.is_over() {
            if !self.is_due(&held) {
                match self.seat.sleep(bell, held, |h| self.is_due(h)).expect("sleep") {
                    Stood::Lead(woken) => held = woken,
                    Stood::Elsewhere => return,
                }
                continue;
            }
            held.0 += 1;
            let call = held.0;
            *lock(&self.received.0) += 1;
            self.received.1.notify_all();
            match self.seat.lend(bell, held, |h| self.looks && self.is_due(h)).expect("lend") {
                Some(back) => {
                    held = back;
                    let calls = self.clone();
                    thread::spawn(move || calls.handle(call)); // as a job
                }
                None => {
                    self.handle(call);
                    let Some(back) = self.seat.take_back(bell) else { return };
                    held = back;
                }
            }
        }
        self.seat.end(bell).expect("end");
    }

    fn handle(&self, call: u32) {
        let mut received = lock(&self.received.0);
        while self.patient && *received < (call + 1).min(CALLS) {
            received = self.received.1.wait(received).expect("wait");
        }
    }
}
