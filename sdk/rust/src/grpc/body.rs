//! A request's messages, as a server reads them.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::call::{Call, Shared};
use super::message;

/// The messages of a call. Each is one frame: it never comes in parts.
pub struct RequestBody {
    call: Arc<Call>,
    shared: Arc<Shared>,
}

impl RequestBody {
    pub(super) fn new(call: Arc<Call>, shared: Arc<Shared>) -> RequestBody {
        RequestBody { call, shared }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.call.poll_message(message::PREFIX, cx.waker(), &self.shared).map(|m| m.map(|m| Ok(Frame::data(m))))
    }

    fn is_end_stream(&self) -> bool {
        self.call.is_read()
    }
}
