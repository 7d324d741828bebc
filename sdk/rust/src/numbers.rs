//! Numbers that host and plugin must agree on, written by the host's own tests.
#![allow(dead_code)]

// The layout: go test ./transport/hub -run RustHasTheNumbers -write
pub const MAGIC: u64 = 0x31627568636464;
pub const LAYOUT_VERSION: u32 = 5;
pub const MAX_PLACES: usize = 32;
pub const MAX_CLASSES: usize = 8;
pub const HEADER_SIZE: usize = 4096;
pub const LINK_SIZE: usize = 15744;
pub const CELL_SIZE: usize = 64;
pub const EVENT_SIZE: usize = 16;
pub const SIGNAL_SLOT: u32 = 1;
pub const SIGNAL_RELAY: u32 = 2;
pub const SIGNAL_SPACE: u32 = 4;

/// Words of the header, from its start.
pub mod header {
    pub const SIZE: usize = 512;
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 8;
    pub const PEERS: usize = 12;
    pub const HASH: usize = 16;
    pub const CELLS: usize = 24;
    pub const CLASSES: usize = 28;
    pub const CLASS: usize = 32;
    pub const CLASS_STRIDE: usize = 12;
    pub const EVENTS: usize = 128;
    pub const SLOT_WAITERS: usize = 256;
    pub const GATE: usize = 384;
}

/// Words of the link, from its start.
pub mod link {
    pub const SIZE: usize = 15744;
    pub const INCARNATION: usize = 0;
    pub const ATTACHED: usize = 4;
    pub const STRATEGY: usize = 8;
    pub const SIGNALS: usize = 128;
    pub const SIGNALS_STRIDE: usize = 128;
    pub const CLOSED: usize = 384;
    pub const CLOSED_STRIDE: usize = 128;
    pub const GATE: usize = 640;
    pub const CALLER_GATE: usize = 768;
    pub const BELLS: usize = 896;
    pub const BELLS_STRIDE: usize = 256;
    pub const RINGS: usize = 1664;
    pub const RINGS_STRIDE: usize = 384;
    pub const NOTES: usize = 2432;
}

/// Words of the bell, from its start.
pub mod bell {
    pub const SIZE: usize = 256;
    pub const SEQ: usize = 0;
    pub const LEFT: usize = 4;
    pub const SENT: usize = 8;
    pub const SUPPRESSED: usize = 16;
    pub const SLEEPING: usize = 128;
    pub const PARKED: usize = 132;
    pub const TAKEN: usize = 136;
    pub const RECEIVED: usize = 144;
    pub const SPURIOUS: usize = 152;
}

/// Words of the ring, from its start.
pub mod ring {
    pub const SIZE: usize = 384;
    pub const PRODUCED: usize = 0;
    pub const CONSUMED: usize = 128;
    pub const STARVED: usize = 256;
}

/// Words of the notes, from its start.
pub mod notes {
    pub const SIZE: usize = 13312;
    pub const PIDS: usize = 32;
    pub const PIDS_STRIDE: usize = 4;
    pub const HANDLERS: usize = 88;
    pub const ENDS: usize = 128;
    pub const ENDS_STRIDE: usize = 128;
    pub const WAITS: usize = 384;
    pub const WAITS_STRIDE: usize = 128;
}

/// A layout to check the hash with.
#[cfg(test)]
#[rustfmt::skip]
pub const EXAMPLE: (&str, u64) = (
    "5 4096 15744 256 384 64 16 16 256 1024 [{1024 1024 8} {16384 256 4} {262144 32 0} {4194304 8 0} {16777216 4 0}]",
    0xe7c381a2a86089e1,
);

// The end of the layout.
