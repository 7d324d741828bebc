//! Notes for people who look at a hub from outside. No decision rests on them.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};
use std::sync::Arc;

use crate::numbers::notes;
use crate::sys::{self, Map};

/// A plugin's notes. It keeps since when it waits; who answers calls keeps also
/// how many are at work.
pub(crate) struct Notes {
    map: Arc<Map>,
    at: usize,
    /// How many threads wait for room in the ring.
    space: AtomicI32,
}

// Within the plugin's part of Waits.
const SPACE: usize = 0;
const SLOT: usize = 8;
const SLOTS: usize = 16;

impl Notes {
    pub fn new(map: Arc<Map>, at: usize) -> Notes {
        Notes { map, at, space: AtomicI32::new(0) }
    }

    pub fn attached(&self) {
        self.map.word32(self.at + notes::PIDS + notes::PIDS_STRIDE).store(std::process::id(), SeqCst);
    }

    /// One more than the calls at work, or 0 if they are not counted.
    pub fn handlers(&self) -> &AtomicU32 {
        self.map.word32(self.at + notes::HANDLERS)
    }

    fn waits(&self) -> usize {
        self.at + notes::WAITS + notes::WAITS_STRIDE
    }

    pub fn wait_for_space(&self) -> Waiting<'_> {
        if self.space.fetch_add(1, SeqCst) == 0 {
            self.map.word64(self.waits() + SPACE).store(sys::monotonic(), SeqCst);
        }
        Waiting { notes: self, slot: false }
    }

    pub fn wait_for_slot(&self) -> Waiting<'_> {
        if self.map.word32(self.waits() + SLOTS).fetch_add(1, SeqCst) == 0 {
            self.map.word64(self.waits() + SLOT).store(sys::monotonic(), SeqCst);
        }
        Waiting { notes: self, slot: true }
    }
}

/// A thread that waits, until this is dropped. The last to go clears the time.
pub(crate) struct Waiting<'a> {
    notes: &'a Notes,
    slot: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let n = self.notes;
        let since: (bool, &AtomicU64) = if self.slot {
            (n.map.word32(n.waits() + SLOTS).fetch_sub(1, SeqCst) == 1, n.map.word64(n.waits() + SLOT))
        } else {
            (n.space.fetch_sub(1, SeqCst) == 1, n.map.word64(n.waits() + SPACE))
        };
        if since.0 {
            since.1.store(0, SeqCst);
        }
    }
}
