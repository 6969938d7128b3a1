//! Native: the filter's code in the test's own process, on the SDK's thread-local host.

mod access;
mod host;
mod services;
mod streams;

use std::cell::Cell;
use std::rc::Rc;

use tollgate::HttpFilter;
use tollgate::native::{Event, Vm};
use tollgate_abi::{DataAction, HeadersAction, LogLevel, TrailersAction};
use tollgate_runtime::{Direction, HttpCallResponse, HttpHost};

use self::access::Access;
use self::host::{Effect, NativeHost, StreamEntry};
use super::{Engine, Fault};
use crate::model::{Stream, World};

/// The id of the only root context.
const ROOT: u32 = 1;

/// One native VM with one plugin.
pub(crate) struct Native {
    host: Rc<NativeHost>,
    vm: Vm,
    last_context: Cell<u32>,
}

impl Native {
    pub(crate) fn new<F: HttpFilter>(world: Rc<World>) -> Self {
        let host = Rc::new(NativeHost::new(world));
        let vm = Vm::new::<F>(Rc::clone(&host) as Rc<dyn tollgate::native::Host>);
        Self {
            host,
            vm,
            last_context: Cell::new(ROOT),
        }
    }

    /// Runs a callback; its context is the one that hostcalls act on.
    fn call<R>(&self, context: u32, run: impl FnOnce(&Vm) -> R) -> R {
        self.host.current.set(context);
        self.host.effective.set(context);
        let result = run(&self.vm);
        self.host.current.set(0);
        self.host.effective.set(0);
        result
    }

    /// Does what the filter asked for, in its order; whether it replied to `stream`, and whether
    /// it resumed `direction` of it.
    fn run_effects(&self, stream: u32, direction: Direction) -> (bool, bool) {
        let (mut replied, mut resumed) = (false, false);
        for effect in self.host.effects.take() {
            let (Effect::Continue(id, _) | Effect::Close(id) | Effect::Reply(id, _)) = &effect;
            let Some(target) = self.stream(*id) else {
                continue;
            };
            match effect {
                Effect::Continue(id, to) => {
                    resumed |= id == stream && to == direction;
                    target.continue_stream(to);
                }
                Effect::Close(_) => target.close_stream(),
                Effect::Reply(id, response) => {
                    replied |= id == stream;
                    target.send_local_response(response);
                }
            }
        }
        (replied, resumed)
    }

    fn stream(&self, id: u32) -> Option<Rc<Stream>> {
        self.host
            .streams
            .borrow()
            .get(&id)
            .map(|entry| Rc::clone(&entry.stream))
    }

    /// The number a callback answered, after the rules for replies and resumes within it.
    fn settle(&self, stream: u32, direction: Direction, number: u32, stop: u32) -> u32 {
        let number = match self.run_effects(stream, direction) {
            (true, _) => stop,
            (false, true) => 0,
            (false, false) => number,
        };
        if number == 0 {
            self.host
                .change_access(stream, |access| access.release(direction));
        }
        number
    }
}

impl Engine for Native {
    fn start(&self, configuration: &str) -> Result<(), Fault> {
        self.host
            .configuration
            .replace(Some(configuration.as_bytes().to_vec()));
        self.call(ROOT, |vm| vm.on_context_create(ROOT, 0));
        let accepted = self.call(ROOT, |vm| vm.on_configure(ROOT));
        self.host.configuration.replace(None);
        self.run_effects(ROOT, Direction::Request);
        if accepted {
            return Ok(());
        }
        let log = self.host.world.log.borrow();
        let reason = log
            .iter()
            .rev()
            .find(|(level, _)| *level == LogLevel::Critical);
        Err(reason.map_or_else(
            || "the plugin refused to start".to_owned(),
            |(_, line)| line.clone(),
        ))
    }

    fn create_stream(&self, stream: Rc<Stream>) -> u32 {
        let id = self.last_context.get() + 1;
        self.last_context.set(id);
        let entry = StreamEntry {
            stream,
            access: Access::default(),
        };
        self.host.streams.borrow_mut().insert(id, entry);
        self.call(id, |vm| vm.on_context_create(id, ROOT));
        id
    }

    fn on_headers(
        &self,
        stream: u32,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<HeadersAction, Fault> {
        self.host
            .change_access(stream, |access| access.open_headers(direction));
        let event = match direction {
            Direction::Request => Event::RequestHeaders { end_of_stream },
            Direction::Response => Event::ResponseHeaders { end_of_stream },
        };
        let number = self.call(stream, |vm| vm.on_event(stream, event));
        Ok(HeadersAction::from_u32(
            self.settle(stream, direction, number, 4),
        ))
    }

    fn on_body(
        &self,
        stream: u32,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<DataAction, Fault> {
        self.host
            .change_access(stream, |access| access.open_body(direction, end_of_stream));
        let size = self
            .stream(stream)
            .map_or(0, |stream| stream.body_len(direction));
        let event = match direction {
            Direction::Request => Event::RequestBody {
                size,
                end_of_stream,
            },
            Direction::Response => Event::ResponseBody {
                size,
                end_of_stream,
            },
        };
        let number = self.call(stream, |vm| vm.on_event(stream, event));
        let is_buffered = DataAction::from_u32(number) == DataAction::StopIterationAndBuffer;
        self.host
            .change_access(stream, |access| access.end_body(direction, is_buffered));
        Ok(DataAction::from_u32(
            self.settle(stream, direction, number, 3),
        ))
    }

    fn on_trailers(&self, stream: u32, direction: Direction) -> Result<TrailersAction, Fault> {
        self.host
            .change_access(stream, |access| access.open_trailers(direction));
        let event = match direction {
            Direction::Request => Event::RequestTrailers,
            Direction::Response => Event::ResponseTrailers,
        };
        let number = self.call(stream, |vm| vm.on_event(stream, event));
        Ok(TrailersAction::from_u32(
            self.settle(stream, direction, number, 1),
        ))
    }

    fn end_stream(&self, stream: u32) -> Result<(), Fault> {
        self.host
            .change_access(stream, |access| access.is_logging = true);
        self.call(stream, |vm| vm.on_log(stream));
        self.call(stream, |vm| vm.on_delete(stream));
        self.host.streams.borrow_mut().remove(&stream);
        self.host.effects.take();
        Ok(())
    }

    fn on_tick(&self) -> Result<(), Fault> {
        self.call(ROOT, |vm| vm.on_tick(ROOT));
        self.run_effects(ROOT, Direction::Request);
        Ok(())
    }

    fn on_http_call_response(&self, token: u32, response: HttpCallResponse) -> Result<(), Fault> {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let (headers, body, trailers) = match &response {
            HttpCallResponse::Complete {
                headers,
                body,
                trailers,
            } => (count(headers.len()), body.len(), count(trailers.len())),
            HttpCallResponse::Reset => (0, 0, 0),
        };
        self.host.callout.replace(Some(response));
        self.call(ROOT, |vm| {
            vm.on_http_call_response(token, headers, body, trailers);
        });
        self.host.callout.replace(None);
        self.run_effects(ROOT, Direction::Request);
        Ok(())
    }

    fn metric(&self, name: &str) -> Option<u64> {
        let metrics = self.host.metrics.borrow();
        metrics
            .iter()
            .find(|metric| metric.name == name)
            .map(|metric| metric.value)
    }

    fn streams(&self) -> usize {
        self.vm.contexts().saturating_sub(1)
    }
}
