//! What the compiler cannot check: memory that other processes write, and
//! system calls. No other file of this crate has an unsafe block.
//!
//! [`Map`] gives out atomic words, and copies bytes in and out. The bytes of a
//! slot belong to one party at a time by the protocol, not by the compiler: a
//! party that breaks it can change them while they are read here. So nothing is
//! decided twice from the same shared bytes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_char;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use crate::heap::{self, Heap};

/// The hub's memory, mapped. It stays mapped until the process ends: words of
/// it may be in use by threads that nobody waits for.
pub(crate) struct Map {
    start: *mut u8,
    len: usize,
}

// SAFETY: the mapping is never undone, and is only reached through atomics and
// by copies.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Maps a memfd. It must be sealed against shrinking, or a read could fault.
    pub fn open(file: &OwnedFd) -> io::Result<Map> {
        // SAFETY: both calls only ask about a descriptor that is open.
        let (seals, stat) = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            let seals = libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS);
            if seals < 0 || libc::fstat(file.as_raw_fd(), &mut stat) < 0 {
                return Err(io::Error::last_os_error());
            }
            (seals, stat)
        };
        if seals & libc::F_SEAL_SHRINK == 0 {
            return Err(io::Error::other("it is not sealed against shrinking"));
        }
        let len = usize::try_from(stat.st_size).unwrap_or(0);
        let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a fresh mapping of a file that cannot shrink.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, prot, flags, file.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Map { start: start.cast(), len })
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// The address of n bytes, which must lie in the mapping. Offsets come from
    /// a layout that was checked against its size.
    fn at(&self, at: usize, n: usize) -> *mut u8 {
        assert!(at.checked_add(n).is_some_and(|end| end <= self.len), "{n} bytes at {at} lie outside the hub's {}", self.len);
        // SAFETY: it is within the mapping.
        unsafe { self.start.add(at) }
    }

    pub fn word32(&self, at: usize) -> &AtomicU32 {
        assert!(at % 4 == 0, "word at {at}");
        // SAFETY: it is mapped, aligned, and everybody uses it atomically.
        unsafe { AtomicU32::from_ptr(self.at(at, 4).cast()) }
    }

    pub fn word64(&self, at: usize) -> &AtomicU64 {
        assert!(at % 8 == 0, "word at {at}");
        // SAFETY: as in word32.
        unsafe { AtomicU64::from_ptr(self.at(at, 8).cast()) }
    }

    /// Copies bytes out. Another process may write them meanwhile; then some
    /// are old and some are new.
    pub fn read(&self, at: usize, into: &mut [u8]) {
        // SAFETY: both are valid for the length, and apart.
        unsafe { std::ptr::copy_nonoverlapping(self.at(at, into.len()), into.as_mut_ptr(), into.len()) }
    }

    /// Copies bytes in.
    pub fn write(&self, at: usize, from: &[u8]) {
        // SAFETY: both are valid for the length, and apart.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), self.at(at, from.len()), from.len()) }
    }

    /// Appends n bytes to a buffer, without writing zeros there first.
    pub fn append(&self, at: usize, n: usize, into: &mut Vec<u8>) {
        into.reserve(n);
        // SAFETY: room was reserved for n bytes, all of which are written.
        unsafe {
            std::ptr::copy_nonoverlapping(self.at(at, n), into.as_mut_ptr().add(into.len()), n);
            into.set_len(into.len() + n);
        }
    }

    /// Lends bytes to be written in place. The caller has a slot there that it
    /// fills, which no sound party touches.
    pub fn fill<R>(&self, at: usize, n: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        // SAFETY: the slot is this party's alone, so no other reference is alive.
        fill(unsafe { std::slice::from_raw_parts_mut(self.at(at, n), n) })
    }
}

/// Takes over a descriptor that this process has inherited, and keeps programs
/// that it starts from inheriting it in turn.
pub(crate) fn inherited(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the kernel says whether the descriptor is open.
    if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and the agreement says that it is for the caller alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sleeps while a word has the value that was seen, for so long at most. It may
/// return for no reason.
pub(crate) fn futex_wait(word: &AtomicU32, seen: u32, most: Option<Duration>) -> io::Result<()> {
    let most = most.map(|d| libc::timespec { tv_sec: d.as_secs() as libc::time_t, tv_nsec: d.subsec_nanos().into() });
    let limit = most.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the word is mapped for as long as the process lives.
    let r = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, seen, limit) };
    if r == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        // The word has changed already, a signal came, or time is over.
        e if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EINTR | libc::ETIMEDOUT)) => Ok(()),
        e => Err(e),
    }
}

/// Wakes one sleeper of any process.
pub(crate) fn futex_wake(word: &AtomicU32) -> io::Result<()> {
    // SAFETY: as in futex_wait.
    if unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Sleeps until one of the files can be read, or has come to its end, for so
/// long at most.
pub(crate) fn poll(files: &[RawFd], most: Option<Duration>) -> io::Result<()> {
    // Rounded up: who wakes too early would only sleep again.
    let most = most.map_or(-1, |d| d.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32);
    let mut polled: Vec<_> = files.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    // SAFETY: the array is valid for its length.
    if unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, most) } >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        e if e.kind() == io::ErrorKind::Interrupted => Ok(()),
        e => Err(e),
    }
}

/// Writes to a socket without blocking, and without a signal if nobody reads.
pub(crate) fn send(socket: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes are valid for their length.
    let n = unsafe { libc::send(socket, bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Has this process ignore Ctrl-C, which reaches every process of a terminal,
/// and get SIGUSR1 and SIGTERM by way of the file returned. Threads that exist
/// already must block the signals themselves.
pub(crate) fn take_signals() -> io::Result<File> {
    // SAFETY: the set is initialised before its use.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGUSR1);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        match libc::signalfd(-1, &set, libc::SFD_CLOEXEC) {
            fd if fd < 0 => Err(io::Error::last_os_error()),
            fd => Ok(File::from_raw_fd(fd)),
        }
    }
}

pub(crate) const SIGTERM: u32 = libc::SIGTERM as u32;

/// Has this process ignore the signals that are not for it: for programs that
/// have no use for them.
pub(crate) fn ignore_signals() {
    // SAFETY: no handler is installed.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::signal(libc::SIGUSR1, libc::SIG_IGN);
    }
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// Has this process give up starting programs. Threads stay possible: clone3,
/// whose flags a filter cannot see, is as on a kernel that lacks it.
pub(crate) fn forbid_programs() -> io::Result<()> {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const ANY: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
    const ANSWER: u16 = 0x06; // BPF_RET | BPF_K
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let mut program = vec![step(LOAD, 4, 0, 0), step(EQUAL, ARCHITECTURE, 1, 0), step(ANSWER, refused, 0, 0), step(LOAD, 0, 0, 0)];
    let mut deny = |call: libc::c_long, answer| program.extend([step(EQUAL, call as u32, 0, 1), step(ANSWER, answer, 0, 0)]);
    #[cfg(target_arch = "x86_64")]
    for call in [libc::SYS_fork, libc::SYS_vfork] {
        deny(call, refused);
    }
    deny(libc::SYS_execve, refused);
    deny(libc::SYS_execveat, refused);
    deny(libc::SYS_clone3, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
    program.extend([
        step(EQUAL, libc::SYS_clone as u32, 0, 3),
        step(LOAD, 16, 0, 0), // the low half of the flags
        step(ANY, libc::CLONE_THREAD as u32, 1, 0),
        step(ANSWER, refused, 0, 0),
        step(ANSWER, libc::SECCOMP_RET_ALLOW, 0, 0),
    ]);
    #[cfg(target_arch = "x86_64")] // calls of the x32 interface have other numbers
    program.splice(4..4, [step(ANY, 0x4000_0000, 0, 1), step(ANSWER, refused, 0, 0)]);
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program outlives the call, which copies it.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
            || libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0
        {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// CLOCK_MONOTONIC in nanoseconds, by which notes are kept.
pub(crate) fn monotonic() -> u64 {
    // SAFETY: the kernel fills the struct, and always has this clock.
    let t = unsafe {
        let mut t: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t);
        t
    };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// Whether a file can be read, or has come to its end.
pub(crate) fn is_readable(fd: RawFd) -> bool {
    let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: it is one entry.
    unsafe { libc::poll(&mut polled, 1, 0) > 0 }
}

/// Has a runtime watch a file, which it owns.
#[cfg(feature = "grpc")]
pub(crate) fn watch(file: File) -> io::Result<tokio::io::unix::AsyncFd<File>> {
    // SAFETY: a File keeps its descriptor open until it is dropped, and has the
    // same one all the while.
    let watched = unsafe { tokio::io::unix::AsyncFd::register_with_interest(file, tokio::io::Interest::READABLE) };
    watched.map_err(Into::into)
}

/// Has the allocator keep so many freed bytes, where it is glibc's.
pub(crate) fn keep_freed(bytes: i32) {
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets two numbers of the allocator.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, bytes);
        libc::mallopt(libc::M_TRIM_THRESHOLD, bytes);
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = bytes;
}

// SAFETY: all is left to the system's allocator; what is counted decides only
// whether the process goes on.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        System.alloc(layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        System.alloc_zeroed(layout)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        heap::ALIVE.fetch_sub(layout.size() as u64, Relaxed);
        System.dealloc(at, layout)
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        heap::ALIVE.fetch_sub(layout.size() as u64, Relaxed);
        System.realloc(at, layout, size)
    }
}

/// Counts an allocation. Nothing that allocates may be called here.
fn count(bytes: usize) {
    let alive = heap::ALIVE.fetch_add(bytes as u64, Relaxed) + bytes as u64;
    let most = heap::MOST.load(Relaxed);
    if most == 0 || alive <= most {
        return;
    }
    let text = b"out of memory: more is alive on the heap than the host allows\n";
    // SAFETY: the text is valid for its length; the process ends here.
    unsafe {
        libc::write(2, text.as_ptr().cast(), text.len());
        libc::_exit(heap::EXHAUSTED)
    }
}

/// Writes a text into a buffer of a C program, cut to its size.
pub(crate) fn put_text(into: Option<&mut c_char>, size: usize, text: &[u8]) {
    let Some(into) = into else { return };
    let n = text.len().min(size);
    // SAFETY: the caller's buffer has so many bytes, by the header's word.
    let into = unsafe { std::slice::from_raw_parts_mut(std::ptr::from_mut(into).cast::<u8>(), size) };
    into[..n].copy_from_slice(&text[..n]);
    if let Some(last) = into.last_mut() {
        *last = 0;
    }
}

/// Copies bytes of a C program.
pub(crate) fn bytes_of(start: *const u8, n: usize) -> Vec<u8> {
    if n == 0 || start.is_null() {
        return Vec::new();
    }
    // SAFETY: there are so many bytes, by the header's word.
    unsafe { std::slice::from_raw_parts(start, n) }.to_vec()
}

/// Memory and files as a host makes them, for tests.
#[cfg(test)]
pub(crate) mod made {
    use super::*;
    use crate::strategy::Strategy;

    pub fn memory(len: usize) -> Map {
        // SAFETY: the name is a C string, and the descriptor is new.
        let file = unsafe {
            let fd = libc::memfd_create(c"test".as_ptr(), libc::MFD_ALLOW_SEALING | libc::MFD_CLOEXEC);
            assert!(fd >= 0 && libc::ftruncate(fd, len as libc::off_t) == 0, "{}", io::Error::last_os_error());
            OwnedFd::from_raw_fd(fd)
        };
        assert!(Map::open(&file).is_err_and(|e| e.to_string().contains("sealed")));
        // SAFETY: the descriptor is open.
        assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, libc::F_SEAL_SHRINK | libc::F_SEAL_GROW) }, 0);
        Map::open(&file).expect("map it")
    }

    /// A doorbell's files, for two ends.
    pub fn files(strategy: Strategy) -> [Vec<OwnedFd>; 2] {
        let mut pair = [-1, -1];
        // SAFETY: the kernel fills the pair with new descriptors.
        let made = unsafe {
            match strategy {
                Strategy::Futex => return [Vec::new(), Vec::new()],
                Strategy::Eventfd => {
                    pair[0] = libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC);
                    0
                }
                Strategy::Pipe => libc::pipe2(pair.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC),
                Strategy::Socketpair => {
                    libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0, pair.as_mut_ptr())
                }
            }
        };
        assert_eq!(made, 0);
        // SAFETY: those that are not -1 are open, and nobody else's.
        let files: Vec<OwnedFd> = pair.into_iter().filter(|&fd| fd >= 0).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect();
        let copies = files.iter().map(|f| f.try_clone().expect("copy it")).collect();
        [files, copies]
    }
}
