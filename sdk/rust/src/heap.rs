//! The bound on what is alive on the heap.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes alive, and how many may be; 0 is no bound.
pub(crate) static ALIVE: AtomicU64 = AtomicU64::new(0);
pub(crate) static MOST: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, which ends the process with status 97 when more is
/// alive than the host allows. The host then repeats the calls. A plugin opts in:
///
/// ```
/// #[global_allocator]
/// static HEAP: ddc_plugin::Heap = ddc_plugin::Heap;
/// ```
///
/// Without it the kernel chooses which process ends when memory runs out.
pub struct Heap;

pub(crate) const EXHAUSTED: i32 = 97;

/// How many freed bytes the allocator keeps for the next call. It would give each
/// large block back to the kernel, and the next call would fault in every page of
/// it again: two thirds of the time of a tonic server's call of 1 MiB.
pub(crate) const KEPT: i32 = 8 << 20;

pub(crate) fn limit(bytes: u64) {
    MOST.store(bytes, Relaxed);
}
