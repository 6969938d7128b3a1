//! A plugin without streams: as an access logger it writes a letter about each request into a
//! queue, and whichever worker gets the news counts it.

use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate::queue::Queue;
use tollgate::{Service, service};

pub(crate) struct Mailbox {
    queue: Queue,
    letters: Counter<1>,
}

impl Plugin for Mailbox {
    const NAME: &'static str = "mailbox";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        let queue = Queue::register("letters")
            .map_err(|error| ConfigError::new(format!("no queue: {error}")))?;
        Ok(Self {
            queue,
            letters: Counter::new("mailbox_letters", ["kind"]),
        })
    }
}

#[service]
impl Service for Mailbox {
    fn log(&self, ex: &Exchange<()>) {
        let status = ex.status().ok().flatten().unwrap_or(0);
        if let Err(error) = self.queue.push(status.to_string()) {
            log::warn!("{error}");
        }
    }

    async fn queue_ready(&self, queue: Queue, _cx: &PluginCx) {
        while let Ok(Some(letter)) = queue.pop() {
            let kind = if letter.starts_with(b"5") {
                "bad"
            } else {
                "good"
            };
            self.letters.increment([kind]);
            log::info!("a letter: {}", letter.escape_ascii());
        }
    }

    async fn stop(&self, _cx: &PluginCx) {
        log::info!("the mailbox is closed");
    }
}

plugins! { Mailbox }
