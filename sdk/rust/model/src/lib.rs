//! The crate's doorbell and ring, run in many orders of their steps. The sources
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
#[path = "../../src/strategy.rs"]
mod strategy;
mod sys;

use std::collections::VecDeque;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;
use std::time::Duration;

use shuttle::thread;

use doorbell::{Doorbell, Spinner};
use ring::{Consumer, Place, Producer};
use strategy::{Spin, Strategy};
use sys::Map;

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
