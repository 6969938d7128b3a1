//! A statement, and whether it holds.

use std::fmt::Write as _;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use tollgate_integration_tests::{Kind, chosen_proxies, repository_root};

use crate::host::Host;

/// One thing that a host does, and how it is shown.
#[derive(Debug)]
pub struct Statement {
    /// Section and number, such as `HM-03`.
    pub id: &'static str,
    /// What is stated, in one sentence; the test's name is made of it.
    pub text: &'static str,
    /// What is observed.
    pub verdict: Verdict,
    /// What a reader should know besides, such as where the specification says something else.
    pub note: Option<&'static str>,
    /// Tries it on a host and says in few words what was observed.
    pub run: fn(&Host) -> String,
}

/// What is observed on both hosts.
#[derive(Debug)]
pub enum Verdict {
    /// The same on both.
    Same(&'static str),
    /// Tollgate differs on purpose.
    Differs {
        /// On Envoy.
        envoy: &'static str,
        /// On Tollgate.
        tollgate: &'static str,
        /// Why Tollgate does otherwise.
        reason: &'static str,
    },
    /// Nothing, from outside: a test inside Tollgate's runtime shows it.
    Runtime {
        /// The name of that test.
        test: &'static str,
        /// Why Envoy cannot show it from outside.
        reason: &'static str,
    },
}

impl Statement {
    /// The statement's test, as a function would be named: `hm_03_a_missing_key_is_not_found`.
    #[must_use]
    pub fn test_name(&self) -> String {
        let mut name = String::new();
        for c in format!("{} {}", self.id, self.text).chars() {
            if c.is_ascii_alphanumeric() {
                name.push(c.to_ascii_lowercase());
            } else if !name.ends_with('_') {
                name.push('_');
            }
        }
        name.trim_end_matches('_').to_owned()
    }

    /// Tries the statement on the proxies under test.
    ///
    /// # Errors
    ///
    /// When something else is observed than the statement says.
    pub fn check(&self) -> Result<(), String> {
        if let Verdict::Runtime { test, .. } = self.verdict {
            return find_test(test);
        }
        let mut wrong = String::new();
        for kind in chosen_proxies() {
            let Some(expected) = self.expected(kind) else {
                continue;
            };
            let observed = self.observe(kind);
            if observed.as_deref() != Ok(expected) {
                let observed = observed.unwrap_or_else(|panic| format!("failed: {panic}"));
                write!(
                    wrong,
                    "\n{kind:?}, expected: {expected}\n{kind:?}, observed: {observed}"
                )
                .expect("text takes more text");
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("{} {}{wrong}", self.id, self.text))
        }
    }

    /// What is to be observed on a proxy, if anything is.
    #[must_use]
    pub fn expected(&self, kind: Kind) -> Option<&'static str> {
        match (&self.verdict, kind) {
            (Verdict::Same(both), _) => Some(both),
            (Verdict::Differs { envoy, .. }, Kind::Envoy) => Some(envoy),
            (Verdict::Differs { tollgate, .. }, Kind::Tollgate) => Some(tollgate),
            (Verdict::Runtime { .. }, _) => None,
        }
    }

    /// Says what is observed on a proxy.
    ///
    /// # Errors
    ///
    /// When the attempt itself breaks down.
    pub fn observe(&self, kind: Kind) -> Result<String, String> {
        let host = Host::new(kind);
        panic::catch_unwind(AssertUnwindSafe(|| (self.run)(&host))).map_err(|payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without words")
                .to_owned()
        })
    }
}

/// Looks for a test among those of the runtime; `cargo test` runs it there.
fn find_test(name: &str) -> Result<(), String> {
    let wanted = format!("#[test]\nfn {name}()");
    let inner = format!("#[test]\n    fn {name}()");
    let folder = repository_root().join("host/runtime");
    let found = [folder.join("tests"), folder.join("src")]
        .iter()
        .any(|folder| is_in_sources(folder, &[&wanted, &inner]));
    if found {
        Ok(())
    } else {
        Err(format!("host/runtime has no test {name}"))
    }
}

fn is_in_sources(folder: &Path, wanted: &[&str]) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return is_in_sources(&path, wanted);
        }
        fs::read_to_string(path).is_ok_and(|text| wanted.iter().any(|test| text.contains(test)))
    })
}
