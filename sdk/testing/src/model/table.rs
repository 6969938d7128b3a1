//! Table: a header map that behaves as Envoy's do, as far as filters can tell.

type Entry = (Vec<u8>, Vec<u8>);

/// Headers of which Envoy keeps one entry: a second one is joined with a comma.
const SINGLE: [&[u8]; 12] = [
    b":authority",
    b":method",
    b":path",
    b":scheme",
    b":status",
    b"accept",
    b"authorization",
    b"content-length",
    b"content-type",
    b"user-agent",
    b"x-forwarded-for",
    b"x-request-id",
];

/// A header map: pseudo-headers first, the others in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    is_request: bool,
}

impl Table {
    pub(crate) fn request(entries: Vec<Entry>) -> Self {
        Self::of(entries, true)
    }

    pub(crate) fn response(entries: Vec<Entry>) -> Self {
        Self::of(entries, false)
    }

    fn of(entries: Vec<Entry>, is_request: bool) -> Self {
        let mut table = Self {
            entries: Vec::new(),
            is_request,
        };
        for (name, value) in entries {
            table.add(&name, &value);
        }
        table
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let name = self.canonical(name);
        self.entries
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_slice())
    }

    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        let name = self.canonical(name);
        if SINGLE.contains(&name.as_slice())
            && let Some((_, old)) = self.entries.iter_mut().find(|(key, _)| *key == name)
        {
            if !value.is_empty() {
                old.push(b',');
                old.extend_from_slice(value);
            }
            return;
        }
        let place = if name.starts_with(b":") {
            self.entries
                .iter()
                .take_while(|(key, _)| key.starts_with(b":"))
                .count()
        } else {
            self.entries.len()
        };
        self.entries.insert(place, (name, value.to_vec()));
    }

    pub(crate) fn replace(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        let name = self.canonical(name);
        self.entries.retain(|(key, _)| *key != name);
    }

    pub(crate) fn set(&mut self, entries: &[(&[u8], &[u8])]) {
        self.entries.clear();
        for (name, value) in entries {
            self.add(name, value);
        }
    }

    fn canonical(&self, name: &[u8]) -> Vec<u8> {
        match name.to_ascii_lowercase() {
            host if self.is_request && host == b"host" => b":authority".to_vec(),
            name => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn entry(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
        (name.into(), value.into())
    }

    #[test]
    fn host_is_the_authority_of_a_request() {
        let mut table = Table::request(vec![entry("a", "1"), entry("Host", "x.test")]);
        assert_eq!(table.get(b":authority"), Some(b"x.test".as_slice()));
        assert_eq!(table.entries()[0].0, b":authority");
        table.replace(b"host", b"y.test");
        assert_eq!(table.get(b"HOST"), Some(b"y.test".as_slice()));
    }

    #[test]
    fn a_second_value_joins_only_where_one_entry_is_kept() {
        let mut table = Table::request(vec![entry(":path", "/a"), entry("cookie", "a=1")]);
        table.add(b":path", b"/b");
        table.add(b"cookie", b"b=2");
        assert_eq!(table.get(b":path"), Some(b"/a,/b".as_slice()));
        assert_eq!(table.entries().len(), 3);
    }
}
