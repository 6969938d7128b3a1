//! Plugin: what a filter is before any request, made once from its configuration.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::config::ConfigError;
use crate::driver::{self, tasks, timers};
use crate::error::{Error, found};
use crate::header::HeaderValue;
use crate::sys;
use crate::time::Timestamp;

/// A filter's configuration and what it makes of it. The value lives as long as the plugin and is
/// shared by all its requests.
pub trait Plugin: Sized + 'static {
    /// The filter's name, for its log lines.
    const NAME: &'static str;

    /// The configuration, read from JSON by serde. Use `#[serde(deny_unknown_fields)]` so that a
    /// misspelt field is refused with its path. `()` accepts and ignores any configuration.
    type Config: DeserializeOwned + 'static;

    /// What becomes of requests while [`start`](Self::start) awaits something.
    const WHILE_STARTING: WhileStarting = WhileStarting::Wait;

    /// Makes the filter. It may await callouts; requests then wait until it is ready.
    ///
    /// # Errors
    ///
    /// When the configuration makes no sense; the host then refuses the plugin. When that is
    /// found only after a callout, every request is answered with a 503.
    fn start(
        config: Self::Config,
        cx: &PluginCx,
    ) -> impl Future<Output = Result<Self, ConfigError>>;

    /// Runs each time the period given to [`PluginCx::set_tick_period`] has passed. A tick that
    /// comes while the one before still awaits something is skipped.
    fn tick(&self, cx: &PluginCx) -> impl Future<Output = ()> {
        let _unused = cx;
        Idle
    }
}

/// What streams do that come before their plugin is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a stream can wait, go on or end")]
pub enum WhileStarting {
    /// They wait for it.
    Wait,
    /// They pass without it.
    Allow,
    /// They are answered with a 503; a TCP connection is closed.
    Deny,
}

/// No work. A future of its own, as the standard library's can panic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle;

impl Future for Idle {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// What a plugin can do outside requests.
#[derive(Debug)]
pub struct PluginCx {
    root: u32,
}

impl PluginCx {
    pub(crate) const fn new(root: u32) -> Self {
        Self { root }
    }

    /// Returns the id of the plugin's root context.
    #[must_use]
    pub const fn context_id(&self) -> u32 {
        self.root
    }

    /// Has [`Plugin::tick`] called after each `period`, in whole milliseconds and at least one;
    /// `None` stops it.
    ///
    /// # Errors
    ///
    /// When the host refuses the call.
    pub fn set_tick_period(&self, period: Option<Duration>) -> Result<(), Error> {
        timers::set_own_period(self.root, period)
    }

    /// Runs a future beside everything else, until it ends or the plugin does. It runs under the
    /// plugin's root context, so its callouts outlive any request.
    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        tasks::spawn(self.root, Box::pin(work));
    }

    /// Does some work again and again, each time so long after the last one has ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tollgate::{log, PluginCx};
    ///
    /// fn watch(cx: &PluginCx) {
    ///     cx.every(Duration::from_secs(60), || async { log::info!("still here") });
    /// }
    /// ```
    pub fn every<W: Future<Output = ()> + 'static>(
        &self,
        period: Duration,
        mut work: impl FnMut() -> W + 'static,
    ) {
        self.spawn(async move {
            // Without timers this ends, instead of being busy for ever.
            while crate::task::has_slept(period).await {
                work().await;
            }
        });
    }

    /// Says that the host can hold headers while it delivers the body behind them, as Envoy can with
    /// `allow_on_headers_stop_iteration: true` in the plugin's configuration. The ABI has no way to
    /// ask, so let the operator say it in the filter's own. Bodies whose access
    /// [holds headers](crate::BodyAccess::holding_headers) do so from then on; on a host that
    /// cannot, their requests would never go on.
    pub fn allow_stop_iteration(&self) {
        driver::hold_headers(self.root);
    }

    /// Returns the time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        crate::time::now()
    }

    /// Returns a property that exists outside requests, such as `["xds", "node", "id"]`.
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup for another reason than that there is no value.
    pub fn property<P: AsRef<[u8]>>(
        &self,
        path: impl IntoIterator<Item = P>,
    ) -> Result<Option<HeaderValue>, Error> {
        let path = tollgate_abi::property::join(path);
        found(sys::property(&path)).map(|value| value.map(HeaderValue::from))
    }
}
