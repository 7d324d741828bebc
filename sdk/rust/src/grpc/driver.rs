//! The task that receives, sends and sleeps.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request};
use tokio::io::unix::AsyncFd;
use tokio::task::{spawn_local, yield_now};
use tokio::time::{timeout_at, Instant};

use super::body::RequestBody;
use super::call::{Call, Shared};
use super::message::{self, PREFIX};
use super::metadata;
use super::respond::Responder;
use super::{Answer, Server};
use crate::agreement::Level;
use crate::error::{corrupt, Doing, Result};
use crate::frame::{Frame, Header};
use crate::link::Link;
use crate::log::Log;
use crate::queue::Queue;
use crate::receiver::{Incoming, Receiver};
use crate::service::{code, Status};
use crate::sys;
use crate::waiting::lock;
use crate::wire::{self, flag, op, MAX_METHODS};

/// The link, on the runtime's thread.
pub(super) struct Driver {
    link: Arc<Link>,
    receiver: Receiver,
    queue: Queue,
    shared: Arc<Shared>,
    log: Log,
    /// The largest request.
    most: usize,
    methods: Vec<Option<Arc<str>>>,
    /// The host was told that this process leaves.
    left: bool,
}

/// Where the driver sleeps.
enum Bed {
    File(AsyncFd<std::fs::File>),
    /// A thread sleeps in its place, and wakes it: a futex has no file.
    Thread,
}

impl Driver {
    pub fn new(link: Arc<Link>, receiver: Receiver, shared: Arc<Shared>, log: Log, most: usize) -> Driver {
        let queue = Queue::new(link.clone());
        Driver { link, receiver, queue, shared, log, most, methods: vec![None; MAX_METHODS + 1], left: false }
    }

    /// Serves until the link ends.
    pub async fn drive<B: Answer>(mut self, service: impl Server<B>) -> Result<()> {
        let bed = self.make_bed()?;
        loop {
            while let Some(incoming) = self.receiver.try_next()? {
                match incoming {
                    Incoming::Frame(frame) if frame.header.op == op::CALL => self.open(frame, &service)?,
                    Incoming::Frame(frame) => self.take(frame)?,
                    Incoming::Room => {}
                    Incoming::Closed => return Ok(()),
                }
            }
            yield_now().await; // handlers have their turn, and what they send goes together
            self.obey_signals()?;
            // What is left in the queue has announced itself, and is tried again
            // after each waking.
            let sent = self.send()?;
            if self.left && self.queue.is_empty() && lock(&self.shared.calls).is_empty() {
                return Ok(());
            }
            let idle = !sent && lock(&self.shared.calls).is_empty();
            if !sent && !(idle && self.receiver.spin()) {
                self.sleep(&bed).await?;
            }
        }
    }

    /// Sends what handlers have handed over, and says whether there was anything.
    fn send(&mut self) -> Result<bool> {
        let outgoing = self.shared.take_outgoing();
        let any = !outgoing.is_empty();
        for (header, payload) in outgoing {
            self.queue.send(header, payload)?;
        }
        self.queue.flush()?;
        Ok(any)
    }

    fn make_bed(&self) -> Result<Bed> {
        if let Some(file) = self.receiver.file() {
            let file = file.try_clone().doing("copy the doorbell's descriptor")?;
            return Ok(Bed::File(sys::watch(file).doing("watch the doorbell")?));
        }
        let (link, shared) = (self.link.clone(), self.shared.clone());
        let sleeper = move || {
            while !link.is_ending() && link.own.await_token().is_ok() {
                shared.wake.notify_one();
            }
            shared.wake.notify_one();
        };
        std::thread::Builder::new().name("doorbell".into()).stack_size(64 << 10).spawn(sleeper).doing("start a thread")?;
        Ok(Bed::Thread)
    }

    /// Sleeps until the host rings, or a handler has something to send. It
    /// announces itself, and looks once more, before it sleeps.
    async fn sleep(&mut self, bed: &Bed) -> Result<()> {
        if !self.receiver.sleep_elsewhere()? {
            return Ok(());
        }
        let mut handlers = pin!(self.shared.wake.notified());
        match bed {
            Bed::Thread => handlers.await,
            Bed::File(file) => {
                let woken = poll_fn(|cx| {
                    // Readiness is cleared before the tokens are taken. A token
                    // that comes between the two is taken with them, and one that
                    // comes later makes the file ready again.
                    let rung = file.poll_read_ready(cx).map_ok(|mut ready| ready.clear_ready());
                    if rung.is_ready() {
                        return rung;
                    }
                    handlers.as_mut().poll(cx).map(Ok)
                });
                woken.await.doing("sleep at Bells[peer]")?;
            }
        }
        self.receiver.woken()
    }

    /// Begins a call. An error ends the link; whatever else is wrong with the
    /// call goes into its reply.
    fn open<B: Answer>(&mut self, frame: Frame, service: &impl Server<B>) -> Result<()> {
        let h = frame.header;
        let mut bytes = vec![0; PREFIX];
        frame.take(&mut bytes);
        let opening = wire::opening(h.flags, &bytes[PREFIX..])?;
        let method = self.resolve((h.arg >> 48) as usize, &opening.method)?;
        let unary = h.flags & flag::UNARY != 0;
        let call = Arc::new(Call::new(h.stream, unary, method));
        let mut responder = Responder::new(call.clone(), self.shared.clone());
        if self.left {
            responder.refuse();
            return Ok(());
        }
        let n = bytes.len() - PREFIX - opening.message;
        if unary && n > self.most {
            responder.fail(&excess(n, self.most));
            return Ok(());
        }
        if unary {
            call.push(message::wrap(bytes, opening.message), n);
            call.end();
        }
        let Some(request) = self.request(&call, &opening.metadata, h) else {
            responder.fail(&Status::new(code::UNIMPLEMENTED, format!("there is no method {}", call.method)));
            return Ok(());
        };
        if lock(&self.shared.calls).insert(h.stream, call.clone()).is_some() {
            return Err(corrupt("stream", format!("{} opened twice", h.stream)));
        }
        let (deadline, service) = (deadline(h), service.clone());
        let handler = spawn_local(async move {
            let Some(t) = deadline else { return answer(service, request, &mut responder).await };
            if timeout_at(t, answer(service, request, &mut responder)).await.is_err() {
                responder.fail(&Status::new(code::DEADLINE_EXCEEDED, "context deadline exceeded"));
            }
        });
        call.handled_by(handler.abort_handle());
        Ok(())
    }

    /// Makes the HTTP request that a server expects; none, if the method's name is
    /// no path.
    fn request(&self, call: &Arc<Call>, metadata: &wire::Metadata, h: Header) -> Option<Request<RequestBody>> {
        let body = RequestBody::new(call.clone(), self.shared.clone());
        let mut request = Request::post(&*call.method).version(http::Version::HTTP_2).body(body).ok()?;
        let headers = request.headers_mut();
        metadata::to_headers(metadata, headers);
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        headers.insert("te", HeaderValue::from_static("trailers"));
        if let Some(allowed) = allowed(h) {
            // gRPC has eight digits at most.
            let value = match allowed.as_micros() {
                n if n < 100_000_000 => format!("{n}u"),
                n => format!("{}S", (n / 1_000_000).min(99_999_999)),
            };
            headers.insert("grpc-timeout", HeaderValue::from_str(&value).ok()?);
        }
        Some(request)
    }

    /// Finds a method by its id, or by its name, which is then filed under it.
    fn resolve(&mut self, id: usize, name: &str) -> Result<Arc<str>> {
        let wrong = |what: String| Err(corrupt("method id", what));
        let Some(known) = self.methods.get_mut(id) else {
            return wrong(format!("{id}: at most {MAX_METHODS}"));
        };
        match known {
            None if name.is_empty() => return wrong(format!("{id} stands for nothing")),
            Some(filed) if name.is_empty() || **filed == *name => return Ok(filed.clone()),
            Some(filed) => return wrong(format!("{id} stands for both {filed:?} and {name:?}")),
            None => {}
        }
        let method: Arc<str> = name.into();
        if id != 0 {
            *known = Some(method.clone());
        }
        Ok(method)
    }

    /// Takes a frame of a call that was opened before.
    fn take(&mut self, frame: Frame) -> Result<()> {
        let h = frame.header;
        let Some(call) = lock(&self.shared.calls).get(&h.stream).cloned() else {
            return Ok(()); // it ended here, and the host does not know yet
        };
        match h.op {
            op::CANCEL => self.drop_call(&call),
            op::MESSAGE if frame.len() > self.most => self.end_call(&call, &excess(frame.len(), self.most)),
            op::MESSAGE => {
                let n = frame.len();
                if !call.push(message::prefixed(frame, 0), n) {
                    self.end_call(&call, &Status::new(code::INTERNAL, "the peer sent more than its credit allows"));
                }
            }
            op::END => call.end(),
            op::CREDIT => call.grant(h.arg),
            other => return Err(corrupt("op", format!("operation {other} from a client"))),
        }
        Ok(())
    }

    /// Ends a call that nobody waits for.
    fn drop_call(&self, call: &Call) {
        call.abort();
        self.shared.forget(call.id);
    }

    /// Ends a call with an error of this side's.
    fn end_call(&self, call: &Arc<Call>, status: &Status) {
        call.abort();
        Responder::new(call.clone(), self.shared.clone()).fail(status);
    }

    /// Does what signals have asked for.
    fn obey_signals(&mut self) -> Result<()> {
        if self.shared.dump.swap(false, SeqCst) {
            let calls = lock(&self.shared.calls);
            let of = format!("plugin: in its own words: {} calls under way, {} bytes wait to be sent", calls.len(), self.queue.bytes());
            self.log.line(Level::Warn, &of);
            for call in calls.values() {
                self.log.line(Level::Warn, &format!("{} (stream {}) for {:?}", call.method, call.id, call.began.elapsed()));
            }
        }
        if self.shared.leaving.load(SeqCst) && !self.left {
            self.left = true;
            self.queue.send(Header { op: op::GO_AWAY, ..Header::default() }, Vec::new())?;
        }
        Ok(())
    }
}

/// Has a server answer a request.
async fn answer<B: Answer>(mut service: impl Server<B>, request: Request<RequestBody>, responder: &mut Responder) {
    match poll_fn(|cx| service.poll_ready(cx)).await {
        Ok(()) => {}
        Err(never) => match never {},
    }
    match service.call(request).await {
        Ok(response) => responder.answer(response).await,
        Err(never) => match never {},
    }
}

fn excess(n: usize, most: usize) -> Status {
    Status::new(code::RESOURCE_EXHAUSTED, format!("received a message of {n} bytes: at most {most}"))
}

/// How long the client waits, if it has said so.
fn allowed(h: Header) -> Option<Duration> {
    Some(h.arg & ((1 << 48) - 1)).filter(|&n| n > 0).map(Duration::from_micros)
}

fn deadline(h: Header) -> Option<Instant> {
    allowed(h).and_then(|d| Instant::now().checked_add(d))
}
