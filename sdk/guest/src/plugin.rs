//! Plugin: what a filter is before any request, made once from its configuration.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::config::ConfigError;
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

/// A tick without work. A future of its own, as the standard library's can panic.
#[derive(Clone, Copy, Debug)]
struct Idle;

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
        let millis = period.map_or(0, |period| period.as_millis().max(1));
        sys::set_tick_period(u32::try_from(millis).unwrap_or(u32::MAX))
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
