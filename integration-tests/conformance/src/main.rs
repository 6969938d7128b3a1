//! `conformance`: shows statements on both proxies, and keeps `docs/conformance.md`.
//!
//! `conformance HM-03` shows what both proxies do; with no id it shows all statements.
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use tollgate_conformance::{Statement, report, statements};
use tollgate_integration_tests::chosen_proxies;

const HELP: &str = "\
usage: conformance [--report | --write | --check] [ID…]

  ID        run the statements whose id begins so, and show what each proxy did
  --report  run all statements and, if all hold, write docs/conformance.md
  --write   write docs/conformance.md without running anything
  --check   say whether docs/conformance.md is out of date

TOLLGATE_TEST_PROXIES=envoy or =tollgate runs on one proxy.
";

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (options, ids): (Vec<_>, Vec<_>) = arguments
        .iter()
        .map(String::as_str)
        .partition(|argument| argument.starts_with('-'));
    match options.as_slice() {
        [] => show(&ids),
        ["--report"] => {
            let code = show(&[])?;
            if code == ExitCode::SUCCESS {
                report::write()?;
            }
            Ok(code)
        }
        ["--write"] => report::write().map(|()| ExitCode::SUCCESS),
        ["--check"] => check(),
        _ => {
            io::stderr().write_all(HELP.as_bytes())?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn check() -> io::Result<ExitCode> {
    if report::is_current() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        io::stderr(),
        "{} is out of date: run `conformance --report`",
        report::path().display()
    )?;
    Ok(ExitCode::FAILURE)
}

fn show(ids: &[&str]) -> io::Result<ExitCode> {
    let mut out = io::stdout();
    let mut failures = 0;
    for statement in statements::all() {
        if ids.is_empty() || ids.iter().any(|id| statement.id.starts_with(id)) {
            failures += usize::from(!show_one(&mut out, statement)?);
        }
    }
    if failures > 0 {
        writeln!(out, "{failures} statements do not hold")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a statement and says whether it holds.
fn show_one(out: &mut impl io::Write, statement: &Statement) -> io::Result<bool> {
    writeln!(out, "{} {}", statement.id, statement.text)?;
    for kind in chosen_proxies() {
        if let Some(expected) = statement.expected(kind) {
            match statement.observe(kind) {
                Ok(observed) if observed == expected => writeln!(out, "    {kind:?}: {observed}")?,
                Ok(observed) | Err(observed) => {
                    writeln!(
                        out,
                        "    {kind:?}: {observed}\n    but expected: {expected}"
                    )?;
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}
