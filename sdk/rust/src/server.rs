//! Serves a [`Service`] to the host that started this process.
//!
//! Every thread of a session does the same: it leads, which is to receive, runs
//! the handler of a call that it or another has received, stands by (seat.rs), or
//! waits for jobs. A unary call's handler runs where the call was received, if
//! somebody stands by; all others are jobs.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::exit;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::agreement::{Level, Terms};
use crate::call::Call;
use crate::doorbell::IN_VAIN;
use crate::error::{corrupt, Doing, Error, Result};
use crate::frame::{Frame, Header};
use crate::heap;
use crate::link::{Lifeline, Link};
use crate::log::Log;
use crate::receiver::{Incoming, Receiver};
use crate::respond::{Answered, Quick, Request, Task, Work, QUICK};
use crate::seat::{Seat, Stood};
use crate::service::{code, Service, Status};
use crate::sys;
use crate::waiting::{lock, Patience};
use crate::wire::{self, flag, op, MAX_METHODS};
use crate::workers::Workers;

/// How long handlers may go on once the host has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
const STACK: usize = 512 << 10;
/// The status of a process whose main thread panics in Rust.
const PANICKED: i32 = 101;
/// A thread keeps its buffer if it is not larger.
const BUFFER: usize = 4 << 20;

/// Serves a service and ends the process: with status 0 if the host is done with
/// it, else 1. When the host ends, the process ends within a second, whatever a
/// handler is doing.
pub fn main(service: impl Service) -> ! {
    leave_process(serve(service))
}

/// Ends the process, and says why if the host did not ask for it.
pub(crate) fn leave_process(served: Result<()>) -> ! {
    let error = match served {
        Ok(()) => exit(0),
        Err(e) => e,
    };
    match error {
        Error::NoHost => eprintln!("{error}"),
        _ => Log { least: Level::Debug }.line(Level::Error, &error.to_string()),
    }
    exit(1)
}

/// Serves a service to the host that started this process, and returns once no
/// handler runs any more. It is Ok if the host closed the link.
pub fn serve(service: impl Service) -> Result<()> {
    let (terms, signals) = prepare()?;
    let (link, receiver, lifeline) = Link::attach(&terms)?;
    link.notes.handlers().fetch_add(1, SeqCst);
    let session = Arc::new(Session {
        service: Box::new(service),
        log: Log { least: terms.level },
        most: terms.request_bytes,
        seat: Seat::new(),
        workers: Workers::new(),
        calls: Mutex::default(),
        fewer: Condvar::new(),
        leaving: AtomicBool::new(false),
        ended: Mutex::new(None),
        link,
    });
    let watched = session.clone();
    thread::Builder::new()
        .name("lifeline".into())
        .stack_size(64 << 10)
        .spawn(move || watched.watch(lifeline, signals))
        .doing("start a thread")?;
    session.work(Some(Held::new(receiver)));
    session.workers.wait_for_all();
    session.link.close();
    let ended = lock(&session.ended).take();
    match ended {
        None | Some(Err(Error::Closed)) => Ok(()), // here, by a SIGTERM
        Some(ended) => ended,
    }
}

/// Reads the terms, and does what they ask for before there is another thread. It
/// gives the signals that this process handles, to be read.
pub(crate) fn prepare() -> Result<(Terms, File)> {
    let terms = Terms::read()?;
    // A child of this process is no plugin.
    for variable in ["DDC_PLUGIN", "DDC_HUB"] {
        std::env::remove_var(variable);
    }
    if terms.no_programs {
        sys::forbid_programs().doing("give up starting programs (--no-sandbox does without)")?;
    }
    heap::limit(terms.live);
    sys::keep_freed(heap::KEPT);
    let signals = sys::take_signals().doing("take over SIGUSR1")?;
    Ok((terms, signals))
}

/// A service on its link.
pub(crate) struct Session {
    pub service: Box<dyn Service>,
    pub link: Arc<Link>,
    log: Log,
    /// The largest request.
    pub most: usize,
    seat: Seat<Box<Held>>,
    workers: Workers<Task>,
    calls: Mutex<HashMap<u32, Arc<Call>>>,
    /// A call has ended while the process leaves.
    fewer: Condvar,
    leaving: AtomicBool,
    /// How the link has ended.
    ended: Mutex<Option<Result<()>>>,
}

/// What a leader has.
pub(crate) struct Held {
    receiver: Receiver,
    /// Methods by their ids.
    methods: Vec<Option<Arc<str>>>,
    /// So many tokens in a row were left for nothing.
    vain: u32,
}

impl Held {
    fn new(receiver: Receiver) -> Box<Held> {
        Box::new(Held { receiver, methods: Vec::new(), vain: 0 })
    }

    fn is_due(&self) -> bool {
        self.receiver.is_due()
    }
}

/// A leader's, while it runs a handler. Other threads have none.
#[derive(Default)]
pub(crate) struct Turn {
    lent: bool,
    held: Option<Box<Held>>,
}

impl Session {
    /// What a thread does until the session's end, or until it is not needed any
    /// more. The one that begins as the leader stays.
    fn work(self: &Arc<Self>, mut held: Option<Box<Held>>) {
        let (stays, bell, mut buffer) = (held.is_some(), &self.link.own, Vec::new());
        loop {
            if let Some(held) = held.take() {
                if let Err(e) = self.lead(held, &mut buffer) {
                    self.finish(Err(e));
                }
            }
            let stood = match self.workers.take() {
                Some(task) => {
                    self.run(task, &mut buffer, &mut Turn::default());
                    continue;
                }
                None => self.seat.stand_by(bell),
            };
            match stood {
                Ok(Stood::Lead(woken)) => match self.woken(woken) {
                    Ok(woken) => held = Some(woken),
                    Err(e) => self.finish(Err(e)),
                },
                Ok(Stood::Elsewhere) => match self.workers.wait(stays) {
                    Some(task) => self.run(task, &mut buffer, &mut Turn::default()),
                    None => return,
                },
                Err(e) => self.finish(Err(self.link.fail(e))),
            }
        }
    }

    /// Receives, until the link ends, or another thread does. It never waits for
    /// anything else.
    fn lead(self: &Arc<Self>, mut held: Box<Held>, buffer: &mut Vec<u8>) -> Result<()> {
        loop {
            match held.receiver.try_next()? {
                Some(Incoming::Frame(frame)) if frame.header.op == op::CALL => match self.open(frame, held, buffer)? {
                    Some(back) => held = back,
                    None => return Ok(()),
                },
                Some(Incoming::Frame(frame)) => self.take(frame)?,
                Some(Incoming::Room) => {}
                Some(Incoming::Closed) => {
                    self.finish(Ok(()));
                    return Ok(());
                }
                None if held.vain == 0 && held.receiver.spin() => {}
                None => match self.seat.sleep(&self.link.own, held, |h| h.is_due())? {
                    Stood::Lead(woken) => held = self.woken(woken)?,
                    Stood::Elsewhere => return Ok(()),
                },
            }
        }
    }

    /// Looks what a leader was woken for.
    fn woken(&self, mut held: Box<Held>) -> Result<Box<Held>> {
        if held.is_due() {
            held.vain = 0;
            return Ok(held);
        }
        self.link.own.note_woken(true);
        held.vain += 1;
        if held.vain < IN_VAIN {
            return Ok(held);
        }
        Err(corrupt("Bells[peer]", "it is rung again and again for nothing"))
    }

    /// Ends the session: the first to end the link says how.
    fn finish(&self, how: Result<()>) {
        lock(&self.ended).get_or_insert(how);
        self.cancel_all();
        if self.seat.end(&self.link.own).is_err() {
            exit(1); // the others can never be woken
        }
        self.workers.end();
    }

    /// Takes a frame of a call that was opened before.
    fn take(&self, frame: Frame) -> Result<()> {
        let h = frame.header;
        let Some(call) = lock(&self.calls).get(&h.stream).cloned() else {
            return Ok(()); // it ended here, and the host does not know yet
        };
        match h.op {
            op::CANCEL => {
                call.cancel();
                self.link.nudge();
            }
            op::MESSAGE if frame.len() > self.most => call.end(Err(self.excess(frame.len()))),
            op::MESSAGE => call.push(frame.into_bytes()),
            op::END => call.end(Ok(())),
            op::CREDIT => call.grant(h.arg),
            other => return Err(corrupt("op", format!("operation {other} from a client"))),
        }
        Ok(())
    }

    pub fn excess(&self, n: usize) -> Status {
        Status::new(code::RESOURCE_EXHAUSTED, format!("received a message of {n} bytes: at most {}", self.most))
    }

    /// Begins a call. An error ends the link; whatever else is wrong with the
    /// call goes into its reply. It gives nothing back if another thread leads.
    fn open(self: &Arc<Self>, frame: Frame, mut held: Box<Held>, buffer: &mut Vec<u8>) -> Result<Option<Box<Held>>> {
        let h = frame.header;
        // What has sections is read here, and what is short. Another message may
        // stay in its slot for the thread that is about to read it.
        let sections = h.flags & (flag::METHOD | flag::METADATA | flag::TRAILER | flag::STATUS) != 0;
        let (opening, request) = if sections || frame.len() <= QUICK || !frame.in_slot() || !self.workers.has_room() {
            let mut bytes = std::mem::take(buffer);
            bytes.clear();
            frame.take(&mut bytes);
            (wire::opening(h.flags, &bytes)?, Request::Bytes(bytes))
        } else {
            (wire::Opening::default(), Request::Frame(frame))
        };
        let method = self.resolve((h.arg >> 48) as usize, &opening.method, &mut held.methods)?;
        let call = Arc::new(Call::new(h, h.flags & flag::UNARY != 0, method, opening.metadata));
        let mut work = Work::Handle(request, opening.message);
        if self.leaving.load(SeqCst) {
            work = Work::Refuse;
        } else if let Work::Handle(Request::Bytes(bytes), message) = &mut work {
            if call.unary && bytes.len() <= QUICK {
                match self.answer_at_once(&call, &bytes[*message..])? {
                    Quick::No => {}
                    Quick::Kept(kept) => work = Work::Send(kept),
                    Quick::Sent => {
                        *buffer = std::mem::take(bytes);
                        return Ok(Some(held));
                    }
                }
            }
        }
        if lock(&self.calls).insert(h.stream, call.clone()).is_some() {
            return Err(corrupt("stream", format!("{} opened twice", h.stream)));
        }
        self.link.notes.handlers().fetch_add(1, SeqCst);
        self.begin(Task { call, work }, held, buffer)
    }

    /// Runs a unary call's handler here, if somebody stands by to receive
    /// meanwhile, and has another thread run everything else.
    fn begin(self: &Arc<Self>, task: Task, mut held: Box<Held>, buffer: &mut Vec<u8>) -> Result<Option<Box<Held>>> {
        if task.call.unary && matches!(task.work, Work::Handle(..)) {
            match self.seat.lend(&self.link.own, held, |h| h.is_due())? {
                Some(back) => held = back,
                None => {
                    let mut turn = Turn { lent: true, held: None };
                    self.run(task, buffer, &mut turn);
                    self.take_back(&mut turn);
                    return Ok(turn.held);
                }
            }
        }
        self.give(task)?;
        Ok(Some(held))
    }

    /// Takes back what was lent, if that is still there, and says whether this
    /// thread leads.
    pub fn take_back(&self, turn: &mut Turn) -> bool {
        if turn.lent && turn.held.is_none() {
            turn.held = self.seat.take_back(&self.link.own);
            turn.lent = turn.held.is_some();
        }
        turn.held.is_some()
    }

    /// Gives a task to another thread.
    pub fn give(self: &Arc<Self>, task: Task) -> Result<()> {
        let session = self.clone();
        let start = move || thread::Builder::new().name("handler".into()).stack_size(STACK).spawn(move || session.thread()).map(drop);
        if self.workers.run(task, start) {
            return Ok(());
        }
        self.seat.want(&self.link.own)
    }

    fn thread(self: &Arc<Self>) {
        // Whatever panics here is this crate's: it may have been about to receive.
        if catch_unwind(AssertUnwindSafe(|| self.work(None))).is_err() {
            exit(PANICKED);
        }
        self.workers.left();
    }

    fn run(self: &Arc<Self>, Task { call, work }: Task, buffer: &mut Vec<u8>, turn: &mut Turn) {
        let answered = match work {
            Work::Refuse => self.refuse(&call),
            Work::Send(kept) => self.wait_to_send(&call, kept),
            Work::Handle(request, message) => self.handle(&call, request, message, buffer, turn),
        };
        if buffer.capacity() > BUFFER {
            *buffer = Vec::new();
        }
        if matches!(answered, Answered::Later) {
            return;
        }
        let mut calls = lock(&self.calls);
        calls.remove(&call.id);
        if calls.is_empty() && self.leaving.load(SeqCst) {
            self.fewer.notify_all();
        }
        drop(calls);
        self.link.notes.handlers().fetch_sub(1, SeqCst);
    }

    /// Finds a method by its id, or by its name, which is then filed under it. A
    /// filed name that is no method's may have been damaged on its way.
    fn resolve(&self, id: usize, name: &str, methods: &mut Vec<Option<Arc<str>>>) -> Result<Arc<str>> {
        let wrong = |what: String| Err(corrupt("method id", what));
        if id > MAX_METHODS {
            return wrong(format!("{id}: at most {MAX_METHODS}"));
        }
        if id >= methods.len() {
            methods.resize(id + 1, None);
        }
        let known = &mut methods[id];
        match known {
            None if name.is_empty() => return wrong(format!("{id} stands for nothing")),
            Some(filed) if name.is_empty() || **filed == *name => return Ok(filed.clone()),
            Some(filed) if self.service.methods().contains(&&**filed) => {
                return wrong(format!("{id} stands for both {filed:?} and {name:?}"))
            }
            _ => {}
        }
        let method: Arc<str> = name.into();
        if id != 0 {
            *known = Some(method.clone());
        }
        Ok(method)
    }

    fn cancel_all(&self) {
        for call in lock(&self.calls).values() {
            call.cancel();
        }
        self.link.nudge();
    }

    /// Says that new calls are refused, and closes the link once those under way
    /// have ended. The host makes what was refused again, of the next process.
    fn leave(self: &Arc<Self>) {
        if self.leaving.swap(true, SeqCst) {
            return;
        }
        let session = self.clone();
        let closing = thread::Builder::new().name("leaving".into()).stack_size(64 << 10).spawn(move || {
            let h = Header { op: op::GO_AWAY, ..Header::default() };
            let _ = session.link.send(h, &[], &Patience::ENDLESS); // or the link has ended
            let mut calls = lock(&session.calls);
            while !calls.is_empty() {
                calls = session.fewer.wait(calls).unwrap_or_else(PoisonError::into_inner);
            }
            drop(calls);
            session.link.close();
        });
        if let Err(e) = closing {
            self.log.line(Level::Error, &format!("start a thread to leave: {e}"));
            exit(1);
        }
    }

    /// Waits for the host's end, writes down what goes on here whenever a SIGUSR1
    /// comes, and leaves at a SIGTERM.
    fn watch(self: &Arc<Self>, lifeline: Lifeline, mut signals: File) {
        let mut signal = [0; 128];
        let ended = |f: &File| sys::is_readable(f.as_raw_fd());
        while !ended(lifeline.file()) {
            if sys::poll(&[lifeline.file().as_raw_fd(), signals.as_raw_fd()], None).is_err() {
                break;
            }
            if ended(&signals) && signals.read(&mut signal).is_ok() {
                match u32::from_ne_bytes([signal[0], signal[1], signal[2], signal[3]]) {
                    sys::SIGTERM => self.leave(),
                    _ => self.dump(),
                }
            }
        }
        lifeline.wait();
        self.cancel_all();
        thread::sleep(LAST_WORDS);
        exit(1);
    }

    fn dump(&self) {
        let calls = lock(&self.calls);
        self.log.line(Level::Warn, &format!("plugin: in its own words: {} calls under way", calls.len()));
        for call in calls.values() {
            self.log.line(Level::Warn, &format!("{} (stream {}) for {:?}", call.method(), call.id, call.began.elapsed()));
        }
    }
}
