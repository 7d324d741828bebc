//! The service by which a plugin is judged (conformance/peer/peer.proto), as tonic
//! makes servers: nothing in `stubs` or in `Peer` knows of a hub.

#[rustfmt::skip] // made by tonic
mod stubs;

use std::pin::Pin;
use std::process::exit;
use std::time::Duration;

use stubs::peer_server::{Peer, PeerServer};
use stubs::Work;
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Request, Response, Status, Streaming};

#[global_allocator]
static HEAP: ddc_plugin::Heap = ddc_plugin::Heap;

/// Does what a message asks for.
async fn answer(work: Work) -> Result<Work, Status> {
    if work.die {
        exit(3);
    }
    if work.hold > 0 {
        tokio::time::sleep(Duration::from_micros(work.hold)).await;
    }
    if work.code != 0 {
        return Err(Status::new(Code::from(work.code as i32), String::from_utf8_lossy(&work.body)));
    }
    Ok(Work { body: work.body.iter().map(|b| !b).collect(), ..Work::default() })
}

type Answers = Pin<Box<dyn Stream<Item = Result<Work, Status>> + Send>>;

#[derive(Clone, Copy)]
struct Service;

#[tonic::async_trait]
impl Peer for Service {
    async fn echo(&self, request: Request<Work>) -> Result<Response<Work>, Status> {
        answer(request.into_inner()).await.map(Response::new)
    }

    type ChatStream = Answers;

    async fn chat(&self, request: Request<Streaming<Work>>) -> Result<Response<Answers>, Status> {
        let answers = request.into_inner().then(|work| async { answer(work?).await });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn collect(&self, request: Request<Streaming<Work>>) -> Result<Response<Work>, Status> {
        let (mut works, mut number) = (request.into_inner(), 0);
        while let Some(work) = works.message().await? {
            number += work.body.len() as u64;
        }
        Ok(Response::new(Work { number, ..Work::default() }))
    }

    type CountStream = Answers;

    async fn count(&self, request: Request<Work>) -> Result<Response<Answers>, Status> {
        let work = request.into_inner();
        let answers = tokio_stream::iter(0..work.number).then(move |_| answer(work.clone()));
        Ok(Response::new(Box::pin(answers)))
    }
}

fn main() {
    ddc_plugin::grpc::main(PeerServer::new(Service).max_decoding_message_size(usize::MAX))
}
