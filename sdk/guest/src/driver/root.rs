//! Root: a plugin's root context. It makes the filter and hands it to every stream.

use std::cell::{Cell, OnceCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use tollgate_abi::{BufferType, LogLevel};

use super::kind::Kind;
use super::{Event, HostContext, Part, Place, RESTORED, resume_all, tasks, timers, wake};
use crate::config::{self, ConfigError};
use crate::filter::Hook;
use crate::foreign::ForeignCall;
use crate::plugin::{Plugin, PluginCx, WhileStarting};
use crate::queue::Queue;
use crate::reject::Reject;
use crate::{log, sys};

/// A plugin, from its configuration on.
pub(crate) struct Root<K: Kind> {
    id: u32,
    plugin: OnceCell<K::Plugin>,
    failed: Cell<bool>,
    ticking: Cell<bool>,
    /// Queues that announced an item before the plugin was ready.
    early: Cell<Vec<u32>>,
    /// Streams that came before the plugin was ready, if it stands for its streams.
    pub(super) held: Cell<Vec<(u32, Part)>>,
    ending: Cell<Ending>,
}

/// How far a plugin's end is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Running,
    /// Its handler is at work within `proxy_on_done`.
    Stopping,
    /// The host waits for `proxy_done`.
    Awaited,
    Stopped,
}

/// What a stream finds.
pub(super) enum Readiness {
    Ready,
    Wait,
    Pass,
    Deny,
}

/// What a stream is answered whose plugin could not start.
pub(super) fn not_configured() -> Reject {
    Reject::new(503).details("filter_not_configured")
}

impl<K: Kind> Root<K> {
    pub(super) const fn new(id: u32) -> Self {
        Self {
            id,
            plugin: OnceCell::new(),
            failed: Cell::new(false),
            ticking: Cell::new(false),
            early: Cell::new(Vec::new()),
            held: Cell::new(Vec::new()),
            ending: Cell::new(Ending::Running),
        }
    }

    pub(super) const fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn plugin(&self) -> Option<&K::Plugin> {
        self.plugin.get()
    }

    pub(super) fn readiness(&self) -> Readiness {
        match self.plugin.get() {
            Some(_) => Readiness::Ready,
            None if self.failed.get() => Readiness::Deny,
            None => match K::Plugin::WHILE_STARTING {
                // What the plugin awaits does not come to a stream's own memory.
                WhileStarting::Wait if RESTORED.get() => Readiness::Deny,
                WhileStarting::Wait => Readiness::Wait,
                WhileStarting::Allow => Readiness::Pass,
                WhileStarting::Deny => Readiness::Deny,
            },
        }
    }

    /// Reads the configuration and starts the filter; whether it is accepted, as far as is known.
    fn configure(self: &Rc<Self>) -> bool {
        let bytes = sys::buffer_bytes(BufferType::PluginConfiguration, 0, usize::MAX >> 1);
        let config = match config::parse(&bytes.unwrap_or_default()) {
            Ok(config) => config,
            Err(error) => {
                self.finish_start(Err(error));
                return false;
            }
        };
        let root = Rc::clone(self);
        let mut start = Box::pin(async move {
            let started = K::Plugin::start(config, &PluginCx::new(root.id)).await;
            root.finish_start(started);
        });
        let polled = Place::of_root(self.id)
            .enter(|| start.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        if polled.is_pending() {
            let root = self.id;
            let rest = async move {
                start.await;
                wake::schedule(root, resume_all);
            };
            tasks::spawn(root, Box::pin(rest));
        }
        !self.failed.get()
    }

    fn finish_start(self: &Rc<Self>, started: Result<K::Plugin, ConfigError>) {
        match started {
            Ok(plugin) => {
                // A host configures a root once; a second filter would be dropped here.
                let _second = self.plugin.set(plugin);
                if K::HOOKS.queue_ready != Hook::Absent {
                    let early = self.early.take();
                    early.into_iter().for_each(|queue| self.queue_ready(queue));
                }
            }
            Err(error) => {
                self.failed.set(true);
                refuse::<K::Plugin>(&error);
            }
        }
    }

    /// Runs the plugin's tick unless the one before has not ended.
    fn tick(self: &Rc<Self>) {
        let Some(plugin) = self.plugin.get() else {
            return;
        };
        let place = Place::of_root(self.id);
        if place.enter(|| is_nothing(plugin.tick(&PluginCx::new(self.id))))
            || self.ticking.replace(true)
        {
            return;
        }
        let root = Rc::clone(self);
        tasks::run(self.id, async move {
            if let Some(plugin) = root.plugin.get() {
                plugin.tick(&PluginCx::new(root.id)).await;
            }
            root.ticking.set(false);
        });
    }

    fn queue_ready(self: &Rc<Self>, queue: u32) {
        let root = Rc::clone(self);
        tasks::run(self.id, async move {
            if let Some(plugin) = root.plugin.get() {
                K::queue_ready(plugin, Queue::from_token(queue), &PluginCx::new(root.id)).await;
            }
        });
    }

    /// Runs the plugin's last handler; whether it has ended.
    fn stop(self: &Rc<Self>) -> bool {
        self.ending.set(Ending::Stopping);
        let root = Rc::clone(self);
        tasks::run(self.id, async move {
            if let Some(plugin) = root.plugin.get() {
                K::stop(plugin, &PluginCx::new(root.id)).await;
            }
            if root.ending.replace(Ending::Stopped) == Ending::Awaited
                && let Err(error) = sys::done()
            {
                error.warn();
            }
        });
        // The handler may be ready after all what it started has run.
        wake::settle();
        if self.ending.get() == Ending::Stopped {
            return true;
        }
        self.ending.set(Ending::Awaited);
        false
    }

    fn foreign_function(&self, function: u32) {
        if let Some(plugin) = self.plugin.get() {
            let call = ForeignCall::new(function);
            Place::of_root(self.id)
                .enter(|| K::foreign_function(plugin, &call, &PluginCx::new(self.id)));
        }
    }
}

/// Whether a handler's future has no size and is ready, as that of a handler that is not written: the
/// compiler then leaves out what would run it.
fn is_nothing<W: Future<Output = ()>>(work: W) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    size_of::<W>() == 0 && pin!(work).poll(&mut cx).is_ready()
}

/// Logs why the configuration is refused.
fn refuse<P: Plugin>(error: &ConfigError) {
    let mut line = String::from(P::NAME);
    line.push_str(": ");
    if !error.path().is_empty() {
        line.push_str(error.path());
        line.push_str(": ");
    }
    line.push_str(error.reason());
    log::write_bytes(LogLevel::Critical, line.as_bytes());
}

impl<K: Kind> HostContext for Root<K> {
    fn on(self: Rc<Self>, id: u32, event: Event) -> u32 {
        if id != self.id {
            return K::on_stream(&self, id, event);
        }
        match event {
            Event::Configure => return u32::from(self.configure()),
            Event::Tick if timers::on_tick(self.id) => self.tick(),
            Event::QueueReady { queue } if K::HOOKS.queue_ready != Hook::Absent => {
                if self.plugin.get().is_some() {
                    self.queue_ready(queue);
                } else {
                    let mut early = self.early.take();
                    early.push(queue);
                    self.early.set(early);
                }
            }
            Event::ForeignFunction { function } if K::HOOKS.foreign_function != Hook::Absent => {
                self.foreign_function(function);
            }
            Event::Log => {
                if let Some(plugin) = self.plugin.get() {
                    Place::of_root(self.id).enter(|| K::log(plugin, self.id));
                }
            }
            Event::Done if K::HOOKS.stop != Hook::Absent => return u32::from(self.stop()),
            Event::Done => return 1,
            Event::Delete => tasks::forget_root(self.id),
            _ => {}
        }
        0
    }

    fn create_stream(self: Rc<Self>, id: u32) {
        K::create_stream(self, id);
    }
}
