//! `expr_create`, `expr_evaluate`, `expr_delete`: CEL expressions over the property tree.
//!
//! The library that parses and evaluates has no limits of its own, and an expression may come from
//! anywhere. So its length and depth are bounded before it is parsed, and what it may cost before
//! it is evaluated; what it refers to is looked up first.

mod check;
mod cost;
mod nesting;
mod properties;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::parser::PrattParser;
use cel::{Context, Env, Value};
use tollgate_abi::Status;

use self::check::{Path, References};
use self::cost::Scope;
use super::guarded;
use crate::context::RootContext;
use crate::hostcalls::Refusal;
use crate::vm::VmState;
use crate::{ContextId, PropertyValue};

/// Most bytes of one expression.
const MAX_SOURCE_BYTES: usize = 16 * 1024;
/// Most bytes of all expressions that a plugin has at one time.
const MAX_ALL_SOURCES_BYTES: usize = 1024 * 1024;
/// Most levels of one expression; each takes its share of the worker's stack.
const MAX_DEPTH: usize = 64;
/// Most steps and bytes of one evaluation: some milliseconds.
const MAX_COST: u64 = 2_000_000;
/// What an empty expression counts, so that many of them are too many too.
const EXPRESSION_OVERHEAD: usize = 256;

const BAD_TOKEN: Refusal = Refusal::bad_argument("the arguments are not a token of four bytes");
const UNKNOWN: Refusal = Refusal::not_found("this plugin has no expression of this token");
const NO_PLUGIN: Refusal = Refusal::not_found("expressions belong to plugins, and none runs");

/// The functions and types of the language, the same for all expressions.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let language = Env::default().with_optional_support(false);
    Arc::new(language.with_stdlib())
});

/// The expressions that a plugin has made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expressions {
    by_token: HashMap<u32, Arc<Expression>>,
    next_token: u32,
    bytes: usize,
}

struct Expression {
    parsed: IdedExpr,
    /// Properties it refers to.
    paths: Vec<Path>,
    /// The property that it is, if it is nothing else.
    whole: Option<Path>,
    size: usize,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

impl Expressions {
    fn add(&mut self, expression: Expression) -> Result<u32, Refusal> {
        let bytes = self.bytes.saturating_add(expression.size);
        if bytes > MAX_ALL_SOURCES_BYTES {
            let reason = "this plugin has too many expressions; delete those it does not need";
            return Err(Refusal::bad_argument(reason));
        }
        while self.by_token.contains_key(&self.next_token) {
            self.next_token = self.next_token.wrapping_add(1);
        }
        let token = self.next_token;
        self.next_token = token.wrapping_add(1);
        self.bytes = bytes;
        self.by_token.insert(token, Arc::new(expression));
        Ok(token)
    }

    fn remove(&mut self, token: u32) {
        if let Some(expression) = self.by_token.remove(&token) {
            self.bytes = self.bytes.saturating_sub(expression.size);
        }
    }
}

/// Parses an expression and returns its token.
pub(super) fn create(state: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let expression = parse(arguments).map_err(|reason| {
        let reason = format!("the expression cannot be taken: {reason}");
        Refusal::with(Status::BadArgument, reason)
    })?;
    let token = Arc::make_mut(&mut plugin(state)?.expressions).add(expression)?;
    Ok(token.to_le_bytes().to_vec())
}

/// Forgets an expression; one that does not exist is forgotten already.
pub(super) fn delete(state: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let token = token(arguments)?;
    Arc::make_mut(&mut plugin(state)?.expressions).remove(token);
    Ok(Vec::new())
}

/// Returns the value of an expression here and now, encoded as a property.
pub(super) fn evaluate(state: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let token = token(arguments)?;
    let expressions = &plugin(state)?.expressions;
    let expression = Arc::clone(expressions.by_token.get(&token).ok_or(UNKNOWN)?);
    // Expressions look at the context whose callback runs, even while another is the effective one.
    let effective = std::mem::replace(&mut state.effective, ContextId(0));
    let result = value_of(state, &expression);
    state.effective = effective;
    result?
        .encode()
        .map_err(|status| Refusal::new(status, "the value of the expression cannot be encoded"))
}

fn value_of(state: &VmState, expression: &Expression) -> Result<PropertyValue, Refusal> {
    if let Some(path) = &expression.whole {
        return properties::find(state, path).map_err(|status| {
            if status == Status::NotFound {
                failure("there is no such property, or it has no value here and now")
            } else {
                Refusal::new(status, "the property has no value that can be encoded")
            }
        });
    }
    let variables = properties::variables(state, &expression.paths);
    let bounds = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value::bound(value)))
        .collect();
    let bound = Scope { variables: bounds }.bound(&expression.parsed);
    if bound.cost > MAX_COST || bound.weight > MAX_COST {
        return Err(failure("it may cost too much to evaluate"));
    }
    let value = guarded(|| run(&expression.parsed, variables));
    let value = value.unwrap_or_else(|| Err("it cannot be evaluated".to_owned()));
    let value = value.map_err(|reason| failure(&reason))?;
    // The library takes a type for its name.
    let is_type = check::is_type(&expression.parsed);
    let encoded = value::from_cel(&value).filter(|_| !is_type);
    encoded.ok_or(Refusal::new(
        Status::SerializationFailure,
        "the value of the expression has no encoding",
    ))
}

fn run(parsed: &IdedExpr, variables: HashMap<String, Value>) -> Result<Value, String> {
    let mut context = Context::with_env(Arc::clone(&LANGUAGE));
    for (name, value) in variables {
        context.add_variable_from_value(name, value);
    }
    Value::resolve(parsed, &context).map_err(|error| error.to_string())
}

fn failure(reason: &str) -> Refusal {
    let reason = format!("the expression has no value: {reason}");
    Refusal::with(Status::InternalFailure, reason)
}

fn parse(source: &[u8]) -> Result<Expression, String> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(format!("it has more than {MAX_SOURCE_BYTES} bytes"));
    }
    let source = std::str::from_utf8(source).map_err(|_| "it is not UTF-8")?;
    let parsed = guarded(|| {
        let depth = nesting::depth(source).ok_or("it has a character that does not belong")?;
        if depth > MAX_DEPTH {
            return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
        }
        let parsed = PrattParser::new().parse(source);
        parsed.map_err(|errors| errors.to_string().replace('\n', " "))
    });
    let parsed = parsed.unwrap_or_else(|| Err("it cannot be parsed".to_owned()))?;
    let mut references = References::default();
    references.visit(&parsed)?;
    let whole = references
        .path(&parsed)
        .filter(|_| check::is_value(&parsed));
    Ok(Expression {
        paths: references.paths,
        whole,
        parsed,
        size: source.len().saturating_add(EXPRESSION_OVERHEAD),
    })
}

fn token(arguments: &[u8]) -> Result<u32, Refusal> {
    let bytes = arguments.try_into().map_err(|_| BAD_TOKEN)?;
    Ok(u32::from_le_bytes(bytes))
}

/// The root context of the callback that runs.
fn plugin(state: &mut VmState) -> Result<&mut RootContext, Refusal> {
    let root = state.contexts.root_of(state.current).ok_or(NO_PLUGIN)?;
    state.contexts.root_mut(root).ok_or(NO_PLUGIN)
}
