//! Header changes that routes ask for, compiled once.

use std::cell::RefCell;

use tollgate_config::{HeaderAppendAction, HeaderMutation};

use super::format::{FormatError, Formatter};
use crate::filter::{HeaderTable, StreamState};

/// The header changes of several scopes, applied one scope after the other.
#[derive(Debug, Default)]
pub(crate) struct HeaderMutations(Vec<ScopeMutations>);

/// The changes of one scope: removals, then additions.
#[derive(Debug)]
struct ScopeMutations {
    remove: Vec<String>,
    add: Vec<Addition>,
}

#[derive(Debug)]
struct Addition {
    name: String,
    value: Formatter,
    action: HeaderAppendAction,
}

/// A header value that is not a format.
#[derive(Debug, thiserror::Error)]
#[error("header `{name}`: {source}")]
pub(crate) struct HeaderMutationError {
    name: String,
    source: FormatError,
}

impl HeaderMutations {
    /// Returns the changes of some scopes in the order in which they are applied.
    ///
    /// # Errors
    ///
    /// When a value has a `%COMMAND%` that does not exist.
    pub(crate) fn new(scopes: &[&HeaderMutation]) -> Result<Self, HeaderMutationError> {
        let scopes = scopes.iter().copied();
        let used = scopes.filter(|scope| !scope.remove.is_empty() || !scope.add.is_empty());
        used.map(ScopeMutations::new)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns whether there are no changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes a header table, which may be one of the stream's own.
    pub(crate) fn apply(&self, state: &StreamState, headers: &RefCell<HeaderTable>) {
        for scope in &self.0 {
            scope.remove_from(&mut headers.borrow_mut());
            let values = scope.values(state);
            scope.add_to(&mut headers.borrow_mut(), values);
        }
    }

    /// Changes the stream's response headers, if there are any.
    pub(crate) fn apply_to_response(&self, state: &StreamState) {
        for scope in &self.0 {
            if let Some(headers) = state.response_headers.borrow_mut().as_mut() {
                scope.remove_from(headers);
            }
            let values = scope.values(state);
            if let Some(headers) = state.response_headers.borrow_mut().as_mut() {
                scope.add_to(headers, values);
            }
        }
    }
}

impl ScopeMutations {
    fn new(mutation: &HeaderMutation) -> Result<Self, HeaderMutationError> {
        let additions = mutation.add.iter().map(|(name, value, action)| {
            let value =
                Formatter::parse_omitting_empty(value).map_err(|source| HeaderMutationError {
                    name: name.clone(),
                    source,
                })?;
            Ok(Addition {
                name: name.clone(),
                value,
                action: *action,
            })
        });
        Ok(Self {
            remove: mutation.remove.clone(),
            add: additions.collect::<Result<_, _>>()?,
        })
    }

    fn remove_from(&self, headers: &mut HeaderTable) {
        self.remove
            .iter()
            .for_each(|name| headers.remove(name.as_bytes()));
    }

    /// All values are made before any header is set: none sees another's.
    fn values(&self, state: &StreamState) -> Vec<Vec<u8>> {
        self.add
            .iter()
            .map(|addition| addition.value.to_bytes(state))
            .collect()
    }

    /// Replacements come first, then additions; an empty value changes nothing.
    fn add_to(&self, headers: &mut HeaderTable, values: Vec<Vec<u8>>) {
        let mut added = Vec::with_capacity(values.len());
        for (addition, value) in self.add.iter().zip(values) {
            let name = addition.name.as_bytes();
            let exists = headers.contains(&addition.name);
            if value.is_empty() {
                continue;
            }
            match (addition.action, exists) {
                (HeaderAppendAction::AppendIfExistsOrAdd, _)
                | (HeaderAppendAction::AddIfAbsent, false) => added.push((name, value)),
                (HeaderAppendAction::OverwriteIfExistsOrAdd, _)
                | (HeaderAppendAction::OverwriteIfExists, true) => headers.replace(name, &value),
                (HeaderAppendAction::AddIfAbsent, true)
                | (HeaderAppendAction::OverwriteIfExists, false) => {}
            }
        }
        for (name, value) in added {
            headers.add(name, &value);
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_config::HeaderAppendAction::{
        AddIfAbsent, AppendIfExistsOrAdd, OverwriteIfExists, OverwriteIfExistsOrAdd,
    };

    use super::*;
    use crate::route::tests::{request, state, table};

    type Add = (&'static str, &'static str, HeaderAppendAction);

    fn mutation(remove: &[&str], add: &[Add]) -> HeaderMutation {
        HeaderMutation {
            remove: remove.iter().map(|name| (*name).to_owned()).collect(),
            add: add
                .iter()
                .map(|(name, value, action)| ((*name).to_owned(), (*value).to_owned(), *action))
                .collect(),
        }
    }

    fn applied(mutations: &[&HeaderMutation], name: &str) -> Option<String> {
        let request = request("a", "/p", &[("x-old", "1")]);
        let state = state(&table(Vec::new()), request);
        HeaderMutations::new(mutations)
            .unwrap()
            .apply(&state, &state.request_headers);
        let joined = state.request_headers.borrow().get_joined(name);
        joined.map(|value| String::from_utf8(value).unwrap())
    }

    #[test]
    fn each_way_of_adding_does_what_it_says() {
        for (action, old, new) in [
            (AppendIfExistsOrAdd, Some("1,2"), Some("2")),
            (AddIfAbsent, Some("1"), Some("2")),
            (OverwriteIfExistsOrAdd, Some("2"), Some("2")),
            (OverwriteIfExists, Some("2"), None),
        ] {
            let onto_old = applied(&[&mutation(&[], &[("x-old", "2", action)])], "x-old");
            assert_eq!(onto_old.as_deref(), old, "{action:?}");
            let onto_new = applied(&[&mutation(&[], &[("x-new", "2", action)])], "x-new");
            assert_eq!(onto_new.as_deref(), new, "{action:?}");
        }
    }

    #[test]
    fn removal_comes_before_addition() {
        let change = mutation(&["x-old"], &[("x-old", "2", AppendIfExistsOrAdd)]);
        assert_eq!(applied(&[&change], "x-old").as_deref(), Some("2"));
    }

    #[test]
    fn an_empty_value_adds_nothing() {
        let change = mutation(&[], &[("x-new", "%REQ(none)%", AppendIfExistsOrAdd)]);
        assert_eq!(applied(&[&change], "x-new"), None);
    }

    #[test]
    fn values_of_one_scope_do_not_see_each_other_but_those_before() {
        let first = mutation(
            &[],
            &[
                ("x-old", "2", OverwriteIfExistsOrAdd),
                ("x-copy", "%REQ(x-old)%", AddIfAbsent),
            ],
        );
        assert_eq!(applied(&[&first], "x-copy").as_deref(), Some("1"));
        let second = mutation(&[], &[("x-late", "%REQ(x-old)%", AddIfAbsent)]);
        assert_eq!(applied(&[&first, &second], "x-late").as_deref(), Some("2"));
    }
}
