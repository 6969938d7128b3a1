//! `Fields`: a map of the file, whose entries are asked for by name; what nobody asks for is an
//! error.

use std::collections::BTreeMap;

use crate::report::Report;
use crate::schema::{hint, join};
use crate::yaml::{Data, Entry, Node};

pub(super) struct Fields<'a> {
    path: String,
    entries: &'a [Entry],
    asked: Vec<&'static str>,
    report: &'a Report,
}

impl<'a> Fields<'a> {
    pub(super) fn new(node: &'a Node, path: String, report: &'a Report) -> Self {
        let entries = match &node.data {
            Data::Map(entries) => entries.as_slice(),
            Data::Null => &[],
            other => {
                let reason = format!("expected a map of fields, not {}", other.kind());
                report.error_at(node.line, &path, reason);
                &[]
            }
        };
        Self {
            path,
            entries,
            asked: Vec::new(),
            report,
        }
    }

    /// Returns a scalar, if it is set and good.
    pub(super) fn value<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Data) -> Result<T, String>,
    ) -> Option<T> {
        let entry = self.find(name)?;
        match read(&entry.value.data) {
            Ok(value) => Some(value),
            Err(reason) => {
                let line = entry.value.line;
                self.report.error_at(line, &join(&self.path, name), reason);
                None
            }
        }
    }

    /// Returns what `read` makes of the fields below a name; none are set if the name is not.
    pub(super) fn group<T: Default>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.optional_group(name, read).unwrap_or_default()
    }

    /// Returns what `read` makes of the fields below a name, if it is set.
    pub(super) fn optional_group<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let entry = self.find(name)?;
        let mut fields = Self::new(&entry.value, join(&self.path, name), self.report);
        let group = read(&mut fields);
        fields.finish();
        Some(group)
    }

    /// Returns the entries below a name, whose keys are the operator's.
    pub(super) fn map<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&Entry, Self) -> T,
    ) -> BTreeMap<String, T> {
        let Some(entry) = self.find(name) else {
            return BTreeMap::new();
        };
        let path = join(&self.path, name);
        let fields = Self::new(&entry.value, path, self.report);
        let items = fields.entries.iter().map(|item| {
            let path = format!("{}[\"{}\"]", fields.path, item.key);
            let value = read(item, Self::new(&item.value, path, self.report));
            (item.key.clone(), value)
        });
        items.collect()
    }

    /// Reports that a field, although known, has no place here.
    pub(super) fn refuse(&mut self, name: &'static str, reason: &str) {
        if let Some(entry) = self.find(name) {
            let path = join(&self.path, name);
            self.report.error_at(entry.line, &path, reason);
        }
    }

    /// Reports the entries that were not asked for.
    pub(super) fn finish(self) {
        for entry in self.entries {
            if !self.asked.iter().any(|name| *name == entry.key) {
                let hint = hint(&entry.key, &self.asked);
                let path = join(&self.path, &entry.key);
                let reason = format!("no such setting{hint}");
                self.report.error_at(entry.line, &path, reason);
            }
        }
    }

    fn find(&mut self, name: &'static str) -> Option<&'a Entry> {
        self.asked.push(name);
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        (!matches!(entry.value.data, Data::Null)).then_some(entry)
    }
}
