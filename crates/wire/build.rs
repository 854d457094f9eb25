//! Compiles the `.proto` files in Rust, so that no `protoc` has to be installed.

const FILES: [&str; 4] = [
    "triggerfish/v1/log.proto",
    "triggerfish/v1/view.proto",
    "triggerfish/v1/event.proto",
    "triggerfish/v1/peer.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let include = "../../proto";
    println!("cargo::rerun-if-changed={include}");
    let descriptors = protox::compile(FILES, [include])?;
    prost_build::Config::new()
        .bytes(["."])
        .compile_fds(descriptors)?;
    Ok(())
}
