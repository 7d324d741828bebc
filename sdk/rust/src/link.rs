//! A plugin's end of a link: frames in, frames out.

use std::fs::File;
use std::io::Read;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex};

use crate::agreement::Terms;
use crate::doorbell::{Doorbell, Spinner};
use crate::error::{agreement, corrupt, Doing, Error, Result};
use crate::frame::{self, Header, Lease, Reference};
use crate::layout::Layout;
use crate::notes::Notes;
use crate::numbers::{self as n, header, link as word};
use crate::receiver::Receiver;
use crate::ring::{Consumer, Descriptor, Place, Producer};
use crate::slots::{Pool, Ref};
use crate::sys::Map;
use crate::waiting::{lock, Event, Patience};

pub(crate) const HOST: usize = 0;
pub(crate) const PLUGIN: usize = 1;

/// The sending half, which any thread may use, and the end of the link.
///
/// A thread that sends waits for room in the ring, or for a slot, and holds no
/// slot while it waits for one. The thread that receives wakes it. So one
/// thread must go on receiving: see [`Receiver`]. A program of one thread sends
/// by [`Queue`](crate::Queue).
pub struct Link {
    map: Arc<Map>,
    place: usize,
    /// Where the link's words begin.
    page: usize,
    pool: Pool,
    host: Doorbell,
    pub(crate) own: Doorbell,
    caller: Doorbell,
    sending: Mutex<Sending>,
    group: AtomicU32,
    /// Room came in the ring, or a slot came free.
    pub(crate) space: Event,
    pub(crate) freed: Event,
    pub(crate) notes: Notes,
    /// Why the link ends, said once.
    reason: Mutex<Option<Error>>,
    ending: AtomicBool,
}

/// A frame that is ready to be sent.
pub(crate) enum Prepared {
    /// Its descriptor, and the slot that it names.
    Whole(Descriptor, Option<Ref>),
    /// No slot held the payload.
    Elsewhere(Header, Vec<u8>),
}

impl Prepared {
    /// How many bytes the payload has.
    pub fn len(&self) -> usize {
        match self {
            Prepared::Whole(d, None) => d[3].into(),
            Prepared::Whole(d, Some(_)) => frame::decode_reference(d).length,
            Prepared::Elsewhere(_, payload) => payload.len(),
        }
    }
}

struct Sending {
    producer: Producer,
    /// Payloads in pieces that were given up, whose abort is still to be sent.
    aborts: Vec<u32>,
}

impl Link {
    /// Attaches to the host that started this process, by its terms. What was
    /// inherited is taken over, so it can be done once.
    pub fn attach(terms: &Terms) -> Result<(Arc<Link>, Receiver, Lifeline)> {
        let inherited = terms.inherit()?;
        let map = Arc::new(Map::open(&inherited.memory).doing("map the hub's memory")?);
        let layout = Layout::read(&map)?;
        if terms.place >= layout.places {
            return Err(agreement("DDC_HUB", format!("place {} in a hub of {}", terms.place, layout.places)));
        }
        let page = layout.link(terms.place);
        check_place(&map, page, terms)?;
        let ring = |side: usize, name| Place {
            map: map.clone(),
            page: page + word::RINGS + side * word::RINGS_STRIDE,
            cells: layout.ring_cells(terms.place, side),
            count: layout.cells,
            name,
        };
        let [host, own, caller] = inherited.bells;
        let bell = |i: usize, gate, files, name| {
            Doorbell::open(map.clone(), page + word::BELLS + i * word::BELLS_STRIDE, gate, terms.strategy, files, name)
        };
        let link = Arc::new(Link {
            host: bell(HOST, header::GATE, host, "Bells[host]"),
            own: bell(PLUGIN, page + word::GATE, own, "Bells[peer]"),
            caller: bell(2, page + word::CALLER_GATE, caller, "Bells[caller]"),
            pool: Pool::new(map.clone(), &layout, 2 * terms.place + PLUGIN),
            place: terms.place,
            page,
            sending: Mutex::new(Sending { producer: Producer::new(ring(HOST, "Rings[host]")), aborts: Vec::new() }),
            group: AtomicU32::new(0),
            space: Event::default(),
            freed: Event::default(),
            notes: Notes::new(map.clone(), page + word::NOTES),
            reason: Mutex::new(None),
            ending: AtomicBool::new(false),
            map: map.clone(),
        });
        link.notes.attached();
        link.word(word::ATTACHED).store(terms.incarnation, SeqCst);
        let consumer = Consumer::new(ring(PLUGIN, "Rings[peer]"));
        let receiver = Receiver::new(link.clone(), consumer, Spinner::new(terms.spin));
        Ok((link.clone(), receiver, Lifeline { file: inherited.lifeline.into(), link }))
    }

    fn word(&self, at: usize) -> &AtomicU32 {
        self.map.word32(self.page + at)
    }

    pub(crate) fn signals(&self, side: usize) -> &AtomicU32 {
        self.word(word::SIGNALS + side * word::SIGNALS_STRIDE)
    }

    pub(crate) fn closed(&self, side: usize) -> &AtomicU32 {
        self.word(word::CLOSED + side * word::CLOSED_STRIDE)
    }

    /// Wakes whoever receives at the host: a caller in the pump's place if it
    /// sleeps, nobody if it attends, else the pump.
    fn ring_host(&self) -> Result<()> {
        let rung = match self.caller.ring() {
            Ok(false) if !self.caller.attended() => self.host.ring(),
            rung => rung,
        };
        // A bell that fails may have taken the flag, so nobody else would ring.
        rung.map(drop).map_err(|e| self.fail(e))
    }

    pub(crate) fn signal_host(&self, bit: u32) -> Result<()> {
        self.signals(HOST).fetch_or(bit, SeqCst);
        self.ring_host()
    }

    /// Ends the link for a reason, of which the first counts.
    pub(crate) fn fail(&self, reason: Error) -> Error {
        let text = reason.to_string();
        lock(&self.reason).get_or_insert(reason);
        self.ending.store(true, SeqCst);
        self.nudge();
        let _ = self.own.repay();
        corrupt("link", text)
    }

    /// Says that the host's process has ended.
    pub(crate) fn host_died(&self) {
        self.fail(Error::HostDead);
    }

    /// Has every thread that waits to send ask again whether it is to give up.
    pub fn nudge(&self) {
        self.space.happened();
        self.freed.happened();
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(SeqCst)
    }

    /// Why the link has ended; whoever asks first is told.
    pub(crate) fn why(&self) -> Error {
        lock(&self.reason).take().unwrap_or(Error::Closed)
    }

    pub(crate) fn open(&self) -> Result<()> {
        if self.ending.load(SeqCst) {
            return Err(Error::Closed);
        }
        Ok(())
    }

    /// Ends the link in good order. Nothing can be sent afterwards.
    pub fn close(&self) {
        self.ending.store(true, SeqCst);
        self.nudge();
        // A sender that has the lock pushes the last frame before this word is stored.
        let _last = lock(&self.sending);
        self.closed(PLUGIN).store(1, SeqCst);
        let _ = self.ring_host();
        let _ = self.own.repay();
    }

    /// Sends a copy of a payload.
    pub fn send(&self, h: Header, payload: &[u8], patience: &Patience) -> Result<()> {
        self.fill(h, payload.len(), |b| b.copy_from_slice(payload), patience)
    }

    /// Sends n bytes that fill writes where they travel, if there is a slot that
    /// holds them. Else they are written elsewhere, and travel in pieces.
    pub fn fill(&self, h: Header, n: usize, fill: impl FnOnce(&mut [u8]), patience: &Patience) -> Result<()> {
        self.post(self.prepare(h, n, fill)?, patience)
    }

    /// Has fill write n bytes where they travel, or elsewhere, and waits for
    /// nothing.
    pub(crate) fn prepare(&self, h: Header, n: usize, fill: impl FnOnce(&mut [u8])) -> Result<Prepared> {
        if n > frame::MAX_PAYLOAD {
            return Err(Error::TooLarge { bytes: n, most: frame::MAX_PAYLOAD });
        }
        if n <= frame::INLINE_MAX {
            return Ok(Prepared::Whole(frame::encode_inline(h, n, fill), None));
        }
        self.open()?;
        if let Some(slot) = self.pool.claim(n) {
            self.fill_slot(slot, n, fill);
            return Ok(Prepared::Whole(self.filled(h, slot, n)?, Some(slot)));
        }
        let mut payload = vec![0; n];
        fill(&mut payload);
        Ok(Prepared::Elsewhere(h, payload))
    }

    /// Sends what was prepared, and waits for room as long as patience allows.
    pub(crate) fn post(&self, prepared: Prepared, patience: &Patience) -> Result<()> {
        let (h, payload) = match prepared {
            Prepared::Whole(d, slot) => return self.push_whole(&d, slot, patience),
            Prepared::Elsewhere(h, payload) => (h, payload),
        };
        self.open()?;
        if let Some(slot) = self.pool.claim(payload.len()) {
            return self.push_whole(&self.whole(h, slot, &payload)?, Some(slot), patience);
        }
        let (n, group, mut sent) = (payload.len(), self.next_group(), 0);
        while sent < n {
            let pushed = self.claim_piece(n - sent, patience).and_then(|slot| {
                let (d, length) = self.piece(h, group, slot, &payload, sent)?;
                self.push(&d, patience).inspect_err(|_| self.free(slot))?;
                Ok(length)
            });
            match pushed {
                Ok(length) => sent += length,
                Err(e) => {
                    if sent > 0 {
                        self.abort(group);
                    }
                    return Err(e);
                }
            }
        }
        Ok(())
    }

    /// Sends what was prepared if that can be done at once, and else returns it:
    /// without its slot, since it may wait for longer than others may for slots.
    pub(crate) fn try_post(&self, prepared: Prepared) -> Result<Option<Prepared>> {
        let Prepared::Whole(d, slot) = prepared else { return Ok(Some(prepared)) };
        if self.try_push(&d).inspect_err(|_| self.free_any(slot))? {
            return Ok(None);
        }
        let Some(slot) = slot else { return Ok(Some(prepared)) };
        let mut payload = Vec::new();
        self.copy_out(slot, frame::decode_reference(&d).length, &mut payload);
        self.free(slot);
        Ok(Some(Prepared::Elsewhere(frame::decode_header(&d), payload)))
    }

    fn push_whole(&self, d: &Descriptor, slot: Option<Ref>, patience: &Patience) -> Result<()> {
        self.push(d, patience).inspect_err(|_| self.free_any(slot))
    }

    fn free_any(&self, slot: Option<Ref>) {
        if let Some(slot) = slot {
            self.free(slot);
        }
    }

    pub(crate) fn next_group(&self) -> u32 {
        self.group.fetch_add(1, SeqCst).wrapping_add(1)
    }

    /// Fills a slot with the next piece of a payload, and describes it.
    pub(crate) fn piece(&self, h: Header, group: u32, slot: Ref, payload: &[u8], sent: usize) -> Result<(Descriptor, usize)> {
        let length = self.pool.size(slot).min(payload.len() - sent);
        self.map.write(self.pool.bytes(slot), &payload[sent..sent + length]);
        self.pool.sent(slot).map_err(|e| self.fail(e))?;
        let kind = if sent + length == payload.len() { frame::LAST } else { frame::PIECE };
        let r = Reference { slot, length, group, total: payload.len() as u64 };
        Ok((frame::encode_reference(h, kind, r), length))
    }

    /// Lends a slot to fill. If that panics the slot is free again.
    fn fill_slot(&self, slot: Ref, n: usize, fill: impl FnOnce(&mut [u8])) {
        struct Unfilled<'a>(&'a Link, Ref);
        impl Drop for Unfilled<'_> {
            fn drop(&mut self) {
                self.0.free(self.1);
            }
        }
        let unfilled = Unfilled(self, slot);
        self.map.fill(self.pool.bytes(slot), n, fill);
        std::mem::forget(unfilled);
    }

    /// Describes a filled slot that holds a whole payload.
    fn filled(&self, h: Header, slot: Ref, n: usize) -> Result<Descriptor> {
        self.pool.sent(slot).map_err(|e| self.fail(e))?;
        Ok(frame::encode_reference(h, frame::SLOT, Reference { slot, length: n, group: 0, total: 0 }))
    }

    /// Fills a slot with a whole payload, and describes it.
    pub(crate) fn whole(&self, h: Header, slot: Ref, payload: &[u8]) -> Result<Descriptor> {
        self.map.write(self.pool.bytes(slot), payload);
        self.filled(h, slot, payload.len())
    }

    pub(crate) fn slot_size(&self, slot: Ref) -> usize {
        self.pool.size(slot)
    }

    /// Pushes a descriptor, and waits for room as long as patience allows.
    fn push(&self, d: &Descriptor, patience: &Patience) -> Result<()> {
        loop {
            if (patience.given_up)() {
                return Err(Error::GivenUp);
            }
            let seen = self.space.times(); // before the look that finds no room
            if self.try_push(d)? {
                return Ok(());
            }
            let _noted = self.notes.wait_for_space();
            self.space.wait(seen, patience)?;
        }
    }

    /// Pushes a descriptor if there is room, and else announces that somebody
    /// waits for it. The announcement holds for one wake-up.
    pub(crate) fn try_push(&self, d: &Descriptor) -> Result<bool> {
        let mut sending = lock(&self.sending);
        self.open()?;
        let pushed = self.push_locked(&mut sending, d).map_err(|e| self.fail(e));
        drop(sending);
        let pushed = pushed?;
        if pushed {
            self.ring_host()?; // published first
        }
        Ok(pushed)
    }

    fn push_locked(&self, sending: &mut Sending, d: &Descriptor) -> Result<bool> {
        loop {
            if self.flush_aborts(sending)? && sending.producer.push(d)? {
                return Ok(true);
            }
            if !sending.producer.announce_starved()? {
                return Ok(false);
            }
        }
    }

    fn flush_aborts(&self, sending: &mut Sending) -> Result<bool> {
        while let Some(&group) = sending.aborts.first() {
            let r = Reference { slot: Ref(0), length: 0, group, total: 0 };
            if !sending.producer.push(&frame::encode_reference(Header::default(), frame::ABORT, r))? {
                return Ok(false);
            }
            sending.aborts.remove(0);
            // The push that follows may find no room behind it, and would wait
            // for a receiver that nobody has woken.
            self.ring_host()?;
        }
        Ok(true)
    }

    /// Has the host forget the pieces of a payload. It does not wait: the next
    /// push sends what finds no room.
    pub(crate) fn abort(&self, group: u32) {
        let mut sending = lock(&self.sending);
        sending.aborts.push(group);
        let _ = self.flush_aborts(&mut sending); // the next push finds the same
    }

    fn claim_piece(&self, left: usize, patience: &Patience) -> Result<Ref> {
        loop {
            self.open()?;
            let seen = self.freed.times();
            if let Some(slot) = self.try_claim_piece(left) {
                return Ok(slot);
            }
            let _noted = self.notes.wait_for_slot();
            self.freed.wait(seen, patience)?;
        }
    }

    /// Takes a slot for a piece if one is free, and else announces that somebody
    /// waits for one. The announcement holds for one wake-up.
    pub(crate) fn try_claim_piece(&self, left: usize) -> Option<Ref> {
        self.pool.claim_piece(left).or_else(|| {
            self.map.word64(header::SLOT_WAITERS).fetch_or(1 << (2 * self.place + PLUGIN), SeqCst);
            self.pool.claim_piece(left)
        })
    }

    /// Frees a slot, and has the host tell those who wait for one.
    pub(crate) fn free(&self, slot: Ref) {
        self.pool.free(slot);
        if self.map.word64(header::SLOT_WAITERS).load(SeqCst) != 0 {
            let _ = self.signal_host(n::SIGNAL_RELAY); // a failure ends the link
        }
    }

    pub(crate) fn copy_out(&self, slot: Ref, n: usize, into: &mut Vec<u8>) {
        self.map.append(self.pool.bytes(slot), n, into);
    }

    /// Takes over the slot of a descriptor that has come.
    pub(crate) fn accept(self: &Arc<Self>, d: &Descriptor) -> Result<(Reference, Lease)> {
        let r = frame::decode_reference(d);
        self.pool.accept(r.slot, 2 * self.place + HOST)?;
        let lease = Lease { link: self.clone(), slot: r.slot, n: r.length };
        let size = self.pool.size(r.slot);
        if r.length < 1 || r.length > size {
            return Err(corrupt("descriptor", format!("{} bytes in a slot of {size}", r.length)));
        }
        Ok((r, lease))
    }
}

/// Checks that the place is what the offer says.
fn check_place(map: &Map, page: usize, terms: &Terms) -> Result<()> {
    let mut name = [0; 16];
    map.read(page + word::STRATEGY, &mut name);
    let name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
    if name != terms.strategy.name() {
        return Err(agreement("Strategy", format!("the hub says {name:?}, the offer {:?}", terms.strategy.name())));
    }
    let now = map.word32(page + word::INCARNATION).load(SeqCst);
    if now != terms.incarnation {
        return Err(agreement("Incarnation", format!("{now}: the place was offered again, the offer is of {}", terms.incarnation)));
    }
    Ok(())
}

/// What ends with the host, whatever the reason. It blocks a thread of its own,
/// since a futex cannot be slept on together with a file.
pub struct Lifeline {
    file: File,
    link: Arc<Link>,
}

impl Lifeline {
    /// Returns once the host's process has ended; the link has ended then, too.
    pub fn wait(mut self) {
        let mut byte = [0];
        while matches!(self.file.read(&mut byte), Err(e) if e.kind() == std::io::ErrorKind::Interrupted) {}
        self.link.host_died();
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}
