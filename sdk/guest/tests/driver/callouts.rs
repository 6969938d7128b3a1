//! gRPC callouts, chunks and connections, on a host that a test plays.

use std::rc::Rc;

use tollgate::grpc::{self, GrpcError};
use tollgate::http;
use tollgate::native::{Event, GrpcEvent, Part, Vm};
use tollgate::prelude::*;

use crate::desk::{Desk, host};

const ROOT: u32 = 1;
const STREAM: u32 = 2;

struct Talker;

impl Plugin for Talker {
    const NAME: &'static str = "talker";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Talker {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let answer = grpc::call("a", "Service", "Call").message("q").send().await;
        ex.set_header("x-answer", format!("{answer:?}"))?;
        let mut stream = grpc::call("a", "Service", "Talk").open()?;
        stream.send("one")?;
        stream.finish()?;
        loop {
            match stream.message().await {
                Ok(Some(message)) => ex.set_header("x-message", message)?,
                Ok(None) => return Ok(ex.set_header("x-end", "ok")?),
                Err(error) => return Ok(ex.set_header("x-end", error.to_string())?),
            }
        }
    }

    fn response_chunk(&self, _ex: &mut Exchange<()>, chunk: &mut Chunk) -> Result<(), Reject> {
        if chunk.bytes()? == "bad" {
            return Err(Reject::new(502));
        }
        chunk.prepend("<")?;
        Ok(chunk.append(">")?)
    }
}

fn talking() -> (Rc<Desk>, Vm) {
    let desk = Desk::new();
    let vm = Vm::new::<Talker>(host(&desk));
    vm.on_context_create(ROOT, 0);
    assert!(vm.on_configure(ROOT));
    vm.on_context_create(STREAM, ROOT);
    let headers = Event::RequestHeaders(Part::new(0, true));
    assert_eq!(vm.on_event(STREAM, headers), 4);
    (desk, vm)
}

#[test]
fn a_grpc_stream_gives_messages_until_it_ends() {
    let (desk, vm) = talking();
    desk.message(&vm, 1, b"answer");
    let asked = [
        "2: x-answer=Ok(\\\"answer\\\")",
        "send 2 one false",
        "close 2",
    ];
    assert_eq!(desk.noted(), asked);
    vm.on_grpc(2, GrpcEvent::InitialMetadata);
    desk.message(&vm, 2, b"eins");
    desk.message(&vm, 2, b"");
    vm.on_grpc(2, GrpcEvent::TrailingMetadata);
    vm.on_grpc(2, GrpcEvent::Closed { status: 0 });
    let heard = [
        "2: x-message=eins",
        "2: x-message=",
        "2: x-end=ok",
        "cancel 2",
        "2: continue HttpRequest",
    ];
    assert_eq!(desk.noted(), heard);
    assert_eq!(vm.grpc_callouts(), 0);
}

#[test]
fn a_status_that_grpc_does_not_know_is_kept() {
    let (desk, vm) = talking();
    vm.on_grpc(1, GrpcEvent::Closed { status: 4_000 });
    let error = "2: x-answer=Err(Status { code: 4000, message: \\\"why\\\" })";
    assert_eq!(desk.noted().first().map(String::as_str), Some(error));
    assert_eq!(GrpcError::Malformed.status(), None);
}

#[test]
fn messages_that_nobody_reads_are_limited() {
    let (desk, vm) = talking();
    desk.message(&vm, 1, b"answer");
    desk.noted();
    // Within one callback the handler cannot read.
    vm.on_delete(STREAM);
    assert_eq!(desk.noted(), ["cancel 2"]);
    desk.message(&vm, 2, &[0; 100]);
    vm.on_grpc(2, GrpcEvent::Closed { status: 0 });
    assert_eq!((vm.grpc_callouts(), desk.noted()), (0, vec![]));
}

#[test]
fn a_dropped_call_is_taken_back() {
    let (desk, vm) = talking();
    vm.on_delete(STREAM);
    assert_eq!(desk.noted(), ["cancel 1"]);
    desk.message(&vm, 1, b"late");
    assert_eq!(desk.noted(), Vec::<String>::new());
}

#[test]
fn chunks_are_changed_and_end_a_response() {
    let (desk, vm) = talking();
    let body = Event::ResponseBody(Part::new(3, false));
    desk.body.replace(b"bad".to_vec());
    // The request's handler has the exchange, so that the chunk passes.
    assert_eq!(vm.on_event(STREAM, body), 0);
    desk.message(&vm, 1, b"answer");
    vm.on_grpc(2, GrpcEvent::Closed { status: 0 });
    desk.noted();
    desk.body.replace(b"bad".to_vec());
    assert_eq!(vm.on_event(STREAM, body), 3);
    desk.body.replace(b"good".to_vec());
    assert_eq!(vm.on_event(STREAM, body), 0);
    assert_eq!(desk.noted(), ["2: reply 502", "before: <", "behind: >"]);
}

struct Line;

impl Plugin for Line {
    const NAME: &'static str = "line";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[stream_filter]
impl StreamFilter for Line {
    type State = ();

    async fn connection(&self, _connection: &mut Connection<()>) -> Result<(), Close> {
        let answer = http::get("a", "/").send().await?;
        if answer.body() == b"no" {
            return Err(Close::new());
        }
        Ok(())
    }

    async fn downstream_data(
        &self,
        _connection: &mut Connection<()>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        log::info!("data of {}, last {}", data.len(), data.is_last());
        let flow = if data.len() < 5 {
            Flow::Hold
        } else {
            Flow::Pass
        };
        Ok(flow)
    }
}

fn connected() -> (Rc<Desk>, Vm) {
    let desk = Desk::new();
    let vm = Vm::of_stream_filter::<Line>(host(&desk));
    vm.on_context_create(ROOT, 0);
    assert!(vm.on_configure(ROOT));
    vm.on_context_create(STREAM, ROOT);
    assert_eq!(vm.on_event(STREAM, Event::Connection), 1);
    assert_eq!(desk.noted(), ["call 1"]);
    (desk, vm)
}

const fn data(size: usize) -> Event {
    Event::DownstreamData(Part::new(size, false))
}

#[test]
fn data_that_comes_while_the_connection_waits_is_seen_afterwards() {
    let (desk, vm) = connected();
    assert_eq!(vm.on_event(STREAM, data(9)), 1);
    desk.answer(&vm, 1, "yes");
    assert_eq!(
        desk.noted(),
        ["log data of 9, last false", "2: continue Downstream"]
    );
    assert_eq!(vm.on_event(STREAM, data(3)), 1, "too little is held");
    assert_eq!(vm.on_event(STREAM, data(7)), 0);
}

#[test]
fn data_that_is_too_little_is_held_after_the_connection_has_waited() {
    let (desk, vm) = connected();
    assert_eq!(vm.on_event(STREAM, data(3)), 1);
    desk.answer(&vm, 1, "yes");
    assert_eq!(desk.noted(), ["log data of 3, last false"]);
    assert_eq!(vm.on_event(STREAM, data(6)), 0);
}

#[test]
fn a_refused_connection_is_closed() {
    let (desk, vm) = connected();
    desk.answer(&vm, 1, "no");
    assert_eq!(desk.noted(), ["2: close Downstream"]);
    vm.on_event(STREAM, Event::DownstreamClosed { by: 4_000 });
    vm.on_delete(STREAM);
    assert_eq!((vm.contexts(), vm.callouts()), (1, 0));
}
