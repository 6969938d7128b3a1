//! `TestHost`: a filter in a proxy that exists only in memory.

mod look;
mod run;
mod setup;

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;

use tollgate::native::Registration;
use tollgate::{HttpFilter, Service, StreamFilter};
use tollgate_abi::LogLevel;

#[cfg(feature = "wasm")]
use crate::artifact::Artifact;
use crate::engine::native::Native;
#[cfg(feature = "wasm")]
use crate::engine::wasm::Wasm;
use crate::engine::{Engine, Fault, StartFailure};
use crate::exchange::Exchange;
use crate::model::{Worker, World};
use crate::outcome::End;
use crate::tcp::TcpExchange;
use crate::upstream::Handler;

pub use look::Histogram;

/// A filter with its configuration, in a proxy with its own time, clusters and log.
///
/// The filter starts with the first request, or by [`start`](Self::start).
pub struct TestHost {
    pub(crate) world: Rc<World>,
    configuration: String,
    make: Box<MakeEngine>,
    workers: usize,
    engines: OnceCell<Vec<Rc<dyn Engine>>>,
    origin: RefCell<Option<Handler>>,
    is_started: Cell<bool>,
    exchanges: RefCell<Vec<Rc<Exchange>>>,
    connections: RefCell<Vec<Rc<TcpExchange>>>,
    last_number: Cell<u64>,
    /// How streams ended that did not end well.
    failures: RefCell<Vec<End>>,
}

impl fmt::Debug for TestHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHost")
            .field("configuration", &self.configuration)
            .field("log", &self.world.log)
            .finish_non_exhaustive()
    }
}

/// Makes a worker's engine once the world is set up.
type MakeEngine = dyn Fn(Worker) -> Result<Rc<dyn Engine>, Fault>;

/// Making and starting.
impl TestHost {
    /// Runs the filter's code natively. The configuration is JSON, or any text.
    #[must_use]
    pub fn native<F: HttpFilter>(configuration: impl fmt::Display) -> Self {
        Self::new(configuration, |worker| {
            Ok(Native::of_http_filter::<F>(worker))
        })
    }

    /// Runs the code of a TCP filter natively; see [`connect`](Self::connect).
    #[must_use]
    pub fn native_tcp<F: StreamFilter>(configuration: impl fmt::Display) -> Self {
        Self::new(configuration, |worker| {
            Ok(Native::of_stream_filter::<F>(worker))
        })
    }

    /// Runs the code of a plugin without streams natively. With
    /// [`access_logger`](Self::access_logger) it is told of every request.
    #[must_use]
    pub fn native_service<S: Service>(configuration: impl fmt::Display) -> Self {
        Self::new(configuration, |worker| Ok(Native::of_service::<S>(worker)))
    }

    /// Runs one of several plugins natively, the one of the [`root_id`](Self::root_id), as a module does
    /// that lists them in `plugins!`.
    ///
    /// ```no_run
    /// # use tollgate::prelude::*;
    /// # use tollgate::{HttpFilter, Service};
    /// use tollgate_testing::{Registration, TestHost};
    ///
    /// # fn test<Auth: HttpFilter, Janitor: Service>() {
    /// let plugins = [
    ///     Registration::of::<Auth>("auth"),
    ///     Registration::of_service::<Janitor>("janitor"),
    /// ];
    /// let t = TestHost::native_plugins(plugins, "{}").root_id("janitor");
    /// # let _ = t;
    /// # }
    /// ```
    #[must_use]
    pub fn native_plugins(
        plugins: impl Into<Rc<[Registration]>>,
        configuration: impl fmt::Display,
    ) -> Self {
        let plugins = plugins.into();
        Self::new(configuration, move |worker| {
            Ok(Native::of_plugins(worker, &plugins))
        })
    }

    /// Runs a module: a `.wasm` file, or a package of this workspace that is built first. It needs
    /// the cargo feature `wasm`.
    #[cfg(feature = "wasm")]
    #[must_use]
    pub fn wasm(artifact: impl Into<Artifact>, configuration: impl fmt::Display) -> Self {
        let artifact = artifact.into();
        Self::new(configuration, move |worker| {
            Ok(Rc::new(Wasm::load(&artifact.path()?, worker)?))
        })
    }

    fn new(
        configuration: impl fmt::Display,
        make: impl Fn(Worker) -> Result<Rc<dyn Engine>, Fault> + 'static,
    ) -> Self {
        Self {
            world: Rc::new(World::new()),
            configuration: configuration.to_string(),
            make: Box::new(make),
            workers: 1,
            engines: OnceCell::new(),
            origin: RefCell::default(),
            is_started: Cell::new(false),
            exchanges: RefCell::default(),
            connections: RefCell::default(),
            last_number: Cell::new(0),
            failures: RefCell::default(),
        }
    }

    /// Starts the filter on every worker.
    ///
    /// # Errors
    ///
    /// When it refuses its configuration, with the reason it logged, or crashes.
    pub fn start(&self) -> Result<(), StartError> {
        if self.is_started.get() {
            return Ok(());
        }
        for engine in self.made_engines()? {
            engine
                .start(&self.configuration)
                .map_err(|failure| self.start_error(failure))?;
        }
        self.is_started.set(true);
        Ok(())
    }

    fn made_engines(&self) -> Result<&[Rc<dyn Engine>], StartError> {
        if let Some(engines) = self.engines.get() {
            return Ok(engines);
        }
        let workers = (0..self.workers).map(|index| Worker {
            world: Rc::clone(&self.world),
            index,
        });
        let engines: Result<Vec<_>, Fault> = workers.map(|worker| (self.make)(worker)).collect();
        let engines = engines.map_err(|reason| self.start_error(StartFailure::Crashed(reason)))?;
        Ok(self.engines.get_or_init(|| engines))
    }

    /// What the filter logged about its configuration says more than the engine does.
    fn start_error(&self, failure: StartFailure) -> StartError {
        match failure {
            StartFailure::Crashed(reason) => StartError {
                reason,
                is_crash: true,
            },
            StartFailure::Refused(reason) => {
                let log = self.world.log.borrow();
                let mut lines = log.iter().rev();
                let line = lines.find(|(level, _)| *level == LogLevel::Critical);
                StartError {
                    reason: line.map_or(reason, |(_, line)| line.clone()),
                    is_crash: false,
                }
            }
        }
    }

    #[track_caller]
    pub(crate) fn ensure_started(&self) {
        let started = self.start();
        assert!(started.is_ok(), "the filter does not start: {started:?}");
    }

    /// A worker's engine; a worker that does not exist is the first.
    #[expect(clippy::expect_used, reason = "every caller has started the filter")]
    pub(crate) fn engine(&self, worker: usize) -> Rc<dyn Engine> {
        let engines = self.engines.get().map(Vec::as_slice).unwrap_or_default();
        let engine = engines.get(worker).or_else(|| engines.first());
        Rc::clone(engine.expect("the filter is started"))
    }

    pub(crate) fn is_access_logger(&self) -> bool {
        self.world.plugin.borrow().is_access_logger
    }

    pub(crate) fn next_number(&self) -> u64 {
        let number = self.last_number.get() + 1;
        self.last_number.set(number);
        number
    }

    pub(crate) fn note_end(&self, end: &End) {
        if matches!(end, End::Crashed(_) | End::Stuck) {
            self.failures.borrow_mut().push(end.clone());
        }
    }

    /// How streams ended that did not end well.
    pub(crate) fn failures(&self) -> Vec<End> {
        self.failures.borrow().clone()
    }
}

/// Why a filter does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    reason: String,
    is_crash: bool,
}

impl StartError {
    /// Returns the reason, which for a configuration begins with the filter's name and the path.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns whether the filter crashed, or could not even be loaded, rather than said no.
    #[must_use]
    pub const fn is_crash(&self) -> bool {
        self.is_crash
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for StartError {}
