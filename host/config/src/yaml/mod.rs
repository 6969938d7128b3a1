//! YAML as Envoy reads it, with the line of every value.
//!
//! Scalars follow Envoy's rules rather than YAML 1.2's (see `scalar`), so that the schema stage
//! sees the JSON that Envoy's would see.

mod reader;
mod scalar;

use std::rc::Rc;

pub(crate) use reader::{Syntax, read};

/// A value and the line it begins on.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) data: Data,
}

/// What Envoy's JSON conversion makes of a value.
#[derive(Debug, PartialEq)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    /// An integer of 32 bits; larger ones are text, as in Envoy.
    Integer(i32),
    /// Any other number of a JSON file. In YAML these are text.
    Number(f64),
    Text(String),
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// One key of a map, in the order of the file.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Rc<Node>,
}

impl Data {
    /// Names the kind of value for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}
