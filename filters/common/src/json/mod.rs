//! JSON for configurations: small, strict, and every fault with its path.
//!
//! Typed reading by serde would be two thirds of a filter's module. Here the parser exists once,
//! and what a filter adds is a line per field.

mod fault;
mod node;
mod parser;

pub use fault::Fault;
pub use node::{FromJson, Node, Object};
pub(crate) use parser::Value;

/// Reads a configuration. None at all reads as `{}`.
///
/// # Errors
///
/// With line and column for what is not JSON, or the path of the first value that is wrong.
pub fn read<T: FromJson>(json: &[u8]) -> Result<T, Fault> {
    let json = if json.is_empty() { b"{}" } else { json };
    let value = parser::parse(json)?;
    T::from_json(&Node::root(&value))
}
