//! Which modules a host takes, and what it runs first.

mod allocator;
mod exports;
mod imports;
mod start;
mod version;

use crate::guest::guest_of;
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    version::STATEMENTS,
    imports::STATEMENTS,
    allocator::STATEMENTS,
    start::STATEMENTS,
    exports::STATEMENTS,
];

/// Whether a host takes a module, and which of these words its refusal has.
fn reaction(host: &Host, module: &str, words: &[&str]) -> String {
    host.reaction(&Setup::http(Plugin::wat(module)), words)
}

/// What a host says to a guest of each ABI version that imports a function of `env` without
/// parameters: `0_1_0: serves, 0_2_0: refuses: env.name`.
fn reactions_to_import(host: &Host, abis: &[&str], import: &str) -> String {
    let reactions: Vec<_> = abis
        .iter()
        .map(|abi| {
            let module = guest_of(abi, &format!("(func $unused (drop {import}))"));
            let name = import.trim_start_matches("(call $");
            let name = name.split([' ', ')']).next().unwrap_or_default();
            let reaction = reaction(host, &module, &[&format!("env.{name}")]);
            format!("{abi}: {reaction}")
        })
        .collect();
    reactions.join(", ")
}
