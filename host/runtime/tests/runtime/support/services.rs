//! Services: an embedder that writes down what is asked of it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tollgate_runtime::abi::{LogLevel, Status};
use tollgate_runtime::{
    CalloutRefusal, ContextId, HostServices, HttpCall, LogOrigin, PropertyResult, PropertyValue,
    QueueNotifier,
};

/// A log line: prefix, level, text.
pub(crate) type Line = (String, LogLevel, Vec<u8>);

#[derive(Default)]
pub(crate) struct Services {
    pub(crate) lines: RefCell<Vec<Line>>,
    pub(crate) ticks: RefCell<Vec<(ContextId, Option<Duration>)>>,
    pub(crate) calls: RefCell<Vec<(ContextId, u32, HttpCall)>>,
    pub(crate) queue_news: Arc<Mutex<Vec<(ContextId, u32)>>>,
    pub(crate) now: Cell<u64>,
    pub(crate) refuses_calls: Cell<Option<Status>>,
}

#[derive(Debug)]
struct Notifier {
    root: ContextId,
    news: Arc<Mutex<Vec<(ContextId, u32)>>>,
}

impl QueueNotifier for Notifier {
    fn notify(&self, token: u32) {
        self.news.lock().push((self.root, token));
    }
}

impl Services {
    /// Takes all lines as texts: numbers of `$say` as numbers, the rest as it is.
    pub(crate) fn take_said(&self) -> Vec<String> {
        let lines = self.lines.take();
        lines
            .into_iter()
            .map(
                |(_, level, text)| match (level, <[u8; 4]>::try_from(text.as_slice())) {
                    (LogLevel::Trace, Ok(number)) => i32::from_le_bytes(number).to_string(),
                    _ => text.escape_ascii().to_string(),
                },
            )
            .collect()
    }
}

impl HostServices for Services {
    fn log(&self, origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
        self.lines
            .borrow_mut()
            .push((origin.to_string(), level, message.to_vec()));
    }

    fn log_level(&self) -> Option<LogLevel> {
        Some(LogLevel::Warn)
    }

    fn realtime_nanos(&self) -> u64 {
        self.now.get()
    }

    fn monotonic_nanos(&self) -> u64 {
        self.now.set(self.now.get() + 1);
        self.now.get()
    }

    fn fill_random(&self, out: &mut [u8]) {
        out.fill(7);
    }

    fn set_tick_period(&self, root: ContextId, period: Option<Duration>) {
        self.ticks.borrow_mut().push((root, period));
    }

    fn start_http_call(
        &self,
        root: ContextId,
        token: u32,
        call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        if let Some(status) = self.refuses_calls.get() {
            return Err(CalloutRefusal {
                status,
                reason: "refused by the test".to_owned(),
            });
        }
        self.calls.borrow_mut().push((root, token, call));
        Ok(())
    }

    fn queue_notifier(&self, root: ContextId) -> Option<Arc<dyn QueueNotifier>> {
        let news = Arc::clone(&self.queue_news);
        Some(Arc::new(Notifier { root, news }))
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        match path {
            [b"xds", b"node"] => Ok(PropertyValue::text("node")),
            _ => Err(Status::NotFound),
        }
    }
}
