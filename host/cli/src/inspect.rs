//! `tollgate inspect`: what a module is, who provides what it imports, and who would refuse it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use tollgate_runtime::inspect::{Host, Report, ReportItem, SupportRow};

use crate::error::CommandError;

/// What the cells of the support matrix mean.
const LEGEND: &str = "yes: provided; no: unknown, the module is refused; type: known with another \
    type, the module is refused; traps: not implemented, a call ends the VM; ?: not known";

/// Prints the report; the exit code is 1 when Envoy 1.40 or Tollgate would refuse the module.
///
/// # Errors
///
/// When the file cannot be read or is not a wasm module.
pub(crate) fn inspect(path: &Path) -> Result<ExitCode, CommandError> {
    let name = path.display();
    let bytes = tollgate_proxy::read_module(path).map_err(|error| format!("{name}: {error}"))?;
    let report =
        tollgate_runtime::inspect::inspect(&bytes).map_err(|error| format!("{name}: {error}"))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{name}: {} bytes", bytes.len())?;
    write_contents(&mut out, &report)?;
    write_matrix(&mut out, "support of the imports", &report.support)?;
    write_matrix(&mut out, "foreign functions", &report.foreign_functions)?;
    write_verdict(&mut out, &report)?;
    let loads = report.loads_on(Host::Envoy140) && report.loads_on(Host::Tollgate);
    Ok(if loads {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn write_contents(out: &mut impl Write, report: &Report) -> io::Result<()> {
    match report.abi {
        Some(version) => writeln!(out, "ABI version: {version}")?,
        None => writeln!(out, "ABI version: none")?,
    }
    if let Some(memory) = report.memory {
        let maximum = memory.maximum_pages.map_or_else(
            || "no maximum".to_owned(),
            |pages| format!("at most {pages} pages"),
        );
        writeln!(
            out,
            "memory: {} pages of 64 KiB, {maximum}",
            memory.initial_pages
        )?;
    }
    match report.isolation {
        Some(isolation) => writeln!(out, "isolation: {isolation}, as the module declares")?,
        None => writeln!(out, "isolation: not declared")?,
    }
    match &report.snapshot_obstacle {
        Some(obstacle) => writeln!(out, "snapshot: none: {obstacle}")?,
        None => writeln!(out, "snapshot: possible")?,
    }
    write_items(out, "imports", &report.imports)?;
    write_items(out, "exports", &report.exports)?;
    if !report.custom_sections.is_empty() {
        writeln!(out, "custom sections: {}", report.custom_sections.len())?;
        for section in &report.custom_sections {
            writeln!(out, "  {} ({} bytes)", section.name, section.size)?;
        }
    }
    Ok(())
}

fn write_items(out: &mut impl Write, title: &str, items: &[ReportItem]) -> io::Result<()> {
    writeln!(out, "{title}: {}", items.len())?;
    for item in items {
        let dot = if item.module.is_empty() { "" } else { "." };
        let signature = item.signature.as_deref().unwrap_or_default();
        writeln!(
            out,
            "  {} {}{dot}{} {signature}",
            item.kind, item.module, item.name
        )?;
    }
    Ok(())
}

/// Writes one line for each function and one column for each host.
fn write_matrix(out: &mut impl Write, title: &str, rows: &[SupportRow]) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title} ({LEGEND})")?;
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let columns: Vec<_> = Host::ALL.iter().map(ToString::to_string).collect();
    writeln!(out, "  {:width$}  {}", "", columns.join("  "))?;
    for row in rows {
        write!(out, "  {:width$}", row.name)?;
        for (column, cell) in columns.iter().zip(&row.cells) {
            let column = column.len();
            write!(out, "  {:column$}", cell.to_string())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_verdict(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for note in &report.notes {
        writeln!(out, "note: {note}")?;
    }
    for refusal in &report.refusals {
        writeln!(out, "refused by {refusal}")?;
    }
    let loading = Host::ALL.iter().filter(|host| report.loads_on(**host));
    let strict = loading.filter(|host| **host != Host::NgxWasmModule);
    let names: Vec<_> = strict.map(ToString::to_string).collect();
    if names.len() == Host::ALL.len() - 1 {
        writeln!(out, "Envoy and Tollgate load it")
    } else if names.is_empty() {
        writeln!(out, "neither Envoy nor Tollgate loads it")
    } else {
        writeln!(out, "loaded by {}", names.join(", "))
    }
}
