//! All statements, section by section.
//!
//! A section is a folder; its `mod.rs` joins the lists of its files.

mod buffer;
mod callout;
mod callout_text;
mod fault;
mod header_map;
mod life_cycle;
mod loading;
mod memory;
mod observation;
mod property;
mod shared;
mod stream;
mod tcp;
mod wasi;

use crate::statement::Statement;

/// Statements about one thing.
#[derive(Debug)]
pub struct Section {
    /// What the ids begin with, such as `HM`.
    pub prefix: &'static str,
    /// What the statements are about.
    pub title: &'static str,
    /// How many statements the section has.
    pub count: usize,
    lists: &'static [&'static [Statement]],
}

impl Section {
    /// The statements that there are, in the order of their ids.
    #[must_use]
    pub fn statements(&self) -> Vec<&'static Statement> {
        let mut statements: Vec<_> = self.lists.iter().copied().flatten().collect();
        statements.sort_by_key(|statement| statement.id);
        statements
    }
}

/// All sections.
pub const SECTIONS: &[Section] = &[
    Section {
        prefix: "LD",
        title: "Loading",
        count: 26,
        lists: loading::LISTS,
    },
    Section {
        prefix: "WA",
        title: "WASI",
        count: 14,
        lists: wasi::LISTS,
    },
    Section {
        prefix: "ME",
        title: "Memory and serialized maps",
        count: 14,
        lists: memory::LISTS,
    },
    Section {
        prefix: "LC",
        title: "Life cycle",
        count: 25,
        lists: life_cycle::LISTS,
    },
    Section {
        prefix: "HM",
        title: "Header maps",
        count: 22,
        lists: header_map::LISTS,
    },
    Section {
        prefix: "BU",
        title: "Buffers",
        count: 19,
        lists: buffer::LISTS,
    },
    Section {
        prefix: "PR",
        title: "Properties",
        count: 21,
        lists: property::LISTS,
    },
    Section {
        prefix: "ST",
        title: "Stream control and local responses",
        count: 22,
        lists: stream::LISTS,
    },
    Section {
        prefix: "CO",
        title: "Callouts",
        count: 23,
        lists: callout::LISTS,
    },
    Section {
        prefix: "SM",
        title: "Shared data, queues, metrics, logs, foreign functions",
        count: 21,
        lists: shared::LISTS,
    },
    Section {
        prefix: "TC",
        title: "TCP",
        count: 7,
        lists: tcp::LISTS,
    },
    Section {
        prefix: "FA",
        title: "Failure and capabilities",
        count: 18,
        lists: fault::LISTS,
    },
];

/// All statements that there are.
pub fn all() -> impl Iterator<Item = &'static Statement> {
    SECTIONS.iter().flat_map(Section::statements)
}

/// The ids of statements that a complete suite has and this one lacks.
#[must_use]
pub fn missing() -> Vec<String> {
    let known: Vec<_> = all().map(|statement| statement.id).collect();
    expected_ids()
        .into_iter()
        .filter(|id| !known.contains(&id.as_str()))
        .collect()
}

/// What is wrong with the ids that there are: doubles, and such that no section counts.
#[must_use]
pub fn misnamed() -> Vec<&'static str> {
    let expected = expected_ids();
    let known: Vec<_> = all().map(|statement| statement.id).collect();
    let is_double = |id| known.iter().filter(|known| **known == id).count() > 1;
    let is_unknown = |id: &str| !expected.iter().any(|expected| expected == id);
    known
        .iter()
        .copied()
        .filter(|id| is_double(*id) || is_unknown(id))
        .collect()
}

fn expected_ids() -> Vec<String> {
    SECTIONS
        .iter()
        .flat_map(|section| (1..=section.count).map(|n| format!("{}-{n:02}", section.prefix)))
        .collect()
}
