//! What the same filters cost with Tollgate's SDK and with the official crate.
//!
//! The modules are the examples of `guests/compare`. They run in memory, and what is counted is the
//! guest's instructions, so that a busy machine measures the same.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    reason = "what cannot be measured fails the test, and the message says what it was"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use tollgate_integration_tests::{repository_root, wasm_module};
use tollgate_runtime::inspect;
use tollgate_testing::{TestHost, UpstreamResponse};

/// What a pair of filters does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What the examples' names end with.
    pub name: &'static str,
    /// What the page calls it.
    pub title: &'static str,
    /// Tollgate's instructions may be this part of the official crate's, in percent.
    pub budget: u64,
}

/// All pairs. Those with 33 are the ones whose bar is a third of the official crate's cost.
pub const OPERATIONS: [Operation; 6] = [
    operation("noop", "let a request pass", 33),
    operation("get_header", "read one header", 100),
    operation("walk_headers", "walk over 20 headers", 33),
    operation("set_header", "set one header", 100),
    operation("local_response", "answer the client", 100),
    operation("callout", "ask another service", 100),
];

const fn operation(name: &'static str, title: &'static str, budget: u64) -> Operation {
    Operation {
        name,
        title,
        budget,
    }
}

/// What a module costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The module's size in bytes.
    pub size: u64,
    /// Functions that it imports.
    pub imports: u64,
    /// Instructions of one request, from the stream's creation to its deletion.
    pub instructions: u64,
}

/// An operation with what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What is done.
    pub operation: Operation,
    /// With the official crate.
    pub official: Cost,
    /// With Tollgate's SDK.
    pub tollgate: Cost,
}

/// Measures every pair.
#[must_use]
pub fn measure_all() -> Vec<Comparison> {
    let compare = |operation: Operation| Comparison {
        operation,
        official: measure("official", operation.name),
        tollgate: measure("tollgate", operation.name),
    };
    OPERATIONS.into_iter().map(compare).collect()
}

fn measure(sdk: &str, operation: &str) -> Cost {
    let module = wasm_module(&format!("examples/{sdk}_{operation}"));
    let bytes = fs::read(&module).expect("the module is built");
    let report = inspect::inspect(&bytes).expect("the module is a filter");
    Cost {
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        imports: u64::try_from(report.imports.len()).unwrap_or(u64::MAX),
        instructions: instructions(module),
    }
}

/// Counts the instructions of a second request: what happens once is no part of a request's cost.
fn instructions(module: PathBuf) -> u64 {
    let host = TestHost::wasm(module, "").upstream("authorizer", |_| UpstreamResponse::new(200));
    let send = || {
        // With `:method`, `:path`, `:authority` and `:scheme` twenty headers.
        let request = host.get("/").header("x-token", "t".repeat(600));
        let request = (1..16).fold(request, |request, number| {
            request.header(&format!("x-header-{number}"), "some value of a header")
        });
        request.send()
    };
    send();
    send()
        .fuel()
        .expect("the module's instructions are counted")
}

/// Where the page lies.
#[must_use]
pub fn page_file() -> PathBuf {
    repository_root().join("docs/comparison.md")
}

/// Writes the page.
#[must_use]
pub fn page(comparisons: &[Comparison]) -> String {
    let mut rows = String::new();
    for comparison in comparisons {
        let (official, tollgate) = (comparison.official, comparison.tollgate);
        let percent = tollgate.instructions * 100 / official.instructions.max(1);
        writeln!(
            rows,
            "| {} | {} | {} | {} | {} | {} | {} | {percent} % |",
            comparison.operation.title,
            official.size,
            tollgate.size,
            official.imports,
            tollgate.imports,
            official.instructions,
            tollgate.instructions,
        )
        .expect("a string takes text");
    }
    include_str!("page.md").replace("{{rows}}\n", &rows)
}

/// Returns the title and the numbers of each row of a page.
#[must_use]
pub fn rows(page: &str) -> Vec<(String, Vec<u64>)> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let title = cells.next()?.to_owned();
        let numbers: Vec<u64> = cells.take(6).map_while(|cell| cell.parse().ok()).collect();
        (numbers.len() == 6).then_some((title, numbers))
    });
    rows.collect()
}
