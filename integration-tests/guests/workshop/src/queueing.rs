//! Passes what requests bring to the root context, by a queue.

use tollgate::prelude::*;
use tollgate::queue::Queue;

const NAME: &str = "workshop";

/// The filter.
#[derive(Debug)]
pub(crate) struct Queueing;

impl Plugin for Queueing {
    const NAME: &'static str = "queueing";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        let queue = Queue::register(NAME)?;
        let same = Queue::register(NAME)? == queue;
        if !same {
            return Err(ConfigError::new("one name, two queues"));
        }
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Queueing {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let own = Queue::resolve("", NAME)?;
        let same = Queue::resolve("queueing", NAME)? == own;
        let none = Queue::resolve("no-such-vm", NAME)?;
        if let Some(queue) = own {
            queue.push(ex.path()?)?;
            queue.push([])?;
        }
        crate::tell(format!("{} {same} {none:?}", own.is_some()))
    }

    async fn queue_ready(&self, queue: Queue, _cx: &PluginCx) {
        // One call may find what another one announced.
        while let Ok(Some(item)) = queue.pop() {
            log::info!("item: {}", item.escape_ascii());
        }
    }
}
