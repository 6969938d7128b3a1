//! Brief streams: those of a filter whose only handler is that of the request's headers and awaits
//! nothing. Nothing of such a stream outlives the handler, so its root stands for it.

use std::rc::Rc;

use tollgate_abi::StreamType;

use super::kind::Http;
use super::root::{Readiness, Root, not_configured};
use super::stream::handlers::run_now;
use super::stream::{CONTINUE, STOP_ALL_ITERATION_AND_WATERMARK};
use super::{Event, Part, Place, insert};
use crate::exchange::{Exchange, Phase};
use crate::filter::HttpFilter;
use crate::reject::Reject;
use crate::sys;

impl<F: HttpFilter> Root<Http<F>> {
    /// Reacts to an event of a stream.
    pub(super) fn on_brief_stream(self: &Rc<Self>, id: u32, event: Event) -> u32 {
        match event {
            Event::Request(part) => {
                let answer = self.begin(id, part);
                if answer != CONTINUE {
                    insert(id, Rc::clone(self) as _);
                }
                answer
            }
            Event::RequestHeaders(part) => self.begin(id, part),
            Event::Resume => {
                let held = self.take_held(id);
                if held.is_some_and(|part| self.begin(id, part) == CONTINUE) {
                    // A stream that is gone needs no resuming.
                    let _resumed = sys::continue_stream(StreamType::HttpRequest);
                }
                CONTINUE
            }
            Event::Done => 1,
            Event::Delete => {
                self.take_held(id);
                CONTINUE
            }
            _ => CONTINUE,
        }
    }

    /// Runs the handler once the plugin is ready.
    fn begin(&self, id: u32, part: Part) -> u32 {
        let answer = match self.readiness() {
            Readiness::Ready => self.run(id, part),
            Readiness::Pass => Ok(()),
            Readiness::Deny => Err(not_configured()),
            Readiness::Wait => {
                let mut held = self.held.take();
                held.push((id, part));
                self.held.set(held);
                return STOP_ALL_ITERATION_AND_WATERMARK;
            }
        };
        let Err(reject) = answer else { return CONTINUE };
        // A host that cannot even answer has nothing else to offer.
        let _sent = reject.send();
        STOP_ALL_ITERATION_AND_WATERMARK
    }

    fn run(&self, id: u32, part: Part) -> Result<(), Reject> {
        let Some(filter) = self.plugin() else {
            return Ok(());
        };
        let mut exchange = Exchange {
            state: F::State::default(),
            id,
            phase: Phase::Request,
            has_body: !part.is_last(),
        };
        let place = Place {
            context: id,
            root: self.id(),
        };
        place.enter(|| run_now(filter.request(&mut exchange)))
    }

    /// Takes a stream from those that wait for the plugin.
    fn take_held(&self, id: u32) -> Option<Part> {
        let mut held = self.held.take();
        let found = held.extract_if(.., |(other, _)| *other == id).next();
        self.held.set(held);
        found.map(|(_, part)| part)
    }
}
