//! Foreign functions: what Envoy offers to guests by name, beside the ABI's hostcalls.

mod compression;
mod expression;
mod filter_state;
mod key;
mod message;
mod signature;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use expression::Expressions;

use crate::hostcalls::Refusal;
use crate::vm::VmState;

/// A function: arguments in, result out. No result and an empty one are the same for the guest.
pub(crate) type ForeignFunction = fn(&mut VmState, &[u8]) -> Result<Vec<u8>, Refusal>;

/// Returns the function of this name.
pub(crate) fn find(name: &[u8]) -> Option<ForeignFunction> {
    Some(match name {
        b"compress" => compression::compress,
        b"uncompress" => compression::uncompress,
        b"verify_signature" => signature::verify,
        b"sign" => signature::sign,
        b"clear_route_cache" => clear_route_cache,
        b"set_envoy_filter_state" => filter_state::set,
        b"declare_property" => filter_state::declare,
        b"expr_create" => expression::create,
        b"expr_evaluate" => expression::evaluate,
        b"expr_delete" => expression::delete,
        _ => return None,
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is one of the functions of the table"
)]
fn clear_route_cache(state: &mut VmState, _arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    if let Some(http) = state.acting_http() {
        http.host.clear_route_cache();
    }
    Ok(Vec::new())
}

/// Runs code of libraries on what a guest has written. Libraries that are not made for hostile
/// input may panic on it, which must not end the worker; what they worked on is dropped then.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
