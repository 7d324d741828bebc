//! The pool of payload slots, as one party of the hub uses it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;

use crate::error::{corrupt, Result};
use crate::layout::{Class, Layout};
use crate::sys::Map;

const FREE: u64 = 0;
const FILLING: u64 = 1;
const SENT: u64 = 2;
const HELD: u64 = 3;

/// Words lie so far apart.
const APART: usize = 64;

/// A slot in one generation: generation<<32 | class<<24 | index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ref(pub u64);

impl Ref {
    fn generation(self) -> u64 {
        self.0 >> 32
    }
    fn class(self) -> usize {
        (self.0 >> 24) as usize & 0xff
    }
    fn index(self) -> usize {
        self.0 as usize & 0xff_ffff
    }
}

struct Slots {
    class: Class,
    words: usize,
    bitmap: usize,
    bytes: usize,
    /// The first slot that is nobody's own.
    shared: usize,
}

pub(crate) struct Pool {
    map: Arc<Map>,
    classes: Vec<Slots>,
    party: usize,
}

fn word(generation: u64, owner: usize, state: u64) -> u64 {
    (generation & 0xffff_ffff) << 32 | (owner as u64 & 0xffff) << 8 | state
}

impl Pool {
    pub fn new(map: Arc<Map>, layout: &Layout, party: usize) -> Pool {
        let mut at = layout.slots();
        let classes = layout.classes.iter().map(|&class| {
            let [words, bitmap, bytes] = class.sizes();
            let slots =
                Slots { class, words: at, bitmap: at + words, bytes: at + words + bitmap, shared: class.reserve * 2 * layout.places };
            at += words + bitmap + bytes;
            slots
        });
        Pool { classes: classes.collect(), map, party }
    }

    fn word(&self, class: usize, index: usize) -> &AtomicU64 {
        self.map.word64(self.classes[class].words + index * APART)
    }

    fn hints(&self, class: usize, index: usize) -> &AtomicU64 {
        self.map.word64(self.classes[class].bitmap + index / 64 * 8)
    }

    /// Takes a slot for n bytes: of the smallest class that fits, or a larger.
    pub fn claim(&self, n: usize) -> Option<Ref> {
        (0..self.classes.len()).filter(|&c| self.classes[c].class.size >= n).find_map(|c| self.claim_of(c))
    }

    /// Takes a slot for a piece of what is left of a payload: one that holds it,
    /// or the largest that is free.
    pub fn claim_piece(&self, left: usize) -> Option<Ref> {
        self.claim(left).or_else(|| (0..self.classes.len()).rev().find_map(|c| self.claim_of(c)))
    }

    /// Tries the slots that all share, then this party's own.
    fn claim_of(&self, class: usize) -> Option<Ref> {
        let Slots { class: Class { count, reserve, .. }, shared, .. } = self.classes[class];
        for first in (0..count).step_by(64) {
            let mut set = self.hints(class, first).load(SeqCst);
            while set != 0 {
                let index = first + set.trailing_zeros() as usize;
                set &= set - 1;
                if index < shared || index >= count {
                    continue;
                }
                if let Some(claimed) = self.try_claim(class, index) {
                    self.hints(class, index).fetch_and(!(1 << (index % 64)), SeqCst);
                    return Some(claimed);
                }
            }
        }
        (self.party * reserve..(self.party + 1) * reserve).find_map(|index| self.try_claim(class, index))
    }

    fn try_claim(&self, class: usize, index: usize) -> Option<Ref> {
        let slot = self.word(class, index);
        let old = slot.load(SeqCst);
        if old & 0xff != FREE {
            return None;
        }
        let generation = ((old >> 32) + 1) & 0xffff_ffff;
        slot.compare_exchange(old, word(generation, self.party, FILLING), SeqCst, SeqCst).ok()?;
        Some(Ref(generation << 32 | (class as u64) << 24 | index as u64))
    }

    /// Checks that a reference names a slot at all. It may come from a peer.
    fn check(&self, r: Ref) -> Result<()> {
        if r.class() < self.classes.len() && r.index() < self.classes[r.class()].class.count {
            return Ok(());
        }
        Err(corrupt("ref", format!("class {} slot {} is out of range", r.class(), r.index())))
    }

    fn step(&self, r: Ref, owner: Option<usize>, from: u64, to: u64) -> Result<()> {
        self.check(r)?;
        let slot = self.word(r.class(), r.index());
        let old = slot.load(SeqCst);
        let has = (old >> 8 & 0xffff) as usize;
        let starts = old >> 32 == r.generation() && old & 0xff == from && owner.map_or(true, |o| o == has);
        if starts && slot.compare_exchange(old, word(old >> 32, has, to), SeqCst, SeqCst).is_ok() {
            return Ok(());
        }
        let what = format!(
            "class {} slot {} generation {} is of party {has}, generation {}, in state {}",
            r.class(),
            r.index(),
            r.generation(),
            old >> 32,
            old & 0xff
        );
        Err(corrupt("slot word", what))
    }

    /// Marks a filled slot as on its way, before its reference leaves.
    pub fn sent(&self, r: Ref) -> Result<()> {
        self.step(r, None, FILLING, SENT)
    }

    /// Takes over a slot that a party has sent.
    pub fn accept(&self, r: Ref, from: usize) -> Result<()> {
        self.step(r, Some(from), SENT, HELD)
    }

    /// Gives a slot back, unless somebody else has it by now. The caller then
    /// tells those who wait for one.
    pub fn free(&self, r: Ref) {
        if self.check(r).is_err() {
            return;
        }
        let (slot, class) = (self.word(r.class(), r.index()), r.class());
        // Nobody else moves it but a peer that writes where it must not: it may
        // keep this one slot from being freed, not this thread.
        for _ in 0..64 {
            let old = slot.load(SeqCst);
            if old >> 32 != r.generation() || old & 0xff == FREE {
                return;
            }
            if slot.compare_exchange(old, word(old >> 32, (old >> 8) as usize, FREE), SeqCst, SeqCst).is_ok() {
                if r.index() >= self.classes[class].shared {
                    self.hints(class, r.index()).fetch_or(1 << (r.index() % 64), SeqCst);
                }
                return;
            }
        }
    }

    /// How many bytes the slot has. The reference must be one that was claimed
    /// or accepted.
    pub fn size(&self, r: Ref) -> usize {
        self.classes[r.class()].class.size
    }

    /// Where its bytes are.
    pub fn bytes(&self, r: Ref) -> usize {
        let c = &self.classes[r.class()];
        c.bytes + r.index() * c.class.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::made;

    /// A pool of 4 slots of 64 bytes, one for each of two parties, and 1 of 128.
    fn pool() -> Pool {
        let class = |size, count, reserve| Class { size, count, reserve };
        let layout = Layout { places: 1, cells: 4, events: 1, classes: vec![class(64, 4, 1), class(128, 1, 0)] };
        let pool = Pool::new(Arc::new(made::memory(1 << 20)), &layout, 1);
        pool.hints(0, 0).store(0b1100, SeqCst);
        pool.hints(1, 0).store(1, SeqCst);
        pool
    }

    #[test]
    fn a_payload_takes_the_smallest_slot_that_fits_and_never_the_other_partys() {
        let pool = pool();
        let claimed: Vec<_> = std::iter::from_fn(|| pool.claim(1)).map(|r| (r.class(), r.index())).collect();
        assert_eq!(claimed, [(0, 2), (0, 3), (0, 1), (1, 0)]);
        assert_eq!(pool.claim_piece(1000), None);
    }

    #[test]
    fn a_slot_goes_round_and_its_old_names_are_refused() {
        let pool = pool();
        let first = pool.claim(100).unwrap();
        assert!(pool.accept(first, 1).unwrap_err().to_string().contains("slot word"), "it was not sent");
        pool.sent(first).unwrap();
        assert!(pool.accept(first, 0).is_err(), "another party sent it");
        pool.accept(first, 1).unwrap();
        pool.free(first);
        let second = pool.claim(100).unwrap();
        assert_eq!((second.index(), second.generation()), (first.index(), first.generation() + 1));
        pool.free(first); // too late: it is the second's by now
        pool.sent(second).unwrap();
        assert!(pool.sent(Ref(u64::MAX)).unwrap_err().to_string().contains("out of range"));
    }
}
