//! A minify in the place of ddc's own, which plugins/minify/minify.proto describes:
//!
//!     cargo build --release --manifest-path examples/minify-rust/Cargo.toml
//!
//! A site that names it is built with it:
//!
//!     plugin "minify" {
//!         command "/where/ddc/is/examples/minify-rust/target/release/minify"
//!     }

mod page;

use ddc_plugin::{code, Call, Reply, Service, Status};
use prost::Message;

/// The fields of HtmlRequest that a plugin in the place of ddc's needs: its pages are
/// edited already.
#[derive(Message)]
struct Request {
    #[prost(string, tag = "2")]
    html: String,
}

#[derive(Message)]
struct Response {
    #[prost(string, tag = "1")]
    html: String,
}

struct Minify;

impl Service for Minify {
    fn methods(&self) -> &'static [&'static str] {
        &["/ddc.minify.Minify/Html"]
    }

    fn unary<'a>(&self, _: &Call, request: &'a [u8]) -> Result<Reply<'a>, Status> {
        let Request { html } = Request::decode(request).map_err(|e| Status::new(code::INTERNAL, e.to_string()))?;
        let answer = Response { html: page::smaller(&html) };
        Ok(Reply::of(answer.encoded_len(), move |mut into| answer.encode(&mut into).expect("it has the room")))
    }
}

fn main() {
    ddc_plugin::main(Minify)
}
