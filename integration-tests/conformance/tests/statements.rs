//! One test for each statement, and three about the registry and its report.
//!
//! `cargo test -p tollgate-conformance --test statements hm_03` runs one statement.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};
use tollgate_conformance::{report, statements};

/// Proxies that start and end at the same time; more would make each slow.
const AT_ONCE: usize = 2;

fn main() -> io::Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let mut trials: Vec<_> = statements::all()
        .map(|statement| {
            Trial::test(statement.test_name(), || {
                statement.check().map_err(Failed::from)
            })
        })
        .collect();
    trials.push(Trial::test("every_statement_has_a_test", completeness));
    trials.push(Trial::test("ids_are_known_and_unique", ids));
    trials.push(Trial::test("the_report_is_up_to_date", up_to_date));
    let start = Instant::now();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        writeln!(
            io::stderr(),
            "{} statements and checks in {:.1} s",
            conclusion.num_passed + conclusion.num_failed,
            start.elapsed().as_secs_f64()
        )?;
    }
    Ok(conclusion.exit_code())
}

fn completeness() -> Result<(), Failed> {
    let missing = statements::missing();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failed::from(format!(
        "{} statements are missing: {}",
        missing.len(),
        missing.join(" ")
    )))
}

fn ids() -> Result<(), Failed> {
    let misnamed = statements::misnamed();
    if misnamed.is_empty() {
        return Ok(());
    }
    Err(Failed::from(format!(
        "there twice, or in no section: {misnamed:?}"
    )))
}

fn up_to_date() -> Result<(), Failed> {
    if report::is_current() {
        return Ok(());
    }
    Err(Failed::from(
        "docs/conformance.md is out of date: \
         run `cargo run -p tollgate-conformance --bin conformance -- --write`",
    ))
}
