//! The events of HTTP streams, by the rules by which the runtime delivers them to a module.

use std::rc::Rc;

use tollgate::native::{Event, Part};
use tollgate_abi::{DataAction, HeadersAction, TrailersAction};
use tollgate_runtime::{Direction, HttpHost};

use super::access::Access;
use super::host::StreamEntry;
use super::{Native, ROOT};
use crate::engine::{Fault, HttpEngine};
use crate::model::Stream;

impl Native {
    /// The number a callback answered, after the rules for replies and resumes within it.
    fn settle(&self, stream: u32, direction: Direction, number: u32, stop: u32) -> u32 {
        let done = self.run_effects(stream);
        let number = if done.replied {
            stop
        } else if done.resumed(direction) {
            0
        } else {
            number
        };
        if number == 0 {
            self.host
                .change_access(stream, |access| access.release(direction));
        }
        number
    }

    fn add_stream(&self, id: u32, stream: Rc<Stream>, access: Access) {
        let entry = StreamEntry { stream, access };
        self.host.streams.borrow_mut().insert(id, entry);
    }
}

impl HttpEngine for Native {
    fn create_stream(&self, stream: Rc<Stream>) -> u32 {
        let id = self.next_context();
        self.add_stream(id, stream, Access::default());
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
            Direction::Request => Event::RequestHeaders(Part::new(0, end_of_stream)),
            Direction::Response => Event::ResponseHeaders(Part::new(0, end_of_stream)),
        };
        let number = self.call(stream, |vm| vm.on_event(stream, event));
        let action = HeadersAction::from_u32(self.settle(stream, direction, number, 4));
        let plugin = self.host.worker.world.plugin.borrow();
        if action == HeadersAction::StopIteration && !plugin.allows_stop_iteration {
            return Ok(HeadersAction::StopAllIterationAndWatermark);
        }
        Ok(action)
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
            Direction::Request => Event::RequestBody(Part::new(size, end_of_stream)),
            Direction::Response => Event::ResponseBody(Part::new(size, end_of_stream)),
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
        self.call(stream, |vm| vm.on_done(stream));
        self.call(stream, |vm| vm.on_delete(stream));
        self.host.streams.borrow_mut().remove(&stream);
        // What was asked for this stream finds it no more; others get theirs.
        self.run_effects(stream);
        Ok(())
    }

    fn log_stream(&self, stream: Rc<Stream>) -> Result<(), Fault> {
        let mut access = Access::default();
        access.is_logging = true;
        self.add_stream(ROOT, stream, access);
        self.call(ROOT, |vm| vm.on_log(ROOT));
        self.host.streams.borrow_mut().remove(&ROOT);
        self.run_effects(ROOT);
        Ok(())
    }
}
