//! Serves an unchanged tonic server, or anything else that is a
//! `tower_service::Service` over [`http`]'s types, to the host that started this
//! process.
//!
//! ```ignore
//! ddc_plugin::grpc::main(ShoutServer::new(Shout::default()))
//! ```
//!
//! Everything runs on one thread: a current_thread runtime of tokio's, whose one
//! task receives, sends and sleeps, and a task for each call. A handler that
//! blocks stops all others: `tokio::task::spawn_blocking` is for what blocks.
//!
//! The receiving task sleeps on its doorbell's file by AsyncFd, together with
//! everything else that the runtime waits for. A futex has no file: there a
//! thread sleeps, and wakes the runtime, which takes longer.
//!
//! Frames wait in memory until they are sent, in order. A reply for which there is no room
//! waits for as long as the link lives, where the native layer sends an error in
//! its place after 30 s.
//!
//! A call has those parts of HTTP that gRPC uses, and no others: path, metadata,
//! messages and trailers. Messages are not compressed: they stay on this machine.

mod body;
mod call;
mod driver;
mod message;
mod metadata;
mod respond;

use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::process::exit;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Doing, Result};
use crate::link::{Lifeline, Link};
use crate::log::Log;
use crate::server;
use crate::sys;

pub use body::RequestBody;
use call::Shared;

/// How long handlers may go on once the host has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What a server is: tonic generates them.
pub trait Server<B>:
    tower_service::Service<http::Request<RequestBody>, Response = http::Response<B>, Error = Infallible, Future: 'static> + Clone + 'static
{
}

impl<B, S> Server<B> for S where
    S: tower_service::Service<http::Request<RequestBody>, Response = http::Response<B>, Error = Infallible, Future: 'static>
        + Clone
        + 'static
{
}

/// What a server answers with.
pub trait Answer: http_body::Body<Data = Bytes, Error: std::fmt::Display> + Unpin + 'static {}

impl<B: http_body::Body<Data = Bytes, Error: std::fmt::Display> + Unpin + 'static> Answer for B {}

/// Serves and ends the process: with status 0 if the host is done with it, else 1.
/// When the host ends, the process ends within a second, whatever a handler is
/// doing.
pub fn main<B: Answer>(service: impl Server<B>) -> ! {
    server::leave_process(serve(service))
}

/// Serves to the host that started this process, and returns once the link has
/// ended and no handler runs any more. It is Ok if the host closed the link.
pub fn serve<B: Answer>(service: impl Server<B>) -> Result<()> {
    let (terms, signals) = server::prepare()?;
    let (link, receiver, lifeline) = Link::attach(&terms)?;
    let log = Log { least: terms.level };
    let shared = Arc::new(Shared::default());
    let watched = (shared.clone(), link.clone());
    thread::Builder::new()
        .name("lifeline".into())
        .stack_size(64 << 10)
        .spawn(move || watch(&watched.0, &watched.1, lifeline, signals))
        .doing("start a thread")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().doing("start a runtime")?;
    let tasks = tokio::task::LocalSet::new();
    let driver = driver::Driver::new(link.clone(), receiver, shared, log, terms.request_bytes);
    let ended = tasks.block_on(&runtime, driver.drive(service));
    drop(tasks); // and every handler with it
    link.close();
    runtime.shutdown_background(); // what blocks elsewhere is not waited for
    ended
}

/// Waits for the host's end, and passes signals on to the runtime. It has a thread
/// of its own, since a handler may keep the runtime's.
fn watch(shared: &Shared, link: &Link, lifeline: Lifeline, mut signals: File) {
    let mut signal = [0; 128];
    let ended = |f: &File| sys::is_readable(f.as_raw_fd());
    while !ended(lifeline.file()) {
        if sys::poll(&[lifeline.file().as_raw_fd(), signals.as_raw_fd()], None).is_err() {
            break;
        }
        if ended(&signals) && signals.read(&mut signal).is_ok() {
            match u32::from_ne_bytes([signal[0], signal[1], signal[2], signal[3]]) {
                sys::SIGTERM => shared.leaving.store(true, SeqCst),
                _ => shared.dump.store(true, SeqCst),
            }
            shared.wake.notify_one();
        }
    }
    lifeline.wait();
    link.nudge();
    shared.wake.notify_one();
    thread::sleep(LAST_WORDS);
    exit(1);
}
