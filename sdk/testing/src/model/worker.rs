//! Worker: what the VM of one worker needs from the world.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::{LogLevel, Status, property};
use tollgate_runtime::{
    CalloutRefusal, ContextId, GrpcCall, GrpcStream, HostServices, HttpCall, LogOrigin,
    PropertyResult, QueueNotifier,
};

use super::schedule::Happening;
use super::world::{QueueNews, World, nanos};
use crate::grpc::GrpcStep;
use crate::upstream::text;

/// The world as one worker's VM sees it.
pub(crate) struct Worker {
    pub(crate) world: Rc<World>,
    pub(crate) index: usize,
}

/// Posts news of queues.
#[derive(Debug)]
struct Notifier {
    worker: usize,
    news: Sender<QueueNews>,
}

impl QueueNotifier for Notifier {
    fn notify(&self, token: u32) {
        // A world that is gone wants no news.
        let _gone = self.news.send((self.worker, token));
    }
}

impl HostServices for Worker {
    fn log(&self, _origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
        self.world.log.borrow_mut().push((level, text(message)));
    }

    fn log_level(&self) -> Option<LogLevel> {
        Some(self.world.log_level.get())
    }

    fn realtime_nanos(&self) -> u64 {
        self.world.now.get()
    }

    fn monotonic_nanos(&self) -> u64 {
        self.world.now.get()
    }

    /// Tests are to be repeatable, so these bytes are not random.
    fn fill_random(&self, out: &mut [u8]) {
        for (byte, value) in out.iter_mut().zip((0..=u8::MAX).cycle()) {
            *byte = value;
        }
    }

    fn set_tick_period(&self, _root: ContextId, period: Option<Duration>) {
        let now = self.world.now.get();
        let schedule = &self.world.schedule;
        schedule.set_tick(self.index, now, period.map(nanos));
    }

    fn start_http_call(
        &self,
        _root: ContextId,
        token: u32,
        call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        let (delay, response) = self.world.call(&call)?;
        let what = Happening::Response { token, response };
        self.world.after(delay, self.index, what);
        Ok(())
    }

    fn queue_notifier(&self, _root: ContextId) -> Option<Arc<dyn QueueNotifier>> {
        Some(Arc::new(Notifier {
            worker: self.index,
            news: self.world.news.clone(),
        }))
    }

    fn has_cluster(&self, name: &str) -> bool {
        self.world.has_cluster(name)
    }

    fn start_grpc_call(
        &self,
        _root: ContextId,
        token: u32,
        call: GrpcCall,
    ) -> Result<(), CalloutRefusal> {
        self.world.grpc_call((self.index, token), call)
    }

    fn start_grpc_stream(
        &self,
        _root: ContextId,
        token: u32,
        stream: GrpcStream,
    ) -> Result<(), CalloutRefusal> {
        self.world.grpc_stream((self.index, token), stream)
    }

    fn send_grpc_message(
        &self,
        token: u32,
        message: Bytes,
        end_of_stream: bool,
    ) -> Result<(), CalloutRefusal> {
        let message = GrpcStep::Message(message.to_vec());
        self.world.grpc_step((self.index, token), message);
        if end_of_stream {
            self.world.grpc_step((self.index, token), GrpcStep::End);
        }
        Ok(())
    }

    fn close_grpc_stream(&self, token: u32) {
        self.world.grpc_step((self.index, token), GrpcStep::End);
    }

    fn cancel_grpc(&self, token: u32) {
        self.world.cancel_grpc((self.index, token));
    }

    fn resolve_dns(&self, _root: ContextId, token: u32, name: &str) -> Result<(), CalloutRefusal> {
        let names = self.world.names.borrow();
        let answer = names.get(name).cloned();
        let (delay, addresses) = answer.map_or((Duration::ZERO, None), |answer| {
            (answer.delay, answer.addresses)
        });
        let what = Happening::Resolved { token, addresses };
        self.world.after(delay, self.index, what);
        Ok(())
    }

    fn call_foreign_function(
        &self,
        name: &[u8],
        arguments: &[u8],
    ) -> Option<Result<Vec<u8>, Status>> {
        let functions = self.world.foreign_functions.borrow();
        functions.get(name).map(|answer| answer(arguments))
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        let properties = self.world.properties.borrow();
        properties
            .get(&property::join(path))
            .cloned()
            .ok_or(Status::NotFound)
    }
}
