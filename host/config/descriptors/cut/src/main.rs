//! Writes `envoy.binpb`: the part of Envoy's schema that Tollgate checks files against.
//!
//! Run as `cargo run --manifest-path host/config/descriptors/cut/Cargo.toml`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use protox::Compiler;

/// The files whose messages may appear in a configuration; imports follow by themselves.
const ROOTS: &[&str] = &[
    "envoy/config/bootstrap/v3/bootstrap.proto",
    "envoy/extensions/access_loggers/file/v3/file.proto",
    "envoy/extensions/access_loggers/stream/v3/stream.proto",
    "envoy/extensions/access_loggers/wasm/v3/wasm.proto",
    "envoy/extensions/filters/http/rbac/v3/rbac.proto",
    "envoy/extensions/filters/http/router/v3/router.proto",
    "envoy/extensions/filters/http/upstream_codec/v3/upstream_codec.proto",
    "envoy/extensions/filters/http/wasm/v3/wasm.proto",
    "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
    "envoy/extensions/filters/network/wasm/v3/wasm.proto",
    "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto",
    "envoy/extensions/transport_sockets/tls/v3/tls.proto",
    "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
    "envoy/extensions/wasm/v3/wasm.proto",
    "envoy/service/discovery/v3/ads.proto",
    "envoy/service/discovery/v3/discovery.proto",
    "envoy/service/extension/v3/config_discovery.proto",
    "google/protobuf/wrappers.proto",
    "udpa/type/v1/typed_struct.proto",
    "xds/type/v3/typed_struct.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = envoy_types(here)?.join("proto");
    let includes = [
        here.join("proto"),
        source.join("data-plane-api"),
        source.join("protoc-gen-validate"),
        source.join("googleapis"),
        source.join("xds"),
        source.join("client_model"),
        source.join("cel-spec").join("proto"),
        source.join("opentelemetry-proto"),
    ];
    let mut compiler = Compiler::new(includes)?;
    compiler.include_imports(true).include_source_info(false);
    compiler.open_files(ROOTS)?;
    // The typed set would lose the options of extensions, and with them the validation rules.
    let set = compiler.encode_file_descriptor_set();
    let target = here.with_file_name("envoy.binpb");
    std::fs::write(&target, &set)?;
    println!("{}: {} files, {} bytes", target.display(), compiler.files().len(), set.len());
    Ok(())
}

/// Returns the folder of the envoy-types package, which cargo has downloaded.
fn envoy_types(here: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(here.join("Cargo.toml"))
        .output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "envoy-types")
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or("cargo metadata does not list envoy-types")?;
    Ok(Path::new(manifest).parent().ok_or("a manifest lies in a folder")?.to_owned())
}
