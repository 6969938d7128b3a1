//! Two plugins of one VM: whichever ends first waits for the other.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use tollgate::prelude::*;

thread_local! {
    static WAITER: Cell<Option<Waker>> = const { Cell::new(None) };
    static ENDED: Cell<u32> = const { Cell::new(0) };
}

/// The plugin.
#[derive(Debug)]
pub(crate) struct Ending;

impl Plugin for Ending {
    const NAME: &'static str = "ending";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Ending {
    type State = ();

    async fn stop(&self, _cx: &PluginCx) {
        ENDED.set(ENDED.get() + 1);
        if ENDED.get() == 2 {
            log::info!("the other stops");
            if let Some(waiter) = WAITER.take() {
                waiter.wake();
            }
            return;
        }
        log::info!("one waits");
        poll_fn(|cx| {
            WAITER.set(Some(cx.waker().clone()));
            if ENDED.get() == 2 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        log::info!("the one is done");
    }
}
