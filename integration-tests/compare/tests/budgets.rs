//! What the SDK may cost, and that the page says what it costs.

use std::fs;
use std::sync::LazyLock;

use tollgate_compare::{Comparison, measure_all, page, page_file, rows};

static MEASURED: LazyLock<Vec<Comparison>> = LazyLock::new(measure_all);

/// A module that asks another service.
const CALLOUT_BYTES: u64 = 45_000;

#[test]
fn no_operation_exceeds_its_budget_of_instructions() {
    for comparison in &*MEASURED {
        let (official, ours) = (
            comparison.official.instructions,
            comparison.tollgate.instructions,
        );
        let budget = comparison.operation.budget;
        assert!(
            ours * 100 <= official * budget,
            "above {budget} %: {comparison:#?}"
        );
    }
}

#[test]
fn modules_are_smaller_and_import_less() {
    for comparison in &*MEASURED {
        let (official, ours) = (comparison.official, comparison.tollgate);
        assert!(ours.size < official.size, "{comparison:#?}");
        assert!(ours.imports < official.imports, "{comparison:#?}");
        if comparison.operation.name == "callout" {
            assert!(ours.size < CALLOUT_BYTES, "{comparison:#?}");
        }
    }
}

#[test]
fn the_page_says_about_what_is_measured() {
    let written = fs::read_to_string(page_file()).expect("the page is there");
    let (written, measured) = (rows(&written), rows(&page(&MEASURED)));
    assert_eq!(
        written.len(),
        measured.len(),
        "rows; `--bin compare` writes the page"
    );
    for (written, measured) in written.iter().zip(&measured) {
        let is_near = |(a, b): (&u64, &u64)| a.abs_diff(*b) * 4 <= *b;
        let all_near = written.1.iter().zip(&measured.1).all(is_near);
        assert!(
            written.0 == measured.0 && all_near,
            "the page says {written:?}, measured is {measured:?}; `--bin compare` writes the page"
        );
    }
}
