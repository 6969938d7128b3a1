//! What the machine and its kernel give.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use tollgate_runtime::{Capabilities, Engine, EngineOptions};

use super::{Check, Verdict};

/// What 10,000 clients with an upstream connection each need.
const WANTED_FILES: u64 = 20_000;
/// Below this a handful of clients fills it.
const LEAST_FILES: u64 = 256;
/// Address bits below which pooled instances do not fit; as many as aarch64's smaller kernels have.
const WANTED_BITS: u32 = 42;

pub(super) fn checks() -> Vec<Check> {
    let mut checks = engine();
    checks.extend([cores(), address_space(), open_files(), envoy()]);
    checks
}

fn engine() -> Vec<Check> {
    match Engine::new(EngineOptions::default()) {
        Ok(engine) => {
            let mut checks = vec![Check::ok("wasm engine", env::consts::ARCH)];
            checks.extend(isolation(engine.capabilities()));
            checks
        }
        Err(error) => vec![Check::new(
            "wasm engine",
            Verdict::Missing("use a machine with an x86_64 or aarch64 processor"),
            error,
        )],
    }
}

/// What makes `isolation: stream` fast; it works without.
fn isolation(has: Capabilities) -> [Check; 3] {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
    let kernel = kernel.map_or_else(
        |_| env::consts::OS.to_owned(),
        |release| format!("kernel {}", release.trim()),
    );
    let check = |what, is_there: bool, advice| {
        let verdict = if is_there {
            Verdict::Ok
        } else {
            Verdict::Slower(advice)
        };
        Check::new(what, verdict, &kernel)
    };
    let pool = match has.pool_instances {
        Some(instances) => Check::ok("instance pool", instances),
        None => Check::new(
            "instance pool",
            Verdict::Slower("each stream of `isolation: stream` maps its memory anew"),
            "none, for address space is short",
        ),
    };
    [
        pool,
        check(
            "memfd",
            has.copy_on_write,
            "`isolation: stream` copies a plugin's memory here; Linux maps it",
        ),
        check(
            "PAGEMAP_SCAN",
            has.pagemap_scan,
            "`isolation: stream` resets more than has changed here; Linux 6.7 tells what has",
        ),
    ]
}

fn cores() -> Check {
    match thread::available_parallelism() {
        Ok(cores) => Check::ok("cores", format_args!("{cores}, a worker thread on each")),
        Err(error) => Check::new(
            "cores",
            Verdict::Slower("name a number by `--concurrency`"),
            error,
        ),
    }
}

fn address_space() -> Check {
    let what = "address space";
    if let Some(limit) = limit("Max address space") {
        return Check::new(
            what,
            Verdict::Slower("instances reserve much more than they use: `ulimit -v unlimited`"),
            format_args!("limited to {limit} bytes"),
        );
    }
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    match virtual_bits(&info) {
        Some(bits) if bits < WANTED_BITS => Check::new(
            what,
            Verdict::Slower("fewer instances are kept ready; a kernel with 48 bits has room"),
            format_args!("{bits} bits"),
        ),
        Some(bits) => Check::ok(what, format_args!("{bits} bits")),
        None => Check::ok(what, "not limited"),
    }
}

/// Returns how many bits of an address `/proc/cpuinfo` says that a program has.
fn virtual_bits(cpuinfo: &str) -> Option<u32> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("address sizes"))?;
    let bits = line.split(',').find(|part| part.contains("virtual"))?;
    bits.split_whitespace().next()?.parse().ok()
}

fn open_files() -> Check {
    let what = "open files";
    let advice = "each client takes up to two; raise it with `ulimit -n`";
    match limit("Max open files") {
        None => Check::ok(what, "not limited"),
        Some(limit) if limit < LEAST_FILES => Check::new(what, Verdict::Missing(advice), limit),
        Some(limit) if limit < WANTED_FILES => Check::new(what, Verdict::Slower(advice), limit),
        Some(limit) => Check::ok(what, limit),
    }
}

/// Returns a soft limit of this process; `None` where there is none.
fn limit(name: &str) -> Option<u64> {
    soft_limit(&fs::read_to_string("/proc/self/limits").ok()?, name)
}

fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn envoy() -> Check {
    let program = env::var_os("ENVOY_BIN")
        .map(PathBuf::from)
        .or_else(|| on_path("envoy"));
    let Some(program) = program else {
        return Check::new(
            "envoy",
            Verdict::Absent("only to compare with it: install it, or name it by ENVOY_BIN"),
            "not on PATH",
        );
    };
    let name = program.display();
    let version = Command::new(&program).arg("--version").output();
    let text = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match text {
        Ok(text) if !text.is_empty() => Check::ok("envoy", first_line(&text)),
        Ok(_) => Check::new(
            "envoy",
            Verdict::Absent("it does not say its version; is it Envoy?"),
            name,
        ),
        Err(error) => Check::new(
            "envoy",
            Verdict::Absent("it cannot be run; name another by ENVOY_BIN"),
            format_args!("{name}: {error}"),
        ),
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let candidates = env::split_paths(&folders).map(|folder| folder.join(program));
    candidates.into_iter().find(|path| is_file(path))
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::{soft_limit, virtual_bits};

    #[test]
    fn limits_are_read_by_name() {
        let limits = "Limit      Soft Limit  Hard Limit  Units\n\
                      Max open files            1024       524288     files\n\
                      Max address space         unlimited  unlimited  bytes\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024));
        assert_eq!(soft_limit(limits, "Max address space"), None);
        assert_eq!(soft_limit(limits, "Max nothing"), None);
    }

    #[test]
    fn address_bits_are_those_of_programs() {
        let info = "flags\t: fpu\naddress sizes\t: 46 bits physical, 48 bits virtual\n";
        assert_eq!(virtual_bits(info), Some(48));
        assert_eq!(virtual_bits("flags : fpu"), None);
    }
}
