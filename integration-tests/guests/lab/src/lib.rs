//! Guests of the integration tests, written with the Tollgate SDK.
//!
//! The plugin's `root_id` chooses the filter. Each file is one filter and shows one part of the SDK.
#![forbid(unsafe_code)]

mod asking;
mod bodies;
mod counting;
mod crashing;
mod editing;
mod failing;
mod trailing;
mod warming;

use tollgate::prelude::*;

plugins! {
    "asking" => asking::Asking,
    "bodies" => bodies::Bodies,
    "counting" => counting::Counting,
    "crashing" => crashing::Crashing,
    "editing" => editing::Editing,
    "failing" => failing::Failing,
    "trailing" => trailing::Trailing,
    "warming" => warming::Warming,
}
