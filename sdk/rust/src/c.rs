//! The core for programs that call C: include/ddc.h says what each function
//! does. Pointers come in as references that may be absent, so that only sys
//! reads what the compiler cannot check.
#![allow(unsafe_code)] // to give functions their names; there is no unsafe block

use std::ffi::{c_char, c_int, CString};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::agreement::Terms;
use crate::error::{Doing, Result};
use crate::frame::Header;
use crate::link::Link;
use crate::queue::Queue;
use crate::receiver::{Incoming, Receiver};
use crate::sys;

/// A link as one thread of a C program uses it.
pub struct CLink {
    link: Arc<Link>,
    receiver: Receiver,
    queue: Queue,
    /// The payload of the frame that came last.
    payload: Vec<u8>,
    name: CString,
    error: CString,
}

#[repr(C)]
pub struct CFrame {
    op: u8,
    flags: u8,
    stream: u32,
    arg: u64,
    payload: *const u8,
    length: usize,
}

const FRAME: c_int = 1;
const CLOSED: c_int = 0;
const FAILED: c_int = -1;
const NOTHING: c_int = 2;

fn attach() -> Result<CLink> {
    let terms = Terms::read()?;
    for variable in ["DDC_PLUGIN", "DDC_HUB"] {
        std::env::remove_var(variable);
    }
    if terms.no_programs {
        sys::forbid_programs().doing("give up starting programs (--no-sandbox does without)")?;
    }
    sys::ignore_signals();
    let (link, receiver, lifeline) = Link::attach(&terms)?;
    std::thread::Builder::new().stack_size(64 << 10).spawn(|| lifeline.wait()).doing("start a thread")?;
    let queue = Queue::new(link.clone());
    Ok(CLink { link, receiver, queue, payload: Vec::new(), name: text(&terms.name), error: CString::default() })
}

fn text(s: &str) -> CString {
    CString::new(s.replace('\0', "?")).unwrap_or_default()
}

#[no_mangle]
pub extern "C" fn ddc_attach(error: Option<&mut c_char>, size: usize) -> Option<Box<CLink>> {
    match attach() {
        Ok(link) => Some(Box::new(link)),
        Err(e) => {
            sys::put_text(error, size, text(&e.to_string()).as_bytes_with_nul());
            None
        }
    }
}

#[no_mangle]
pub extern "C" fn ddc_name(link: &CLink) -> *const c_char {
    link.name.as_ptr()
}

#[no_mangle]
pub extern "C" fn ddc_error(link: &CLink) -> *const c_char {
    link.error.as_ptr()
}

impl CLink {
    fn failed<T>(&mut self, result: Result<T>) -> std::result::Result<T, c_int> {
        result.map_err(|e| {
            self.error = text(&e.to_string());
            FAILED
        })
    }

    /// Looks for a frame. What waits to be sent is tried at every look: each
    /// announcement holds for one wake-up.
    fn next(&mut self, frame: &mut CFrame, until: Option<Instant>, sleep: bool) -> std::result::Result<c_int, c_int> {
        loop {
            let before = self.queue.bytes();
            let flushed = self.queue.flush();
            self.failed(flushed)?;
            if self.queue.bytes() < before {
                return Ok(NOTHING); // the caller may have waited for that
            }
            let incoming = if sleep { self.receiver.next_until(until) } else { self.receiver.try_next() };
            match self.failed(incoming)? {
                Some(Incoming::Frame(f)) => {
                    let h = f.header;
                    self.payload.clear();
                    f.take(&mut self.payload);
                    *frame = CFrame {
                        op: h.op,
                        flags: h.flags,
                        stream: h.stream,
                        arg: h.arg,
                        payload: self.payload.as_ptr(),
                        length: self.payload.len(),
                    };
                    return Ok(FRAME);
                }
                Some(Incoming::Room) => {}
                Some(Incoming::Closed) => return Ok(CLOSED),
                None if !sleep || until.is_some_and(|t| t <= Instant::now()) => return Ok(NOTHING),
                None => {}
            }
        }
    }
}

#[no_mangle]
pub extern "C" fn ddc_next(link: &mut CLink, frame: &mut CFrame, microseconds: i64) -> c_int {
    let until = u64::try_from(microseconds).ok().and_then(|n| Instant::now().checked_add(Duration::from_micros(n)));
    link.next(frame, until, true).unwrap_or_else(|failed| failed)
}

#[no_mangle]
pub extern "C" fn ddc_poll(link: &mut CLink, frame: &mut CFrame) -> c_int {
    link.next(frame, None, false).unwrap_or_else(|failed| failed)
}

#[no_mangle]
pub extern "C" fn ddc_send(link: &mut CLink, frame: &CFrame) -> c_int {
    let header = Header { op: frame.op, flags: frame.flags, stream: frame.stream, arg: frame.arg };
    let sent = link.queue.send(header, sys::bytes_of(frame.payload, frame.length));
    link.failed(sent).map_or_else(|failed| failed, |()| FRAME)
}

#[no_mangle]
pub extern "C" fn ddc_queued(link: &CLink) -> usize {
    link.queue.bytes()
}

#[no_mangle]
pub extern "C" fn ddc_file(link: &CLink) -> c_int {
    link.receiver.file().map_or(-1, |f| f.as_raw_fd())
}

#[no_mangle]
pub extern "C" fn ddc_sleep(link: &mut CLink) -> c_int {
    let flushed = link.queue.flush().and_then(|()| link.receiver.sleep_elsewhere());
    link.failed(flushed).map_or_else(|failed| failed, c_int::from)
}

#[no_mangle]
pub extern "C" fn ddc_woken(link: &mut CLink) -> c_int {
    let woken = link.receiver.woken();
    link.failed(woken).map_or_else(|failed| failed, |()| FRAME)
}

#[no_mangle]
pub extern "C" fn ddc_close(link: Option<Box<CLink>>) {
    if let Some(link) = link {
        link.link.close();
    }
}
