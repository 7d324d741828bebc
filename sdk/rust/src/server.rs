//! Serves a [`Service`] to the host that started this process.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::exit;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::agreement::{Level, Terms};
use crate::call::{too_large, Call, Stream};
use crate::error::{corrupt, Doing, Error, Result};
use crate::frame::{Frame, Header};
use crate::heap;
use crate::link::{Lifeline, Link};
use crate::log::Log;
use crate::receiver::{Incoming, Receiver};
use crate::service::{code, Reply, Service, Status};
use crate::sys;
use crate::waiting::{lock, Patience};
use crate::wire::{self, flag, op, MAX_MESSAGE, MAX_METHODS};
use crate::workers::Workers;

/// How long handlers may go on once the host has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// A reply that finds no room for so long is replaced by an error.
const REPLY_TIME: Duration = Duration::from_secs(30);

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
        workers: Workers::new(),
        calls: Mutex::default(),
        leaving: AtomicBool::new(false),
        link,
    });
    let watched = session.clone();
    thread::Builder::new()
        .name("lifeline".into())
        .stack_size(64 << 10)
        .spawn(move || watched.watch(lifeline, signals))
        .doing("start a thread")?;
    let ended = session.receive(receiver);
    session.cancel_all();
    session.workers.end();
    session.link.close();
    match ended {
        Err(Error::Closed) => Ok(()), // here, by a SIGTERM
        ended => ended,
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
struct Session {
    service: Box<dyn Service>,
    link: Arc<Link>,
    log: Log,
    /// The largest request.
    most: usize,
    workers: Arc<Workers>,
    calls: Mutex<HashMap<u32, Arc<Call>>>,
    leaving: AtomicBool,
}

impl Session {
    /// Receives until the link ends. It never waits for anything else.
    fn receive(self: &Arc<Self>, mut receiver: Receiver) -> Result<()> {
        let mut methods: Vec<Option<Arc<str>>> = vec![None; MAX_METHODS + 1];
        loop {
            match receiver.receive()? {
                Incoming::Frame(frame) if frame.header.op == op::CALL => self.open(frame, &mut methods)?,
                Incoming::Frame(frame) => self.take(frame)?,
                Incoming::Room => {}
                Incoming::Closed => return Ok(()),
            }
        }
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

    fn excess(&self, n: usize) -> Status {
        Status::new(code::RESOURCE_EXHAUSTED, format!("received a message of {n} bytes: at most {}", self.most))
    }

    /// Begins a call. An error ends the link; whatever else is wrong with the
    /// call goes into its reply.
    fn open(self: &Arc<Self>, frame: Frame, methods: &mut [Option<Arc<str>>]) -> Result<()> {
        let h = frame.header;
        // Only what has sections is read here. A message may stay in its slot
        // for the thread that is about to read it.
        let sections = h.flags & (flag::METHOD | flag::METADATA | flag::TRAILER | flag::STATUS) != 0;
        let waits = !self.workers.has_room();
        let (opening, request) = if sections || waits || !frame.in_slot() {
            let bytes = frame.into_bytes();
            (wire::opening(h.flags, &bytes)?, Request::Bytes(bytes))
        } else {
            (wire::Opening::default(), Request::Frame(frame))
        };
        let method = self.resolve((h.arg >> 48) as usize, &opening.method, methods)?;
        let call = Arc::new(Call::new(h, h.flags & flag::UNARY != 0, method, opening.metadata));
        let leaving = self.leaving.load(SeqCst);
        let answered = match &request {
            Request::Bytes(bytes) if call.unary && !leaving && bytes.len() <= QUICK => {
                self.answer_at_once(&call, &bytes[opening.message..])?
            }
            _ => Quick::No,
        };
        if matches!(answered, Quick::Sent) {
            return Ok(());
        }
        if !leaving {
            let twice = lock(&self.calls).insert(h.stream, call.clone()).is_some();
            if twice {
                return Err(corrupt("stream", format!("{} opened twice", h.stream)));
            }
            self.link.notes.handlers().fetch_add(1, SeqCst);
        }
        let session = self.clone();
        self.workers.run(Box::new(move |buffer| {
            if leaving {
                session.refuse(&call);
                return;
            }
            match answered {
                Quick::Kept(answer) => session.reply(&call, answer.map(|bytes| Some(bytes.into()))),
                _ => session.handle(&call, request, opening.message, buffer),
            }
            lock(&session.calls).remove(&call.id);
            session.link.notes.handlers().fetch_sub(1, SeqCst);
        }));
        Ok(())
    }

    /// Answers a call here, if its service says that this takes no time. What
    /// cannot be sent at once is kept for a thread that may wait.
    fn answer_at_once(&self, call: &Call, request: &[u8]) -> Result<Quick> {
        let quick = catch_unwind(AssertUnwindSafe(|| self.service.is_quick(call, request).then(|| self.answer_unary(call, request))));
        let reply = match quick {
            Ok(None) => return Ok(Quick::No),
            Ok(Some(Ok(reply))) if reply.n <= MAX_MESSAGE => reply,
            Ok(Some(Ok(reply))) => return Ok(Quick::Kept(Err(too_large(reply.n)))),
            Ok(Some(Err(status))) => return Ok(Quick::Kept(Err(status))),
            Err(_) => return Ok(Quick::Kept(Err(panicked(call)))),
        };
        let sent = catch_unwind(AssertUnwindSafe(|| self.link.try_fill(self.last(call, 0, flag::MESSAGE), reply.n, reply.fill)));
        match sent {
            Ok(sent) => Ok(sent?.map_or(Quick::Sent, |bytes| Quick::Kept(Ok(bytes)))),
            Err(_) => Ok(Quick::Kept(Err(panicked(call)))),
        }
    }

    /// Finds a method by its id, or by its name, which is then filed under it. A
    /// filed name that is no method's may have been damaged on its way.
    fn resolve(&self, id: usize, name: &str, methods: &mut [Option<Arc<str>>]) -> Result<Arc<str>> {
        let wrong = |what: String| Err(corrupt("method id", what));
        let Some(known) = methods.get_mut(id) else {
            return wrong(format!("{id}: at most {MAX_METHODS}"));
        };
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

    fn handle(&self, call: &Call, request: Request, message: usize, buffer: &mut Vec<u8>) {
        buffer.clear();
        let bytes = match request {
            Request::Bytes(bytes) => {
                *buffer = bytes;
                &buffer[message..]
            }
            // The slot is free before the handler begins: it waits for the
            // reply's slot without having one.
            Request::Frame(frame) => {
                frame.take(buffer);
                &buffer[..]
            }
        };
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(call, bytes))).unwrap_or_else(|_| Err(panicked(call)));
        self.reply(call, answer);
    }

    fn answer<'a>(&self, call: &Call, request: &'a [u8]) -> std::result::Result<Option<Reply<'a>>, Status> {
        if call.unary {
            return self.answer_unary(call, request).map(Some);
        }
        self.admit(call, request)?;
        self.service.stream(call, &mut Stream { call, link: &self.link }).map(|()| None)
    }

    fn answer_unary<'a>(&self, call: &Call, request: &'a [u8]) -> std::result::Result<Reply<'a>, Status> {
        self.admit(call, request)?;
        self.service.unary(call, request)
    }

    /// Says why a call is not begun.
    fn admit(&self, call: &Call, request: &[u8]) -> std::result::Result<(), Status> {
        if !self.service.methods().contains(&call.method()) {
            return Err(self.unknown(call.method()));
        }
        if request.len() > self.most {
            return Err(self.excess(request.len()));
        }
        call.check()
    }

    /// Says which part of a method's name is wrong.
    fn unknown(&self, name: &str) -> Status {
        let (service, method) = name.trim_start_matches('/').split_once('/').unwrap_or((name, ""));
        let known = self.service.methods().iter().any(|m| m.starts_with(&format!("/{service}/")));
        let text = if known { format!("unknown method {method} for service {service}") } else { format!("unknown service {service}") };
        Status::new(code::UNIMPLEMENTED, text)
    }

    /// Sends a call's last frame. What cannot be sent becomes an error, and the
    /// error at last one that needs no slot: no caller waits for a reply that
    /// does not come.
    fn reply(&self, call: &Call, answer: std::result::Result<Option<Reply>, Status>) {
        if call.is_cancelled() {
            return; // nobody waits for it
        }
        let patience = Patience { until: Some(Instant::now() + REPLY_TIME), given_up: &|| call.is_cancelled() };
        let answer = call.check().and(answer);
        let (n, sent) = match answer {
            Ok(None) => (0, self.link.send(self.last(call, 0, 0), &[], &patience)),
            Ok(Some(reply)) if reply.n > MAX_MESSAGE => (0, self.fail(call, &too_large(reply.n), &patience)),
            Ok(Some(reply)) => {
                let n = reply.n;
                let fill = AssertUnwindSafe(|| self.link.fill(self.last(call, 0, flag::MESSAGE), n, reply.fill, &patience));
                (n, catch_unwind(fill).unwrap_or_else(|_| self.fail(call, &panicked(call), &patience)))
            }
            Err(status) => (0, self.fail(call, &status, &patience)),
        };
        if matches!(sent, Err(Error::GivenUp)) && !call.is_cancelled() {
            let text = format!("no room for a reply of {n} bytes");
            let status = Status::new(code::RESOURCE_EXHAUSTED, text);
            let _ = self.fail(call, &status, &Patience { until: None, given_up: &|| call.is_cancelled() });
            // or the link has ended
        }
    }

    fn last(&self, call: &Call, code: u32, flags: u8) -> Header {
        Header { op: op::REPLY, flags, stream: call.id, arg: u64::from(code) }
    }

    /// Replies with a status. If that finds no slot, a shorter text does.
    fn fail(&self, call: &Call, status: &Status, patience: &Patience) -> Result<()> {
        const ROOM: usize = 1 << 10; // for what is around the text
        let code = if status.code == 0 { code::UNKNOWN } else { status.code };
        let mut payload = Vec::new();
        if status.message.is_empty() {
            return self.link.send(self.last(call, code, 0), &[], patience);
        }
        wire::put_status(&mut payload, code, wire::cut(&status.message, (1 << 20) - ROOM));
        match self.link.send(self.last(call, code, flag::STATUS), &payload, patience) {
            Err(Error::GivenUp) if !call.is_cancelled() => {}
            sent => return sent,
        }
        payload.clear();
        wire::put_status(&mut payload, code, wire::cut(&status.message, 40));
        self.link.send(self.last(call, code, flag::STATUS), &payload, &Patience { until: None, given_up: &|| call.is_cancelled() })
    }

    fn refuse(&self, call: &Call) {
        let h = self.last(call, code::UNAVAILABLE, flag::REFUSED);
        let _ = self.link.send(h, &[], &Patience::ENDLESS); // or the link has ended
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
        self.workers.run(Box::new(move |_| {
            let h = Header { op: op::GO_AWAY, ..Header::default() };
            let _ = session.link.send(h, &[], &Patience::ENDLESS); // or the link has ended
        }));
        let session = self.clone();
        let closing = thread::Builder::new().name("leaving".into()).stack_size(64 << 10).spawn(move || {
            session.workers.end();
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

fn panicked(call: &Call) -> Status {
    Status::new(code::INTERNAL, format!("{} panicked", call.method()))
}

/// A request of at most so many bytes may be answered at once.
const QUICK: usize = 1 << 10;

/// What became of a call that may be answered at once.
enum Quick {
    No,
    Sent,
    Kept(std::result::Result<Vec<u8>, Status>),
}

/// A unary call's request: sections and all, or in its slot.
enum Request {
    Bytes(Vec<u8>),
    Frame(Frame),
}
