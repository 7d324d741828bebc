//! The plugin of examples/plugin in Rust, which that folder's host calls too:
//!
//!     cargo build --release --manifest-path examples/plugin-rust/Cargo.toml
//!     go run ./examples/plugin/host examples/plugin-rust/target/release/shout futex hello there

use ddc_plugin::{code, Call, Reply, Service, Status};
use prost::Message;

/// examples/plugin/shout.proto's Text.
#[derive(Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

struct Shout;

impl Service for Shout {
    fn methods(&self) -> &'static [&'static str] {
        &["/example.shout.Shout/Louder"]
    }

    fn unary<'a>(&self, _: &Call, request: &'a [u8]) -> Result<Reply<'a>, Status> {
        let Text { text } = Text::decode(request).map_err(|e| Status::new(code::INVALID_ARGUMENT, e.to_string()))?;
        if text.is_empty() {
            return Err(Status::new(code::INVALID_ARGUMENT, "nothing to shout"));
        }
        let answer = Text { text: text.to_uppercase() + "!" };
        Ok(Reply::of(answer.encoded_len(), move |mut into| answer.encode(&mut into).expect("it has the room")))
    }
}

fn main() {
    ddc_plugin::main(Shout)
}
