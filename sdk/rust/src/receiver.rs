//! The receiving half of a link.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;
use std::time::Instant;

use crate::doorbell::Spinner;
use crate::error::{corrupt, Error, Result};
use crate::frame::{self, Frame, Payload, Reassembly};
use crate::link::{Link, HOST, PLUGIN};
use crate::numbers as n;
use crate::ring::{Consumer, Descriptor};

/// What a receiver has found.
pub enum Incoming {
    /// A frame has come.
    Frame(Frame),
    /// Room came in the ring, or a slot came free: whoever waits to send tries
    /// again. Threads that wait in [`Link::send`] have been woken.
    Room,
    /// The host has closed the link, and everything it sent has been received.
    Closed,
}

/// The receiving half, for one thread, which never waits for anything else.
pub struct Receiver {
    link: Arc<Link>,
    consumer: Consumer,
    batch: VecDeque<Descriptor>,
    pieces: Reassembly,
    spinner: Spinner,
}

/// So many descriptors are popped at once.
const BATCH: usize = 128;

impl Receiver {
    pub(crate) fn new(link: Arc<Link>, consumer: Consumer, spinner: Spinner) -> Receiver {
        Receiver { link, consumer, batch: VecDeque::new(), pieces: Reassembly::default(), spinner }
    }

    /// Waits for whatever comes next. An error is the link's end.
    pub fn receive(&mut self) -> Result<Incoming> {
        loop {
            if let Some(incoming) = self.next_until(None)? {
                return Ok(incoming);
            }
        }
    }

    /// Waits for whatever comes next, until a time at most.
    pub fn next_until(&mut self, until: Option<Instant>) -> Result<Option<Incoming>> {
        if let Some(incoming) = self.try_next()? {
            return Ok(Some(incoming));
        }
        let (link, consumer) = (&self.link, &self.consumer);
        link.own.wait(&mut self.spinner, until, || ready(link, consumer))?;
        self.try_next()
    }

    /// Looks for what has come, and does not wait.
    pub fn try_next(&mut self) -> Result<Option<Incoming>> {
        loop {
            while let Some(d) = self.batch.pop_front() {
                if let Some(frame) = self.frame(&d).inspect_err(|e| self.report(e))? {
                    return Ok(Some(Incoming::Frame(frame)));
                }
            }
            // Asked before the ring is looked at: what the host pushed before it
            // closed, or died, is then found by this look.
            let (closed, ending) = (self.link.closed(HOST).load(SeqCst), self.link.is_ending());
            if self.answer_signals()? {
                return Ok(Some(Incoming::Room));
            }
            if self.consumer.pop(&mut self.batch, BATCH).inspect_err(|e| self.report(e))? {
                self.link.signal_host(n::SIGNAL_SPACE)?;
            }
            match closed {
                _ if !self.batch.is_empty() => {}
                _ if ending => return Err(self.link.why()),
                0 => return Ok(None),
                1 => return Ok(Some(Incoming::Closed)),
                other => return Err(corrupt("Closed[host]", other.to_string())),
            }
        }
    }

    fn report(&self, e: &Error) {
        self.link.fail(corrupt("received", e.to_string()));
    }

    /// Takes the bits that ringers left, and says whether somebody who waits to
    /// send is to try again.
    fn answer_signals(&self) -> Result<bool> {
        let bits = self.link.signals(PLUGIN).swap(0, SeqCst);
        if bits & !(n::SIGNAL_SLOT | n::SIGNAL_RELAY | n::SIGNAL_SPACE) != 0 {
            return Err(corrupt("Signals[peer]", format!("{bits:#x}")));
        }
        if bits & n::SIGNAL_SPACE != 0 {
            self.link.space.happened();
        }
        if bits & n::SIGNAL_SLOT != 0 {
            self.link.freed.happened();
        }
        Ok(bits & (n::SIGNAL_SPACE | n::SIGNAL_SLOT) != 0)
    }

    fn frame(&mut self, d: &Descriptor) -> Result<Option<Frame>> {
        let header = frame::decode_header(d);
        let payload = match d[2] {
            frame::INLINE => {
                let (from, mut bytes) = (frame::decode_inline(d)?, [0; frame::INLINE_MAX]);
                bytes[..from.len()].copy_from_slice(from);
                Payload::Inline { bytes, n: from.len() }
            }
            frame::SLOT => Payload::Slot(self.link.accept(d)?.1),
            kind @ (frame::PIECE | frame::LAST) => {
                let (r, lease) = self.link.accept(d)?;
                let append = |into: &mut Vec<u8>| lease.link.copy_out(lease.slot, lease.n, into);
                match self.pieces.add(r, kind == frame::LAST, append)? {
                    Some(whole) => Payload::Whole(whole),
                    None => return Ok(None),
                }
            }
            frame::ABORT => {
                self.pieces.forget(frame::decode_reference(d).group);
                return Ok(None);
            }
            kind => return Err(corrupt("descriptor", format!("kind {kind}"))),
        };
        Ok(Some(Frame { header, payload }))
    }

    /// Whether there is anything to do.
    pub(crate) fn is_due(&self) -> bool {
        !self.batch.is_empty() || ready(&self.link, &self.consumer)
    }

    /// Spins for a while, and says whether something has come.
    pub(crate) fn spin(&mut self) -> bool {
        let (link, consumer) = (&self.link, &self.consumer);
        !self.batch.is_empty() || self.spinner.wait(&mut || ready(link, consumer))
    }

    /// Begins to sleep elsewhere: at [`Receiver::file`], in an event loop. False
    /// means that something has come already, and nobody sleeps.
    pub fn sleep_elsewhere(&mut self) -> Result<bool> {
        self.link.own.announce();
        if !self.is_due() {
            return Ok(true);
        }
        self.link.own.withdraw()?;
        Ok(false)
    }

    /// Ends what sleep_elsewhere began, whatever woke the loop.
    pub fn woken(&mut self) -> Result<()> {
        self.link.own.withdraw()
    }

    /// The file that can be read once the host has rung. A futex has none.
    pub fn file(&self) -> Option<&File> {
        self.link.own.file()
    }
}

/// Says whether there is anything to do. It sees everything that rings.
fn ready(link: &Link, consumer: &Consumer) -> bool {
    link.signals(PLUGIN).load(SeqCst) != 0 || !consumer.is_empty() || link.closed(HOST).load(SeqCst) != 0 || link.is_ending()
}
