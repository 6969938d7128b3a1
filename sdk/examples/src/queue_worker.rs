//! Puts a word about each request into a queue; whichever worker is told of it takes it out and
//! works on it, beside the requests.

use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate::queue::Queue;

/// A filter that puts off its work.
#[derive(Debug)]
pub struct QueueWorker {
    queue: Queue,
    jobs: Counter<0>,
}

impl Plugin for QueueWorker {
    const NAME: &'static str = "queue-worker";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            queue: Queue::register("jobs")?,
            jobs: Counter::new("example_jobs", []),
        })
    }
}

#[http_filter]
impl HttpFilter for QueueWorker {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let path = ex.path()?;
        if let Err(error) = self.queue.push(&path) {
            // A full queue is no reason to refuse the request.
            log::warn!("{error}");
        }
        Ok(())
    }

    async fn queue_ready(&self, queue: Queue, _cx: &PluginCx) {
        while let Ok(Some(job)) = queue.pop() {
            self.jobs.increment([]);
            log::info!("worked on {}", job.escape_ascii());
        }
    }
}
