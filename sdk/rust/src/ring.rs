//! The two ends of a ring of descriptors.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;

use crate::error::{corrupt, Result};
use crate::numbers::{ring, CELL_SIZE};
use crate::sys::Map;

/// One cell.
pub(crate) type Descriptor = [u8; CELL_SIZE];

/// Where a ring lies.
pub(crate) struct Place {
    pub map: Arc<Map>,
    /// Where its indices lie.
    pub page: usize,
    pub cells: usize,
    pub count: usize,
    pub name: &'static str,
}

impl Place {
    fn cell(&self, index: u64) -> usize {
        self.cells + (index as usize & (self.count - 1)) * CELL_SIZE
    }

    fn load(&self, word: usize) -> u64 {
        self.map.word64(self.page + word).load(SeqCst)
    }
}

/// The end that pushes.
pub(crate) struct Producer {
    place: Place,
    produced: u64,
    /// A copy of the consumer's index, never ahead of it.
    consumed: u64,
}

impl Producer {
    pub fn new(place: Place) -> Producer {
        let (produced, consumed) = (place.load(ring::PRODUCED), place.load(ring::CONSUMED));
        Producer { place, produced, consumed }
    }

    fn has_room(&mut self) -> Result<bool> {
        let count = self.place.count as u64;
        if self.produced.wrapping_sub(self.consumed) < count {
            return Ok(true);
        }
        self.consumed = self.place.load(ring::CONSUMED);
        let length = self.produced.wrapping_sub(self.consumed);
        if length > count {
            let what = format!("consumer index {}, producer index {}, {count} cells", self.consumed, self.produced);
            return Err(corrupt(self.place.name, what));
        }
        Ok(length < count)
    }

    /// Pushes, and says whether there was room.
    pub fn push(&mut self, d: &Descriptor) -> Result<bool> {
        if !self.has_room()? {
            return Ok(false);
        }
        self.place.map.write(self.place.cell(self.produced), d);
        self.produced = self.produced.wrapping_add(1);
        self.place.map.word64(self.place.page + ring::PRODUCED).store(self.produced, SeqCst);
        Ok(true)
    }

    /// Announces that this end waits for room, then looks once more. A consumer
    /// takes the announcement with the first pop that sees it. So whoever wakes
    /// and finds no room announces again.
    pub fn announce_starved(&mut self) -> Result<bool> {
        self.place.map.word32(self.place.page + ring::STARVED).swap(1, SeqCst);
        self.has_room()
    }
}

/// The end that pops.
pub(crate) struct Consumer {
    place: Place,
    consumed: u64,
    produced: u64,
}

impl Consumer {
    pub fn new(place: Place) -> Consumer {
        let consumed = place.load(ring::CONSUMED);
        Consumer { place, consumed, produced: consumed }
    }

    pub fn is_empty(&self) -> bool {
        self.place.load(ring::PRODUCED) == self.consumed
    }

    /// Moves what there is into batch, up to most descriptors, and says whether
    /// the producer waited for the room: then the caller owes it a ring.
    pub fn pop(&mut self, batch: &mut std::collections::VecDeque<Descriptor>, most: usize) -> Result<bool> {
        let count = self.place.count as u64;
        if self.produced == self.consumed {
            self.produced = self.place.load(ring::PRODUCED);
        }
        let length = self.produced.wrapping_sub(self.consumed);
        if length > count {
            let what = format!("producer index {}, consumer index {}, {count} cells", self.produced, self.consumed);
            return Err(corrupt(self.place.name, what));
        }
        let popped = length.min(most as u64);
        for i in 0..popped {
            let mut d = [0; CELL_SIZE];
            self.place.map.read(self.place.cell(self.consumed.wrapping_add(i)), &mut d);
            batch.push_back(d);
        }
        if popped == 0 {
            return Ok(false);
        }
        self.consumed = self.consumed.wrapping_add(popped);
        self.place.map.word64(self.place.page + ring::CONSUMED).swap(self.consumed, SeqCst);
        let starved = self.place.map.word32(self.place.page + ring::STARVED);
        Ok(starved.load(SeqCst) == 1 && starved.compare_exchange(1, 0, SeqCst, SeqCst).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::made;
    use std::collections::VecDeque;

    fn ends(start: u64) -> (Producer, Consumer, Arc<Map>) {
        let map = Arc::new(made::memory(4096));
        let place = || Place { map: map.clone(), page: 0, cells: 1024, count: 4, name: "Rings[test]" };
        for word in [ring::PRODUCED, ring::CONSUMED] {
            map.word64(word).store(start, SeqCst);
        }
        (Producer::new(place()), Consumer::new(place()), map.clone())
    }

    #[test]
    fn descriptors_come_in_order_across_the_wrap_of_the_indices() {
        let (mut producer, mut consumer, _map) = ends(u64::MAX - 5);
        let mut got = VecDeque::new();
        for n in 0..20u8 {
            assert!(producer.push(&[n; CELL_SIZE]).unwrap());
            assert!(!consumer.pop(&mut got, 3).unwrap());
        }
        assert!(consumer.is_empty() && got.iter().enumerate().all(|(n, d)| d[0] == n as u8));
    }

    #[test]
    fn an_announcement_is_taken_by_the_pop_that_makes_room() {
        let (mut producer, mut consumer, _map) = ends(0);
        for _ in 0..4 {
            assert!(producer.push(&[0; CELL_SIZE]).unwrap());
        }
        assert!(!producer.push(&[0; CELL_SIZE]).unwrap() && !producer.announce_starved().unwrap());
        let mut got = VecDeque::new();
        assert!(consumer.pop(&mut got, 1).unwrap(), "the producer waits");
        assert!(!consumer.pop(&mut got, 1).unwrap(), "it has been told");
        assert!(producer.announce_starved().unwrap(), "there is room");
    }

    #[test]
    fn an_index_that_no_sound_side_stores_is_refused() {
        let (mut producer, mut consumer, map) = ends(0);
        map.word64(ring::PRODUCED).store(5, SeqCst);
        assert!(consumer.pop(&mut VecDeque::new(), 9).unwrap_err().to_string().contains("Rings[test]: producer index 5"));
        map.word64(ring::CONSUMED).store(1 << 40, SeqCst);
        for _ in 0..4 {
            assert!(producer.push(&[0; CELL_SIZE]).unwrap());
        }
        assert!(producer.push(&[0; CELL_SIZE]).unwrap_err().to_string().contains("consumer index"));
    }
}
