//! Hostile expressions: each is refused or evaluated, within a small stack and in a short time.

use std::collections::HashMap;

use cel::Value;

use super::cost::Scope;
use super::{Expressions, MAX_ALL_SOURCES_BYTES, MAX_COST, MAX_DEPTH, parse, run, value};
use crate::PropertyValue;

/// Less than a worker has left when a guest has used its own stack up.
const STACK: usize = 1024 * 1024;

/// Works on a small stack, as deep in a worker.
fn on_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK);
    thread.spawn(work).unwrap().join().unwrap()
}

/// Evaluates an expression with the variable `x`, a map of some headers.
fn evaluated(source: &str) -> Result<Value, String> {
    let source = source.to_owned();
    on_small_stack(move || {
        let parsed = parse(source.as_bytes())?;
        let header = |n: u32| (format!("h{n}").into_bytes(), PropertyValue::text("value"));
        let headers = PropertyValue::Map((0..50).map(header).collect());
        let variables = HashMap::from([("x".to_owned(), value::to_cel(headers, false))]);
        let bounds = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value::bound(value)));
        let mut scope = Scope {
            variables: bounds.collect(),
        };
        let bound = scope.bound(&parsed.parsed);
        if bound.cost > MAX_COST || bound.weight > MAX_COST {
            return Err("too much".to_owned());
        }
        run(&parsed.parsed, variables)
    })
}

#[test]
fn usual_expressions_are_evaluated() {
    let is = |source: &str| evaluated(source) == Ok(Value::Bool(true));
    assert!(is(
        "x['h1'] == 'value' && x.h2.startsWith('val') && size(x) == 50"
    ));
    assert!(is("x.exists(h, h == 'h7') && !x.all(h, h.endsWith('7'))"));
    assert!(is("[1, 2, 3].map(n, n * 2).filter(n, n > 2) == [4, 6]"));
    assert!(is("x.h1.matches('^v.*e$') ? 'a' in ['b', 'a'] : false"));
    assert!(is("has(x.h1) && !has(x.nothing)"));
    assert!(is("duration('90s').getMinutes() == 1 && int('7') + 1 == 8"));
    assert!(is("timestamp('2026-01-02T03:04:05Z').getHours() == 3"));
}

#[test]
fn the_deepest_that_is_taken_needs_little_stack() {
    let mut taken = 0;
    for (open, core, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{1: ", "1", "}"),
        ("-", "1", ""),
        ("!", "true", ""),
        ("true ? 1 : ", "2", ""),
        ("1 + ", "2", ""),
        ("size([", "1", "])"),
        ("[1].map(x, ", "x", ")"),
        ("[1].exists(x, ", "true", ")"),
        ("", "x", ".a"),
        ("", "x", "['a']"),
        ("", "'a'", ".size()"),
    ] {
        for depth in 1..2 * MAX_DEPTH {
            let source = open.repeat(depth) + core + &close.repeat(depth);
            match evaluated(&source) {
                Err(reason) if reason.contains("nests") => {
                    assert!(depth > MAX_DEPTH / 8, "{source}");
                }
                _ => taken += 1,
            }
        }
    }
    assert!(taken > 13 * MAX_DEPTH / 4);
}

#[test]
fn what_would_take_long_or_much_is_not_evaluated() {
    let list = format!("[{}]", ["1"; 400].join(","));
    let loops = format!("{list}.all(a, {list}.all(b, {list}.all(c, a + b + c > 0)))");
    let pairs = "x.map(a, x.map(b, x.map(c, x.map(d, [a, b, c, d]))))";
    let mut doubled = "'0123456789abcdef'".to_owned();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let copies = [name; 16].join(", ");
        doubled = format!("[{doubled}].map({name}, [{copies}])");
    }
    for source in [&loops, pairs, &doubled] {
        let refused = evaluated(source).unwrap_err();
        assert!(refused.contains("too much"), "{refused}");
    }
    let patterns = "x.all(a, x.all(b, a.matches('(a{100}){100}')))";
    assert!(evaluated(patterns).is_err());
    assert!(evaluated("x.all(a, x.all(b, a != '' && b != ''))").is_ok());
}

#[test]
fn what_is_no_expression_is_refused() {
    let long = "1".repeat(20_000);
    for source in [
        "",
        "1 +",
        "((1)",
        "1)",
        "'open",
        "a..b",
        "no_function(1)",
        "size()",
        "1.size(2)",
        "optional.of(1)",
        "x.?a",
        "Message{a: 1}",
        "\u{0}",
        "a b",
        "has(1)",
        &long,
        "x.map(1, 2)",
        "'\\xzz'",
        "99999999999999999999",
        "b'\\u00'",
        "`a`",
        ".",
    ] {
        assert!(parse(source.as_bytes()).is_err(), "{source}");
    }
    assert!(parse(b"\xff").is_err());
}

#[test]
fn evaluation_that_fails_returns_an_error() {
    for source in [
        "1 / 0",
        "1 % 0",
        "9223372036854775807 + 1",
        "-(-9223372036854775807 - 1)",
        "x.nothing",
        "undeclared",
        "[1][5]",
        "[1][-1]",
        "1 + 'a'",
        "int('x')",
        "'a'.matches('(')",
        "timestamp('never')",
        "timestamp('9999-12-31T23:59:59Z') + duration('99h')",
        "duration('9999999999999h')",
        "string(b'\\xff')",
        "{1: 2, 1: 3}",
        "size(1)",
        "timestamp('2026-01-01T00:00:00Z').getHours('Nowhere/Land')",
        "int(1e300)",
    ] {
        let outcome = super::guarded(|| evaluated(source));
        assert!(outcome.is_some_and(|value| value.is_err()), "{source}");
    }
}

#[test]
fn a_plugin_keeps_a_limited_number_of_expressions() {
    let mut expressions = Expressions::default();
    let made = (0..10_000).find(|_| expressions.add(parse(b"1 + 1").unwrap()).is_err());
    let made: u32 = made.unwrap();
    assert!(made as usize > MAX_ALL_SOURCES_BYTES / 1024);
    expressions.remove(0);
    assert_eq!(expressions.add(parse(b"2").unwrap()).unwrap(), made);
}
