//! Writes `docs/comparison.md`.
#![expect(
    clippy::print_stdout,
    reason = "a program that is run by hand says what it has done"
)]

use std::io;

fn main() -> io::Result<()> {
    let page = tollgate_compare::page(&tollgate_compare::measure_all());
    let file = tollgate_compare::page_file();
    std::fs::write(&file, &page)?;
    println!("{page}\n{} is written", file.display());
    Ok(())
}
