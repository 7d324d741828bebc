//! Where everything lies in the hub's memory.

use std::fmt::Write;
use std::sync::atomic::Ordering::SeqCst;

use crate::error::{agreement, Result};
use crate::numbers::{self as n, header};
use crate::sys::Map;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Class {
    pub size: usize,
    pub count: usize,
    /// How many slots each party has to itself.
    pub reserve: usize,
}

#[derive(Debug)]
pub(crate) struct Layout {
    pub places: usize,
    pub cells: usize,
    pub events: usize,
    pub classes: Vec<Class>,
}

/// Slots, bitmaps and bytes begin at multiples of it.
const PAGE: usize = 4096;

pub(crate) fn up(n: usize) -> usize {
    n.next_multiple_of(PAGE)
}

impl Class {
    /// Bytes of the slots' words, of the bitmap, and of the slots.
    pub fn sizes(&self) -> [usize; 3] {
        [up(self.count * 64), up(self.count.div_ceil(64) * 8), up(self.size * self.count)]
    }
}

impl Layout {
    /// Reads the header, and checks it before anything else is read by it.
    pub fn read(map: &Map) -> Result<Layout> {
        if map.len() < n::HEADER_SIZE {
            return Err(agreement("the hub's memory", format!("{} bytes are no hub", map.len())));
        }
        let word = |at: usize| map.word32(at).load(SeqCst);
        let magic = map.word64(header::MAGIC).load(SeqCst);
        if magic != n::MAGIC {
            return Err(agreement("Magic", format!("{magic:#x}, want {:#x}", n::MAGIC)));
        }
        let version = word(header::VERSION);
        if version != n::LAYOUT_VERSION {
            return Err(agreement("Version", format!("the hub's layout is {version}, this program's {}", n::LAYOUT_VERSION)));
        }
        let size = |at: usize| word(at) as usize;
        let classes = (0..size(header::CLASSES).min(n::MAX_CLASSES)).map(|i| {
            let at = header::CLASS + i * header::CLASS_STRIDE;
            Class { size: size(at), count: size(at + 4), reserve: size(at + 8) }
        });
        let layout =
            Layout { places: size(header::PEERS), cells: size(header::CELLS), events: size(header::EVENTS), classes: classes.collect() };
        layout.check()?;
        let hash = map.word64(header::HASH).load(SeqCst);
        if hash != layout.hash() {
            return Err(agreement("Hash", format!("{hash:#x}, want {:#x} of {:?}", layout.hash(), layout.agreed())));
        }
        if map.len() < layout.size() {
            return Err(agreement("the hub's memory", format!("{} bytes, want {}", map.len(), layout.size())));
        }
        Ok(layout)
    }

    fn check(&self) -> Result<()> {
        let power = |n: usize, most: usize| n.is_power_of_two() && n <= most;
        if self.places < 1 || self.places > n::MAX_PLACES {
            return Err(agreement("Peers", format!("{} places: a hub has 1 to {}", self.places, n::MAX_PLACES)));
        }
        if !power(self.cells, 1 << 16) {
            return Err(agreement("Cells", format!("{} is no power of two up to 65536", self.cells)));
        }
        if !power(self.events, 1 << 20) {
            return Err(agreement("Events", format!("{} is no power of two up to 1048576", self.events)));
        }
        if self.classes.is_empty() {
            return Err(agreement("Classes", "there are none"));
        }
        for (i, c) in self.classes.iter().enumerate() {
            let sound = c.size >= 64 && c.size % 64 == 0 && c.count >= 1 && c.count <= 1 << 20;
            if !sound || c.reserve.checked_mul(2 * self.places).map_or(true, |all| all > c.count) {
                return Err(agreement(format!("Class[{i}]"), format!("{} slots of {} bytes, {} for each", c.count, c.size, c.reserve)));
            }
        }
        Ok(())
    }

    fn link_bytes(&self) -> usize {
        n::LINK_SIZE + 2 * self.cells * n::CELL_SIZE + 2 * self.events * n::EVENT_SIZE
    }

    pub fn link(&self, place: usize) -> usize {
        n::HEADER_SIZE + place * self.link_bytes()
    }

    /// The cells of the ring to a side.
    pub fn ring_cells(&self, place: usize, side: usize) -> usize {
        self.link(place) + n::LINK_SIZE + side * self.cells * n::CELL_SIZE
    }

    pub fn slots(&self) -> usize {
        up(self.link(self.places))
    }

    fn size(&self) -> usize {
        self.slots() + self.classes.iter().flat_map(Class::sizes).sum::<usize>()
    }

    /// What both sides must agree on, as text.
    pub fn agreed(&self) -> String {
        let mut text = format!(
            "{} {} {} {} {} {} {} {} {} {} [",
            n::LAYOUT_VERSION,
            n::HEADER_SIZE,
            n::LINK_SIZE,
            n::bell::SIZE,
            n::ring::SIZE,
            n::CELL_SIZE,
            n::EVENT_SIZE,
            self.places,
            self.cells,
            self.events
        );
        for (i, c) in self.classes.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            let _ = write!(text, "{gap}{{{} {} {}}}", c.size, c.count, c.reserve);
        }
        text + "]"
    }

    /// FNV-1a of what is agreed.
    pub fn hash(&self) -> u64 {
        self.agreed().bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_the_page_comes_out() {
        let class = |size, count, reserve| Class { size, count, reserve };
        let layout = Layout {
            places: 16,
            cells: 256,
            events: 1024,
            classes: vec![
                class(1 << 10, 1024, 8),
                class(16 << 10, 256, 4),
                class(256 << 10, 32, 0),
                class(4 << 20, 8, 0),
                class(16 << 20, 4, 0),
            ],
        };
        assert_eq!((layout.agreed().as_str(), layout.hash()), n::EXAMPLE);
    }
}
