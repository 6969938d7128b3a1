//! Changes to a `HeaderTable`, as a guest makes them.

use http::header::{Entry, HeaderName, HeaderValue};

use super::names::{header_name, with_header_name};
use super::{HeaderTable, HostField};
use crate::filter::pseudo_header::{PseudoHeader, PseudoValue};

impl HeaderTable {
    /// Adds an entry. A header that can occur only once is joined with a comma instead.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        if let Some(pseudo) = self.pseudo_header(name) {
            self.add_pseudo(pseudo, value);
            return;
        }
        let (Some(field), Ok(new)) = (header_name(name), HeaderValue::from_bytes(value)) else {
            self.illegal.push((name.into(), value.into()));
            return;
        };
        let inline = self.is_inline(field.as_str());
        match self.fields.entry(field) {
            Entry::Occupied(mut entry) if inline => {
                let joined = join(entry.get().as_bytes(), value);
                if let Ok(joined) = HeaderValue::from_bytes(&joined) {
                    entry.insert(joined);
                }
            }
            Entry::Occupied(mut entry) => entry.append(new),
            Entry::Vacant(entry) => {
                entry.insert(new);
            }
        }
    }

    /// Removes all entries of that name and adds one.
    pub(crate) fn replace(&mut self, name: &[u8], value: &[u8]) {
        if let Some(pseudo) = self.pseudo_header(name) {
            self.set_pseudo(pseudo, PseudoValue::parse(pseudo, value));
            return;
        }
        self.forget_illegal(name);
        match (header_name(name), HeaderValue::from_bytes(value)) {
            (Some(field), Ok(new)) => {
                self.fields.insert(field, new);
            }
            (field, _) => {
                if let Some(field) = field {
                    self.fields.remove(field);
                }
                self.illegal.push((name.into(), value.into()));
            }
        }
    }

    /// Removes all entries of that name.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        if let Some(pseudo) = self.pseudo_header(name) {
            self.pseudo_changes(pseudo);
            self.pseudo.retain(|(other, _)| *other != pseudo);
            return;
        }
        self.forget_illegal(name);
        with_header_name(name, |name| name.and_then(|name| self.fields.remove(name)));
    }

    /// Removes everything, then adds these entries.
    pub(crate) fn set(&mut self, entries: &[(&[u8], &[u8])]) {
        self.pseudo.clear();
        self.fields.clear();
        self.host = HostField::Absent;
        self.illegal.clear();
        for (name, value) in entries {
            self.add(name, value);
        }
    }

    fn add_pseudo(&mut self, pseudo: PseudoHeader, value: &[u8]) {
        let joined = match self.pseudo_value(pseudo) {
            Some(old) => PseudoValue::parse(pseudo, &join(old.as_bytes(), value)),
            None => PseudoValue::parse(pseudo, value),
        };
        self.set_pseudo(pseudo, joined);
    }

    fn forget_illegal(&mut self, name: &[u8]) {
        if !self.illegal.is_empty() {
            self.illegal.retain(|(other, _)| **other != *name);
        }
    }

    /// Joins what arrived as several headers and may be only one.
    pub(super) fn join_repeated_inline_headers(&mut self) {
        let repeated: Vec<HeaderName> = self
            .fields
            .keys()
            .filter(|name| self.is_inline(name.as_str()))
            .filter(|name| self.fields.get_all(*name).iter().nth(1).is_some())
            .cloned()
            .collect();
        for name in repeated {
            let values: Vec<&[u8]> = self
                .fields
                .get_all(&name)
                .iter()
                .map(HeaderValue::as_bytes)
                .collect();
            // Values of legal headers joined with a comma are legal.
            if let Ok(value) = HeaderValue::from_bytes(&values.join(b",".as_slice())) {
                self.fields.insert(name, value);
            }
        }
    }
}

/// Joins as Envoy appends to a header: nothing is added for an empty value, and no comma after one.
fn join(old: &[u8], new: &[u8]) -> Vec<u8> {
    match (old.is_empty(), new.is_empty()) {
        (_, true) => old.to_vec(),
        (true, false) => new.to_vec(),
        (false, false) => [old, new].join(b",".as_slice()),
    }
}
