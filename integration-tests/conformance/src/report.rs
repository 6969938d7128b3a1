//! `docs/conformance.md`: every statement and what was observed, for users.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use tollgate_integration_tests::repository_root;

use crate::statement::{Statement, Verdict};
use crate::statements::{self, SECTIONS, Section};

const INTRODUCTION: &str = "\
# Conformance

What a host of Proxy-Wasm plugins does, one statement at a time, and what real Envoy 1.40 and Tollgate
do. Each line is a test: a guest of a few instructions runs on both proxies, clients and an upstream
talk to them over HTTP and TCP, and what is observed must be what stands here. Where Envoy and the
specification disagree, Envoy is right and the line says so.

`cargo run -p tollgate-conformance --bin conformance -- --report` runs all of them and writes this
file; CI fails when it is out of date. A guest's reports are quoted as it logs them, `label=value`; numbers
are status codes of the ABI (0 Ok, 1 NotFound, 2 BadArgument, 3 SerializationFailure, 4 ParseFailure,
6 InvalidMemoryAccess, 7 Empty, 8 CasMismatch, 10 InternalFailure, 12 Unimplemented) or, for WASI, its
error numbers.
";

/// Where the report lies.
#[must_use]
pub fn path() -> PathBuf {
    repository_root().join("docs/conformance.md")
}

/// The report as the registered statements make it.
#[must_use]
pub fn text() -> String {
    let mut text = INTRODUCTION.to_owned();
    // The counts of an incomplete suite say little.
    if statements::COMPLETE {
        push_summary(&mut text);
    }
    push_differences(&mut text);
    push_inner(&mut text);
    for section in SECTIONS {
        push_section(&mut text, section);
    }
    text
}

/// Whether the file says what the statements say.
#[must_use]
pub fn is_current() -> bool {
    fs::read_to_string(path()).is_ok_and(|written| written == text())
}

/// Writes the file.
///
/// # Errors
///
/// When it cannot be written.
pub fn write() -> std::io::Result<()> {
    let path = path();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text())
}

fn push(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("text takes more text");
}

fn push_summary(text: &mut String) {
    let (mut same, mut differ, mut inside) = (0, 0, 0);
    for statement in statements::all() {
        match statement.verdict {
            Verdict::Same(_) => same += 1,
            Verdict::Differs { .. } => differ += 1,
            Verdict::Runtime { .. } => inside += 1,
        }
    }
    let total = same + differ + inside;
    push(
        text,
        &format!(
            "\nOf {total} statements, both proxies behave the same in {same}, Tollgate differs on \
             purpose in {differ},\nand {inside} cannot be seen from outside Envoy."
        ),
    );
}

fn push_differences(text: &mut String) {
    push(text, "\n## Where Tollgate differs on purpose\n");
    let mut none = true;
    for statement in statements::all() {
        if let Verdict::Differs {
            envoy,
            tollgate,
            reason,
        } = statement.verdict
        {
            none = false;
            push(
                text,
                &format!(
                    "- **{}** {} Envoy: {}; Tollgate: {}. {reason}",
                    statement.id,
                    statement.text,
                    code(envoy),
                    code(tollgate)
                ),
            );
        }
    }
    if none {
        push(text, "Nowhere.");
    }
}

fn push_inner(text: &mut String) {
    let inner: Vec<_> = statements::all()
        .filter_map(|statement| match statement.verdict {
            Verdict::Runtime { test, reason } => Some((statement, test, reason)),
            Verdict::Same(_) | Verdict::Differs { .. } => None,
        })
        .collect();
    if inner.is_empty() {
        return;
    }
    push(text, "\n## What only a test inside the runtime shows\n");
    for (statement, test, reason) in inner {
        push(
            text,
            &format!(
                "- **{}** {} {reason} (`{test}`)",
                statement.id, statement.text
            ),
        );
    }
}

fn push_section(text: &mut String, section: &Section) {
    let statements = section.statements();
    if statements.is_empty() {
        return;
    }
    push(
        text,
        &format!("\n## {} ({})\n", section.title, section.prefix),
    );
    push(text, "| id | statement | Envoy 1.40 | Tollgate |");
    push(text, "|---|---|---|---|");
    for statement in statements {
        push(text, &row(statement));
    }
}

fn row(statement: &Statement) -> String {
    let (envoy, tollgate) = match statement.verdict {
        Verdict::Same(observed) => (code(observed), "same".to_owned()),
        Verdict::Differs {
            envoy, tollgate, ..
        } => (code(envoy), code(tollgate)),
        Verdict::Runtime { test, .. } => ("not visible".to_owned(), code(test)),
    };
    let note = statement
        .note
        .map(|note| format!(" *{}*", escape(note)))
        .unwrap_or_default();
    format!(
        "| {} | {}{note} | {envoy} | {tollgate} |",
        statement.id,
        escape(statement.text)
    )
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// A span of code in a table: a bar would end the cell, and a backquote the span.
fn code(text: &str) -> String {
    let text = escape(text);
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}
