//! Makes the stubs anew: cargo build --features generate.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "generate")]
    generate();
}

#[cfg(feature = "generate")]
fn generate() {
    let made = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    tonic_prost_build::configure()
        .build_client(false)
        .out_dir(&made)
        .compile_protos(&["../../../conformance/peer/peer.proto"], &["../../../conformance/peer"])
        .expect("make the stubs");
    std::fs::copy(made.join("ddc.conformance.v1.rs"), "src/stubs.rs").expect("keep the stubs");
}
