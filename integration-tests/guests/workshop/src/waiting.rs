//! Timers of all sorts, and several things at once.

use std::time::Duration;

use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate::task::{self, Either};
use tollgate::{http, now};

/// The filter.
#[derive(Debug)]
pub(crate) struct Waiting {
    ticks: Counter<0>,
}

impl Plugin for Waiting {
    const NAME: &'static str = "waiting";
    type Config = ();

    async fn start((): (), cx: &PluginCx) -> Result<Self, ConfigError> {
        cx.set_tick_period(Some(Duration::from_millis(30)))?;
        cx.every(Duration::from_millis(20), || async {
            Counter::new("workshop_beats", []).increment([]);
        });
        Ok(Self {
            ticks: Counter::new("workshop_ticks", []),
        })
    }

    async fn tick(&self, _cx: &PluginCx) {
        self.ticks.increment([]);
    }
}

#[http_filter]
impl HttpFilter for Waiting {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let ask = |path: &str| http::get("origin", path).send();
        match ex.path()?.as_bytes() {
            b"/sleep" => {
                let before = now();
                task::sleep(Duration::from_millis(50)).await;
                let slept = now().saturating_since(before) >= Duration::from_millis(50);
                ex.set_header("x-slept", slept.to_string())?;
                Ok(())
            }
            b"/timeout" => {
                let answer = task::timeout(Duration::from_millis(50), ask("/side")).await;
                crate::tell(answer.map_or_else(|error| error.to_string(), |_| "answered".into()))
            }
            b"/join" => {
                let (one, two) = task::join(ask("/one"), ask("/two")).await;
                crate::tell([one?.body(), two?.body()].concat())
            }
            b"/join-all" => {
                let answers = task::join_all(["/one", "/two", "/three"].map(ask)).await;
                let mut text = Vec::new();
                for answer in answers {
                    text.extend_from_slice(answer?.body());
                }
                crate::tell(text)
            }
            b"/select" => match task::select(ask("/late"), ask("/soon")).await {
                Either::First(_) => crate::tell("the late one"),
                Either::Second(answer) => crate::tell(answer?.body()),
            },
            _ => Ok(()),
        }
    }
}
