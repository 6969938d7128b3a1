//! `tollgate inspect`: what a module is, and why a host would refuse it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use tollgate_runtime::inspect::{Report, ReportItem};

use crate::error::CommandError;

/// Prints the report; the exit code is 1 when Envoy or Tollgate would refuse the module.
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
    write_report(&mut out, &report)?;
    let loads = report.refusals.is_empty() && report.envoy_refusals.is_empty();
    Ok(if loads {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn write_report(out: &mut impl Write, report: &Report) -> io::Result<()> {
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
    write_items(out, "imports", &report.imports)?;
    write_items(out, "exports", &report.exports)?;
    if !report.custom_sections.is_empty() {
        writeln!(out, "custom sections: {}", report.custom_sections.len())?;
        for section in &report.custom_sections {
            writeln!(out, "  {} ({} bytes)", section.name, section.size)?;
        }
    }
    for reason in &report.refusals {
        writeln!(out, "refused by Envoy and Tollgate: {reason}")?;
    }
    for reason in &report.envoy_refusals {
        writeln!(out, "refused by Envoy: {reason}")?;
    }
    if report.refusals.is_empty() && report.envoy_refusals.is_empty() {
        writeln!(out, "Envoy and Tollgate load it")?;
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
