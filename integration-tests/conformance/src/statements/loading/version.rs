//! How a module says which ABI it speaks.

use crate::guest::raw;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[Statement {
    id: "LD-01",
    text: "A module that exports no marker of an ABI version is refused.",
    verdict: Verdict::Same("refuses: ABI version"),
    note: None,
    run: |host| {
        let module = raw(r#"(module
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const 0)))"#);
        host.reaction(&Setup::http(Plugin::wat(module)), &["ABI version"])
    },
}];
