//! Guests of the integration tests whose streams share one memory, written with the Tollgate SDK.
//!
//! The plugin's `root_id` chooses the filter. Each file is one filter and shows one part of the SDK.
#![forbid(unsafe_code)]

mod asking;
mod chunking;
mod editing;
mod ending;
mod holding;
mod noting;
mod queueing;
mod reading;
mod serving;
mod sharing;
mod surveying;
mod tunnelling;
mod waiting;

use tollgate::prelude::*;

plugins! {
    isolation = worker,
    "asking" => asking::Asking,
    "chunking" => chunking::Chunking,
    "editing" => editing::Editing,
    "ending" => ending::Ending,
    "holding" => holding::Holding,
    "noting" => noting::Noting,
    "queueing" => queueing::Queueing,
    "reading" => reading::Reading,
    "serving" => serving::Serving,
    "sharing" => sharing::Sharing,
    "surveying" => surveying::Surveying,
    "tunnelling" => tunnelling::Tunnelling,
    "waiting" => waiting::Waiting,
}

/// Answers the client with what a filter has found out.
fn tell(text: impl AsRef<[u8]>) -> Result<(), Reject> {
    Err(Reject::new(200).body(text))
}
