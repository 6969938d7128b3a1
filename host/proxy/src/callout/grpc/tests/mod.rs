//! Tests of gRPC callouts against a scripted HTTP/2 server on loopback.

mod call;
mod server;
mod stream;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_config::UpstreamProtocol;

use super::{GrpcCallout, GrpcEvent, SendQueue};
use crate::callout::tests::{clusters_speaking, on_worker};
use crate::cluster::ClusterManager;
use server::{Script, serve};

fn callout() -> GrpcCallout {
    GrpcCallout {
        cluster: "origin".to_owned(),
        authority: String::new(),
        service: "a.Service".to_owned(),
        method: "Do".to_owned(),
        metadata: vec![
            ("x-k".into(), "v".into()),
            ("k-bin".into(), "\0\u{1}".into()),
        ],
        max_message_bytes: None,
        skip_envoy_headers: false,
    }
}

fn http2(origin: SocketAddr) -> Rc<ClusterManager> {
    clusters_speaking(UpstreamProtocol::Http2, origin)
}

const NO_TIMEOUT: Duration = Duration::ZERO;

/// Makes a call and returns its events.
async fn call(callout: &GrpcCallout, timeout: Duration, address: SocketAddr) -> Vec<GrpcEvent> {
    let events = RefCell::new(Vec::new());
    let tell = |event| events.borrow_mut().push(event);
    let run = callout.call(b"ping", timeout, &http2(address), tell);
    run.unwrap().await;
    events.take()
}

/// Opens a stream, sends one message and the end, and returns its events.
async fn stream(callout: &GrpcCallout, address: SocketAddr) -> Vec<GrpcEvent> {
    let events = RefCell::new(Vec::new());
    let queue = Rc::<SendQueue>::default();
    queue.push(b"ping").unwrap();
    queue.end();
    let tell = |event| events.borrow_mut().push(event);
    callout.stream(&queue, &http2(address), tell).unwrap().await;
    events.take()
}

/// Events in few words; headers that vary are left out.
fn words(events: &[GrpcEvent]) -> Vec<String> {
    let list = |entries: &[crate::callout::Header]| {
        let shown = entries
            .iter()
            .filter(|(name, _)| !matches!(&name[..], b"date" | b"x-envoy-upstream-service-time"));
        let shown = shown.map(|(name, value)| format!("{}={}", text(name), text(value)));
        shown.collect::<Vec<_>>().join(" ")
    };
    let word = |event: &GrpcEvent| match event {
        GrpcEvent::InitialMetadata(metadata) => format!("initial {}", list(metadata)),
        GrpcEvent::Message(message) => format!("message {}", text(message)),
        GrpcEvent::TrailingMetadata(metadata) => format!("trailing {}", list(metadata)),
        GrpcEvent::Close { status, message } => format!("close {status} {message}"),
    };
    events.iter().map(word).collect()
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn call_words(script: Script) -> Vec<String> {
    on_worker(async {
        let (address, _) = serve(script).await;
        words(&call(&callout(), NO_TIMEOUT, address).await)
    })
}

fn stream_words(script: Script) -> Vec<String> {
    on_worker(async {
        let (address, _) = serve(script).await;
        words(&stream(&callout(), address).await)
    })
}
