//! `Refusal`: who refuses a module, why, and what to do.

use std::fmt;

use super::{Host, Support, SupportRow};
use crate::LoadError;
use crate::module::{self, Binary, ON_REQUEST, ON_RESTORE};

/// Why hosts refuse a module, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Who refuses it, in the order of [`Host::ALL`].
    pub hosts: Vec<Host>,
    /// What is wrong and why.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Refusal {
    /// Writes it as one line, as in `Envoy 1.36 to 1.38: reason; remedy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let envoys: Vec<_> = self.hosts.iter().filter(|host| host.is_envoy()).collect();
        let mut names = Vec::new();
        match envoys.as_slice() {
            [] => {}
            all if all.len() == Host::ENVOYS.len() => names.push("Envoy".to_owned()),
            [one] => names.push(one.to_string()),
            [first, .., last] => {
                let last = last.to_string();
                let version = last.strip_prefix("Envoy ").unwrap_or(&last);
                names.push(format!("{first} to {version}"));
            }
        }
        let others = self.hosts.iter().filter(|host| !host.is_envoy());
        names.extend(others.map(ToString::to_string));
        write!(
            f,
            "{}: {}; {}",
            names.join(" and "),
            self.reason,
            self.remedy
        )
    }
}

/// Returns what every Envoy and Tollgate refuse first, then what only some hosts do.
pub(super) fn refusals(binary: &Binary, support: &[SupportRow]) -> Vec<Refusal> {
    let strict = |error: &LoadError| {
        let is_ours = matches!(error, LoadError::ExportType { name, .. } if [ON_REQUEST, ON_RESTORE].contains(name));
        let envoys = Host::ENVOYS.iter().copied().filter(move |_| !is_ours);
        envoys.chain([Host::Tollgate]).collect()
    };
    let common = module::refusals(binary).into_iter().map(|error| Refusal {
        hosts: strict(&error),
        reason: error.reason(),
        remedy: error.remedy().unwrap_or_default().into_owned(),
    });
    let rows = support.iter();
    common.chain(rows.filter_map(of_some_hosts)).collect()
}

/// Returns the refusal of an import that not all strict hosts refuse: those are listed already.
fn of_some_hosts(row: &SupportRow) -> Option<Refusal> {
    let refusing = |host: &Host| row.on(*host).refuses();
    let is_listed = refusing(&Host::Tollgate) && Host::ENVOYS.iter().all(refusing);
    let hosts: Vec<_> = Host::ALL.iter().copied().filter(refusing).collect();
    if is_listed || hosts.is_empty() {
        return None;
    }
    let mut cells = row.cells.iter();
    let reason = if cells.any(|cell| *cell == Support::OtherType) {
        format!(
            "import {} is unknown there or declared with another type",
            row.name
        )
    } else {
        format!("import {} is unknown there", row.name)
    };
    let remedy = if hosts.contains(&Host::Envoy140) {
        "avoid the library call that needs it"
    } else if hosts.iter().any(|host| host.is_envoy()) {
        "run Envoy 1.39 or later, or avoid the library call that needs it"
    } else {
        "leave the call out of modules for that host"
    };
    Some(Refusal {
        hosts,
        reason,
        remedy: remedy.to_owned(),
    })
}
