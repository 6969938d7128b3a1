//! Root: a plugin's root context. It makes the filter and hands it to every stream.

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use tollgate_abi::{BufferType, LogLevel};

use super::stream::Stream;
use super::{Event, HostContext, resume_all};
use crate::config::{self, ConfigError};
use crate::driver::stream::slot::Slot;
use crate::filter::HttpFilter;
use crate::plugin::PluginCx;
use crate::{log, sys};

/// A plugin, from its configuration on.
pub(super) struct Root<F: HttpFilter> {
    id: u32,
    filter: OnceCell<F>,
    failed: Cell<bool>,
    slot: Slot<()>,
}

/// What a stream finds.
pub(super) enum Readiness {
    Ready,
    Starting,
    Failed,
}

impl<F: HttpFilter> Root<F> {
    pub(super) fn new(id: u32) -> Self {
        Self {
            id,
            filter: OnceCell::new(),
            failed: Cell::new(false),
            slot: Slot::new(),
        }
    }

    pub(super) fn filter(&self) -> Option<&F> {
        self.filter.get()
    }

    pub(super) fn readiness(&self) -> Readiness {
        match self.filter.get() {
            Some(_) => Readiness::Ready,
            None if self.failed.get() => Readiness::Failed,
            None => Readiness::Starting,
        }
    }

    /// Reads the configuration and starts the filter; whether it is accepted, as far as is known.
    fn configure(self: &Rc<Self>) -> bool {
        let bytes = sys::buffer_bytes(BufferType::PluginConfiguration, 0, usize::MAX >> 1);
        match config::parse::<F::Config>(&bytes.unwrap_or_default()) {
            Ok(config) => self.spawn(Some(config)),
            Err(error) => {
                self.failed.set(true);
                refuse::<F>(&error);
            }
        }
        !self.failed.get()
    }

    /// Starts the filter, or runs its tick when there is no configuration to start it with.
    fn spawn(self: &Rc<Self>, config: Option<F::Config>) {
        let root = Rc::clone(self);
        let task = async move {
            let cx = PluginCx::new(root.id);
            if let Some(config) = config {
                root.finish_start(F::start(config, &cx).await);
            } else if let Some(filter) = root.filter.get() {
                filter.tick(&cx).await;
            }
        };
        let _unfinished = self.slot.run(self.id, Box::pin(task));
    }

    fn finish_start(&self, started: Result<F, ConfigError>) {
        match started {
            Ok(filter) => {
                // A host configures a root once; a second filter would be dropped here.
                let _second = self.filter.set(filter);
            }
            Err(error) => {
                self.failed.set(true);
                refuse::<F>(&error);
            }
        }
        resume_all();
    }
}

/// Logs why the configuration is refused.
fn refuse<F: HttpFilter>(error: &ConfigError) {
    let mut line = String::from(F::NAME);
    line.push_str(": ");
    if !error.path().is_empty() {
        line.push_str(error.path());
        line.push_str(": ");
    }
    line.push_str(error.reason());
    log::write_bytes(LogLevel::Critical, line.as_bytes());
}

impl<F: HttpFilter> HostContext for Root<F> {
    fn on(self: Rc<Self>, event: Event) -> u32 {
        match event {
            Event::Configure => return u32::from(self.configure()),
            Event::Tick if self.filter.get().is_some() && self.slot.is_idle() => self.spawn(None),
            Event::Resume => {
                let _unfinished: Option<Poll<()>> = self.slot.resume(self.id);
            }
            Event::Delete => self.slot.abandon(),
            _ => {}
        }
        0
    }

    fn create_stream(self: Rc<Self>, id: u32) -> Option<Rc<dyn HostContext>> {
        Some(Rc::new(Stream::new(id, self)))
    }
}

/// A boxed handler.
pub(super) type Task<T> = Pin<Box<dyn Future<Output = T>>>;
