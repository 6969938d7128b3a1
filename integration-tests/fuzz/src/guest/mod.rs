//! A filter of the SDK on a host that answers anything.

mod filter;
mod host;

use std::rc::Rc;

use tollgate::native::{Event, GrpcEvent, Host, Part, Vm};

use crate::Source;
use filter::Everything;
use host::AnyHost;

/// The highest id of a context.
const LAST: u32 = 6;

/// Plays callbacks in any order, with any numbers. Whatever the host does, the filter must neither
/// panic nor keep what is over.
pub fn play(input: &[u8]) {
    let source = Rc::new(Source::new(input));
    let host = Rc::new(AnyHost::new(Rc::clone(&source)));
    let vm = Rc::new(Vm::new::<Everything>(Rc::clone(&host) as Rc<dyn Host>));
    host.calls_back(&vm);
    vm.on_context_create(1, 0);
    let _accepted = vm.on_configure(1);
    let mut last = 1;
    while !source.is_empty() {
        step(&vm, &source, &mut last);
    }
    // Streams end before their plugin.
    for id in (1..=LAST).rev() {
        vm.on_delete(id);
    }
    assert_eq!((vm.contexts(), vm.tasks()), (0, 0), "something is left");
    assert_eq!(
        (vm.callouts(), vm.grpc_callouts()),
        (0, 0),
        "a callout is left"
    );
}

/// One callback.
pub(crate) fn step(vm: &Vm, source: &Source, last: &mut u32) {
    let id = 1 + source.number() % LAST;
    match source.below(18) {
        0 | 1 => {
            *last = (*last + 1).min(LAST);
            vm.on_context_create(*last, 1);
        }
        2 => vm.on_tick(1),
        3 => vm.on_http_call_response(
            source.number() % 32,
            u32::from(source.byte()),
            usize::from(source.byte()),
            u32::from(source.byte()),
        ),
        4 => vm.on_grpc(source.number() % 32, grpc_event(source)),
        5 => vm.on_resolve_dns(source.number() % 32, usize::from(source.byte())),
        6 => {
            let _done = vm.on_done(id);
        }
        7 => vm.on_delete(id.max(2)),
        8 => vm.on_log(id),
        _ => {
            let _action = vm.on_event(id, event(source));
        }
    }
}

fn grpc_event(source: &Source) -> GrpcEvent {
    match source.below(4) {
        0 => GrpcEvent::InitialMetadata,
        1 => GrpcEvent::TrailingMetadata,
        2 => GrpcEvent::Message {
            size: usize::from(source.byte()),
        },
        _ => GrpcEvent::Closed {
            status: source.number(),
        },
    }
}

fn event(source: &Source) -> Event {
    let is_last = source.flag();
    let size = usize::from(source.byte());
    let part = Part::new(size, is_last);
    match source.below(9) {
        0 | 1 => Event::RequestHeaders(part),
        2 => Event::RequestBody(part),
        3 => Event::RequestTrailers,
        4 => Event::ResponseHeaders(part),
        5 => Event::ResponseBody(part),
        6 => Event::ResponseTrailers,
        7 => Event::QueueReady {
            queue: source.number(),
        },
        _ => Event::ForeignFunction {
            function: source.number(),
        },
    }
}
