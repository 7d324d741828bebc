//! Plugins for ddc in Rust: programs that answer calls of the host that started
//! them, over its shared memory.
//!
//! ```no_run
//! struct Shout;
//!
//! impl ddc_plugin::Service for Shout {
//!     fn methods(&self) -> &'static [&'static str] {
//!         &["/example.shout.Shout/Louder"]
//!     }
//!     fn unary<'a>(&self, _: &ddc_plugin::Call, request: &'a [u8]) -> Result<ddc_plugin::Reply<'a>, ddc_plugin::Status> {
//!         Ok(request.to_ascii_uppercase().into())
//!     }
//! }
//!
//! ddc_plugin::main(Shout)
//! ```
//!
//! There are three layers. *Native* is the above: [`main`], a [`Service`], bytes in
//! and bytes out, which any protobuf library reads and writes. *Core* is what it
//! stands on, and knows no calls: a [`Link`] that sends frames, and a
//! [`Receiver`] of those that come; a [`Queue`] sends for a program of one thread.
//! include/ddc.h has the core for C. *grpc*, behind the feature of that name, serves
//! an unchanged tonic server on one thread. docs/PROTOCOL.md is what all speak.
#![deny(unsafe_code)]

mod agreement;
mod c;
mod call;
mod doorbell;
mod error;
mod frame;
#[cfg(feature = "grpc")]
pub mod grpc;
mod heap;
mod layout;
mod link;
mod log;
mod notes;
mod numbers;
mod queue;
mod receiver;
mod respond;
mod ring;
mod seat;
mod server;
mod service;
mod slots;
mod strategy;
#[allow(unsafe_code)]
mod sys;
mod waiting;
mod wire;
mod workers;

pub use agreement::{Level, Terms};
pub use call::{Call, Stream};
pub use error::{Error, Result};
pub use frame::{Frame, Header, INLINE_MAX, MAX_PAYLOAD};
pub use heap::Heap;
pub use link::{Lifeline, Link};
pub use queue::Queue;
pub use receiver::{Incoming, Receiver};
pub use server::{main, serve};
pub use service::{code, Reply, Service, Status};
pub use strategy::{Spin, Strategy};
pub use waiting::Patience;
pub use wire::Metadata;
