//! Root: a plugin's root context. It makes the filter and hands it to every stream.

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use tollgate_abi::{BufferType, LogLevel};

use super::stream::Stream;
use super::{HostContext, resume_all};
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

    /// Starts the filter, or runs its tick when there is no configuration to start it with.
    fn spawn(self: Rc<Self>, config: Option<F::Config>) {
        let root = Rc::clone(&self);
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
    fn configure(self: Rc<Self>) -> bool {
        let bytes = sys::buffer_bytes(BufferType::PluginConfiguration, 0, usize::MAX >> 1);
        let config = match config::parse::<F::Config>(&bytes.unwrap_or_default()) {
            Ok(config) => config,
            Err(error) => {
                self.failed.set(true);
                refuse::<F>(&error);
                return false;
            }
        };
        Rc::clone(&self).spawn(Some(config));
        !self.failed.get()
    }

    fn tick(self: Rc<Self>) {
        if self.filter.get().is_none() || !self.slot.is_idle() {
            return;
        }
        self.spawn(None);
    }

    fn resume(self: Rc<Self>) {
        let _unfinished: Option<Poll<()>> = self.slot.resume(self.id);
    }

    fn delete(&self) {
        self.slot.abandon();
    }

    fn create_stream(self: Rc<Self>, id: u32) -> Option<Rc<dyn HostContext>> {
        Some(Rc::new(Stream::new(id, self)))
    }
}

/// A boxed handler.
pub(super) type Task<T> = Pin<Box<dyn Future<Output = T>>>;
