//! The `tollgate` program as its user meets it: every command, every way to get it wrong.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be read or run fails the test"
)]

mod addresses;
mod cache;
mod commands;
mod demo;
mod dev;
mod faults;
mod files;
mod guests;
mod inspect;
mod isolation;
mod kept_state;
mod modules;
mod new;
mod plugins;
mod reload;
mod serving;
mod signals;
mod support;
mod test_run;
