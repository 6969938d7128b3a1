//! Probation: a new generation whose plugins fail makes room for the one before.

use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tollgate_config::RollbackSettings;

use super::controller::{NewListeners, Previous, State, sockets_of_one};
use super::{Command, Controller, Generation, ReloadError, Role, Sockets, Trigger};
use crate::listener::BoundListener;

/// How often faults are looked at.
const LOOK: Duration = Duration::from_millis(50);

impl Controller {
    /// Watches over a generation that has just been published, by a thread of its own that ends
    /// with the probation. Without one the generation before is let go at once.
    pub(super) fn watch_over(self: &Arc<Self>, state: &mut State, generation: &Arc<Generation>) {
        let rollback = state.settings.reload.rollback;
        let is_watched = rollback.faults > 0 && state.previous.is_some();
        let (controller, watched) = (Arc::downgrade(self), Arc::downgrade(generation));
        let started = is_watched.then(|| {
            let thread = std::thread::Builder::new().name("probation".to_owned());
            thread.spawn(move || watch(&controller, &watched, rollback))
        });
        if !matches!(started, Some(Ok(_))) {
            state.release();
        }
    }

    /// Serves again what was served before `failed`, unless something else is served by now.
    fn take_back(&self, failed: &Arc<Generation>, faults: u64) {
        let mut state = self.state.lock();
        let current = self.generations.current();
        if !current.is_some_and(|current| Arc::ptr_eq(&current, failed)) {
            return;
        }
        let Some(Previous {
            generation,
            settings,
        }) = state.previous.take()
        else {
            return;
        };
        let bound = match bind_missing(&state, &generation, failed) {
            Ok(bound) => bound,
            Err(error) => {
                tracing::error!(%error, "a failing generation cannot be taken back");
                return state.tell_all(|| Command::Release);
            }
        };
        state.go_back(bound);
        self.generations.set_current(&generation);
        self.wasm.set_settings(Arc::clone(&settings));
        state.settings = settings;
        let error = ReloadError::TakenBack {
            generation: failed.id(),
            faults,
            streams: failed.started_streams(),
            served: generation.id(),
        };
        self.reloads
            .remember(Trigger::Faults, &Err(Arc::new(error)));
    }

    /// The probation of a generation has gone well.
    fn keep(&self, generation: &Arc<Generation>) {
        let mut state = self.state.lock();
        let current = self.generations.current();
        if current.is_some_and(|current| Arc::ptr_eq(&current, generation)) {
            state.release();
        }
    }
}

impl State {
    /// What was served before is not returned to.
    fn release(&mut self) {
        self.previous = None;
        self.tell_all(|| Command::Release);
    }

    /// Has all workers serve again what they served before, and waits until they do.
    fn go_back(&self, mut bound: NewListeners) {
        let (done, told) = mpsc::channel();
        for (role, worker) in &self.workers {
            let sockets = match role {
                Role::Streams => sockets_of_one(&mut bound),
                Role::Services => Sockets::new(),
            };
            let command = Command::Return {
                sockets,
                drain: self.settings.reload.drain_timeout,
                done: done.clone(),
            };
            // A worker that is gone does nothing any more.
            drop(worker.send(command));
        }
        drop(done);
        while told.recv().is_ok() {}
    }
}

/// Binds the listeners that `failed` does not have any more.
fn bind_missing(
    state: &State,
    generation: &Generation,
    failed: &Generation,
) -> std::io::Result<NewListeners> {
    let missing = generation
        .listeners()
        .filter(|(key, _)| !failed.listeners().any(|(known, _)| known == *key));
    let bind = |(key, address)| Ok((key, BoundListener::bind(address, state.socket_count())?));
    missing.map(bind).collect()
}

/// Looks at the faults of a generation until its probation is over.
fn watch(controller: &Weak<Controller>, generation: &Weak<Generation>, rollback: RollbackSettings) {
    let until = Instant::now() + rollback.window;
    loop {
        std::thread::sleep(LOOK);
        let (Some(controller), Some(generation)) = (controller.upgrade(), generation.upgrade())
        else {
            return;
        };
        let current = controller.generations.current();
        if !current.is_some_and(|current| Arc::ptr_eq(&current, &generation)) {
            return;
        }
        let faults = generation.faults().load(Ordering::Relaxed);
        if has_failed(faults, generation.started_streams(), rollback) {
            return controller.take_back(&generation, faults);
        }
        if Instant::now() >= until {
            return controller.keep(&generation);
        }
    }
}

/// Returns whether so many faults in so many streams are too many.
#[expect(
    clippy::cast_precision_loss,
    reason = "numbers that are not exact any more are as good"
)]
fn has_failed(faults: u64, streams: u64, rollback: RollbackSettings) -> bool {
    let rate = faults as f64 / streams.max(1) as f64;
    usize::try_from(faults).unwrap_or(usize::MAX) >= rollback.faults && rate >= rollback.rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_number_and_the_share_of_faults_must_be_reached() {
        let rollback = RollbackSettings {
            faults: 5,
            rate: 0.1,
            ..RollbackSettings::default()
        };
        assert!(!has_failed(4, 4, rollback));
        assert!(!has_failed(5, 100, rollback));
        assert!(has_failed(5, 50, rollback));
        assert!(has_failed(5, 0, rollback));
    }
}
