//! `docs/conformance.md`: every statement and what was observed, for users.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use tollgate_integration_tests::repository_root;

use crate::statement::{Statement, Verdict};
use crate::statements::{self, SECTIONS, Section};

const INTRODUCTION: &str = "\
# Conformance

What a host of Proxy-Wasm plugins does, one statement at a time, shown on real Envoy 1.40 and on
Tollgate. Each line is a test: a guest of a few instructions runs on both proxies, clients and an
upstream talk to them over HTTP and TCP, and what is observed must be what stands here. What Envoy does
is right, also where the specification says something else; a remark in italics tells where.

This file is written by `cargo run -p tollgate-conformance --bin conformance -- --report`, which runs
everything; CI fails when it is out of date.

## How to read it

- **same**: on Tollgate exactly the same is observed as on Envoy.
- Guests report by log lines, `label=value`; several are joined by commas. A string is in quotation
  marks, `{key: value}` is a map, `\\x00` is a byte that is no text.
- `refuses` is a proxy that does not start with that module or configuration, and after the colon words
  that its complaint has; `serves` is one that does.
- Numbers that calls return are statuses: 0 Ok, 1 NotFound, 2 BadArgument, 3 SerializationFailure,
  4 ParseFailure, 6 InvalidMemoryAccess, 7 Empty, 8 CasMismatch, 10 InternalFailure, 12 Unimplemented. WASI
  functions return error numbers: 8 EBADF, 20 ENOTDIR, 21 EFAULT, 28 EINVAL, 44 ENOENT, 52 ENOSYS, 58 ENOTSUP,
  76 ENOTCAPABLE.
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
    push_summary(&mut text);
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
            "\nOf {total} statements, both proxies behave the same in {same}; in {differ} Tollgate differs on \
             purpose,\nand {inside} can only be shown inside the runtime."
        ),
    );
}

fn push_differences(text: &mut String) {
    push(text, "\n## Where Tollgate differs\n");
    push(
        text,
        "On purpose, and only where Envoy would crash, hang, lose a request, leave out a filter in \
         silence,\nor refuse a module that is right.\n",
    );
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
                    "- **{}** {} Envoy: {}; Tollgate: {}. {}",
                    statement.id,
                    prose(statement.text),
                    code(envoy),
                    code(tollgate),
                    prose(reason)
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
                "- **{}** {} {} (`{test}`)",
                statement.id,
                prose(statement.text),
                prose(reason)
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
        .map(|note| format!(" *{}*", prose(note)))
        .unwrap_or_default();
    format!(
        "| {} | {}{note} | {envoy} | {tollgate} |",
        statement.id,
        prose(statement.text)
    )
}

/// A sentence in a table: a bar would end the cell; stars and angle brackets would be markup.
fn prose(text: &str) -> String {
    sentence(text).replace('*', "\\*").replace('<', "\\<")
}

/// A text with the capital and the full stop that it may lack. A name of the ABI stays as it is.
fn sentence(text: &str) -> String {
    let text = escape(text);
    let word = text.split(' ').next().unwrap_or_default();
    let mut sentence: String = if word.contains(['_', ':', '.', '(']) {
        text
    } else {
        let mut chars = text.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).collect()
    };
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
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
