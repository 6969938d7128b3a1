//! `TestHost`: a filter in a proxy that exists only in memory.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use tollgate::HttpFilter;
use tollgate_abi::{LogLevel, property};
use tollgate_runtime::PropertyValue;

use crate::artifact::Artifact;
use crate::engine::native::Native;
use crate::engine::wasm::Wasm;
use crate::engine::{Engine, Fault};
use crate::model::{Happening, World, nanos};
use crate::request::Request;
use crate::upstream::{Handler, Kind, UpstreamRequest, UpstreamResponse};

/// A filter with its configuration, in a proxy with its own time, clusters and log.
///
/// The filter starts with the first request, or by [`start`](Self::start).
pub struct TestHost {
    world: Rc<World>,
    configuration: String,
    make: Box<MakeEngine>,
    engine: OnceCell<Box<dyn Engine>>,
    origin: RefCell<Option<Handler>>,
    is_started: Cell<bool>,
}

impl fmt::Debug for TestHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHost")
            .field("configuration", &self.configuration)
            .field("log", &self.world.log)
            .finish_non_exhaustive()
    }
}

/// Makes the engine once the world is set up.
type MakeEngine = dyn Fn(Rc<World>) -> Result<Box<dyn Engine>, Fault>;

/// Setting up.
impl TestHost {
    /// Runs the filter's code natively. The configuration is JSON, or any text.
    #[must_use]
    pub fn native<F: HttpFilter>(configuration: impl fmt::Display) -> Self {
        Self::new(configuration, |world| Ok(Box::new(Native::new::<F>(world))))
    }

    /// Runs a module: a `.wasm` file, or a package of this workspace that is built first.
    #[must_use]
    pub fn wasm(artifact: impl Into<Artifact>, configuration: impl fmt::Display) -> Self {
        let artifact = artifact.into();
        Self::new(configuration, move |world| {
            Ok(Box::new(Wasm::load(&artifact.path()?, world)?))
        })
    }

    fn new(
        configuration: impl fmt::Display,
        make: impl Fn(Rc<World>) -> Result<Box<dyn Engine>, Fault> + 'static,
    ) -> Self {
        Self {
            world: Rc::new(World::new()),
            configuration: configuration.to_string(),
            make: Box::new(make),
            engine: OnceCell::new(),
            origin: RefCell::default(),
            is_started: Cell::new(false),
        }
    }

    /// Sets the time, as `2026-01-31T12:00:00Z`; 2026-01-01 if it is not set.
    ///
    /// # Panics
    ///
    /// When the text is not such a time.
    #[must_use]
    #[track_caller]
    pub fn clock(self, time: &str) -> Self {
        let nanos = crate::clock::parse(time);
        assert!(
            nanos.is_some(),
            "{time:?} is not a time such as 2026-01-31T12:00:00Z"
        );
        self.world.now.set(nanos.unwrap_or_default());
        self
    }

    /// Answers the filter's callouts to a cluster.
    #[must_use]
    pub fn upstream(
        self,
        cluster: &str,
        answer: impl Fn(&UpstreamRequest) -> UpstreamResponse + 'static,
    ) -> Self {
        self.world
            .clusters
            .borrow_mut()
            .insert(cluster.to_owned(), Some(Box::new(answer)));
        self
    }

    /// Makes a cluster without healthy endpoints.
    #[must_use]
    pub fn unavailable_upstream(self, cluster: &str) -> Self {
        self.world
            .clusters
            .borrow_mut()
            .insert(cluster.to_owned(), None);
        self
    }

    /// Answers the requests that the filter forwards; an empty 200 if it is not set.
    #[must_use]
    pub fn origin(self, answer: impl Fn(&UpstreamRequest) -> UpstreamResponse + 'static) -> Self {
        *self.origin.borrow_mut() = Some(Box::new(answer));
        self
    }

    /// Sets an attribute that exists outside requests, such as `["xds", "node", "id"]`.
    #[must_use]
    pub fn property<P: AsRef<[u8]>>(self, path: impl IntoIterator<Item = P>, value: &str) -> Self {
        let path = property::join(path);
        self.world
            .properties
            .borrow_mut()
            .insert(path, PropertyValue::text(value));
        self
    }

    /// Sets the level below which the host wants no log lines; every line if it is not set.
    #[must_use]
    pub fn log_level(self, level: LogLevel) -> Self {
        self.world.log_level.set(level);
        self
    }
}

/// Running.
impl TestHost {
    /// Starts the filter.
    ///
    /// # Errors
    ///
    /// When it refuses its configuration, with the reason it logged.
    pub fn start(&self) -> Result<(), StartError> {
        if self.is_started.get() {
            return Ok(());
        }
        let engine = match self.engine.get() {
            Some(engine) => engine,
            None => {
                let engine = (self.make)(Rc::clone(&self.world)).map_err(StartError::new)?;
                self.engine.get_or_init(|| engine)
            }
        };
        let started = engine.start(&self.configuration);
        started.map_err(|fault| StartError {
            reason: self.refusal().unwrap_or(fault),
        })?;
        self.is_started.set(true);
        Ok(())
    }

    /// What the filter logged about its configuration.
    fn refusal(&self) -> Option<String> {
        let log = self.world.log.borrow();
        let line = log
            .iter()
            .rev()
            .find(|(level, _)| *level == LogLevel::Critical);
        line.map(|(_, line)| line.clone())
    }

    #[track_caller]
    pub(crate) fn ensure_started(&self) {
        let started = self.start();
        assert!(started.is_ok(), "the filter does not start: {started:?}");
    }

    #[expect(clippy::expect_used, reason = "every caller has started the filter")]
    pub(crate) fn engine(&self) -> &dyn Engine {
        self.engine.get().expect("the filter is started").as_ref()
    }

    /// Prepares a GET request.
    pub fn get(&self, path: &str) -> Request<'_> {
        self.request("GET", path)
    }

    /// Prepares a POST request.
    pub fn post(&self, path: &str) -> Request<'_> {
        self.request("POST", path)
    }

    /// Prepares a request.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        Request::new(self, method, path)
    }

    /// Lets time pass: ticks and responses to callouts happen when they are due.
    ///
    /// # Panics
    ///
    /// When the filter does not start, or crashes.
    #[track_caller]
    pub fn advance(&self, duration: Duration) {
        self.ensure_started();
        let until = self.world.now.get().saturating_add(nanos(duration));
        loop {
            let happened = self.pass_time(until);
            assert!(happened.is_ok(), "the filter crashed: {happened:?}");
            if happened != Ok(true) {
                break;
            }
        }
        self.world.now.set(until);
    }

    /// Goes to the next thing that can resume a paused request: the end of a callout, with the
    /// ticks on the way. Without a callout only one tick is tried.
    pub(crate) fn pass_time_until_next(&self) -> Result<bool, Fault> {
        let limit = self.world.last_response();
        self.pass_time(limit.unwrap_or_else(|| self.world.now.get()))
    }

    fn pass_time(&self, until: u64) -> Result<bool, Fault> {
        match self.world.next(until) {
            None => return Ok(false),
            Some(Happening::Tick) => self.engine().on_tick()?,
            Some(Happening::Response { token, response }) => {
                self.engine().on_http_call_response(token, response)?;
            }
        }
        Ok(true)
    }

    pub(crate) fn ask_origin(&self, request: &UpstreamRequest) -> Kind {
        let origin = self.origin.borrow();
        let answer = origin
            .as_ref()
            .map_or_else(|| UpstreamResponse::new(200), |origin| origin(request));
        self.world
            .now
            .set(self.world.now.get().saturating_add(nanos(answer.delay)));
        answer.kind
    }
}

/// Looking.
impl TestHost {
    /// Returns the filter's log lines.
    #[must_use]
    pub fn log(&self) -> Vec<(LogLevel, String)> {
        self.world.log.borrow().clone()
    }

    /// Returns the requests that the filter sent to clusters, with the clusters' names.
    #[must_use]
    pub fn callouts(&self) -> Vec<(String, UpstreamRequest)> {
        self.world.callouts.borrow().clone()
    }

    /// Returns a counter's or gauge's value, or how often a histogram recorded; 0 if there is no
    /// such metric. `requests{result=ok}` is the series the SDK names `result.ok.requests`.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        let engine = self.engine.get();
        engine
            .and_then(|engine| engine.metric(&flattened(name)))
            .unwrap_or(0)
    }

    /// Returns a value of the shared data.
    #[must_use]
    pub fn shared_data(&self, key: &str) -> Option<Vec<u8>> {
        let entry = self.world.shared.data().get("", key.as_bytes());
        entry.map(|(value, _)| value.to_vec())
    }

    /// Stores a value in the shared data, as another worker would.
    ///
    /// # Panics
    ///
    /// When the shared data is full.
    pub fn set_shared_data(&self, key: &str, value: impl AsRef<[u8]>) {
        let set = self
            .world
            .shared
            .data()
            .set("", key.as_bytes(), value.as_ref(), 0);
        assert!(set.is_ok(), "{set:?}");
    }

    /// Asserts that a log line of this level contains a text.
    ///
    /// # Panics
    ///
    /// When none does.
    #[track_caller]
    pub fn assert_logged(&self, level: LogLevel, part: &str) {
        let log = self.log();
        let found = log
            .iter()
            .any(|(at, line)| *at == level && line.contains(part));
        assert!(
            found,
            "no {} line contains {part:?}: {log:#?}",
            level.name()
        );
    }

    /// Asserts that the filter kept nothing of requests that are over.
    ///
    /// # Panics
    ///
    /// When it still has contexts of streams, or a callout is still on its way.
    #[track_caller]
    pub fn assert_nothing_leaked(&self) {
        let streams = self.engine.get().map_or(0, |engine| engine.streams());
        assert_eq!(streams, 0, "contexts of streams that are over");
        assert!(
            !self.world.has_pending_callouts(),
            "a callout is still on its way"
        );
    }
}

/// `requests{result=ok,route=a}` as `result.ok.route.a.requests`.
fn flattened(name: &str) -> String {
    let Some((name, labels)) = name.strip_suffix('}').and_then(|name| name.split_once('{')) else {
        return name.to_owned();
    };
    let labels = labels.split(',').filter_map(|label| label.split_once('='));
    let labels = labels.fold(String::new(), |all, (label, value)| {
        all + label.trim() + "." + &value.trim().replace('.', "_") + "."
    });
    labels + name
}

/// Why a filter does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    reason: String,
}

impl StartError {
    const fn new(reason: String) -> Self {
        Self { reason }
    }

    /// Returns the reason, which for a configuration begins with the filter's name and the path.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for StartError {}

#[cfg(test)]
mod tests {
    use super::flattened;

    #[test]
    fn labels_come_before_the_name() {
        assert_eq!(flattened("hits"), "hits");
        assert_eq!(
            flattened("hits{result=ok,route=a.b}"),
            "result.ok.route.a_b.hits"
        );
    }
}
