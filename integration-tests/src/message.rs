//! What scenarios look at: headers and messages in a form that compares and prints well.

use http::HeaderMap;

/// Headers in alphabetical order, those of one name in the order in which they came.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

/// Values that differ from run to run; only their presence is compared.
const VARIABLE: [&str; 3] = ["date", "x-envoy-upstream-service-time", "x-request-id"];

impl Headers {
    /// Takes over a message's headers; bytes that are no ASCII are escaped.
    pub(crate) fn from_map(map: &HeaderMap) -> Self {
        let mut headers: Vec<_> = map
            .iter()
            .map(|(name, value)| {
                let name = name.as_str().to_owned();
                let value = if VARIABLE.contains(&name.as_str()) {
                    "(varies)".to_owned()
                } else {
                    readable(value.as_bytes())
                };
                (name, value)
            })
            .collect();
        headers.sort_by(|a, b| a.0.cmp(&b.0));
        Self(headers)
    }

    /// The first value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a name.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The names, each as often as it is there.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The headers without one name, for values that are each proxy's own.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, value)| (name, value)))
            .finish()
    }
}

/// Bytes as text; what is no printable ASCII is escaped.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.extend(byte.escape_ascii().map(char::from)),
        }
    }
    text
}
