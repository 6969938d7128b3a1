//! `tollgate doctor`: whether this machine has what Tollgate needs and what makes it fast.

mod system;
mod toolchain;

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::error::CommandError;

/// What was found about one thing.
#[derive(Debug)]
struct Check {
    what: &'static str,
    verdict: Verdict,
    found: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// It works, but something would be faster, or is not there that some want.
    Slower(&'static str),
    /// Something is not there that only some work needs.
    Absent(&'static str),
    /// Nothing works without it.
    Missing(&'static str),
}

impl Check {
    fn ok(what: &'static str, found: impl fmt::Display) -> Self {
        Self::new(what, Verdict::Ok, found)
    }

    fn new(what: &'static str, verdict: Verdict, found: impl fmt::Display) -> Self {
        Self {
            what,
            verdict,
            found: found.to_string(),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, advice) = match &self.verdict {
            Verdict::Ok => ("ok", None),
            Verdict::Slower(advice) => ("slower", Some(advice)),
            Verdict::Absent(advice) => ("absent", Some(advice)),
            Verdict::Missing(advice) => ("missing", Some(advice)),
        };
        write!(f, "{word:<8} {}: {}", self.what, self.found)?;
        match advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

/// Prints a line for each thing; the exit code is 1 when something is missing that is needed.
///
/// # Errors
///
/// When the lines cannot be printed.
pub(crate) fn doctor() -> Result<ExitCode, CommandError> {
    let checks: Vec<Check> = system::checks()
        .into_iter()
        .chain(toolchain::checks())
        .collect();
    let mut out = io::stdout().lock();
    for check in &checks {
        writeln!(out, "{check}")?;
    }
    let is_missing = |check: &Check| matches!(check.verdict, Verdict::Missing(_));
    Ok(if checks.iter().any(is_missing) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

#[cfg(test)]
mod tests {
    use super::{Check, Verdict};

    #[test]
    fn a_line_says_what_was_found_and_what_to_do() {
        let check = Check::new("open files", Verdict::Slower("raise it"), 256);
        assert_eq!(check.to_string(), "slower   open files: 256; raise it");
        assert_eq!(Check::ok("cores", 2).to_string(), "ok       cores: 2");
    }
}
