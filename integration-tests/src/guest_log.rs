//! Log lines of guests, as both proxies print them.

/// One line that a guest has logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestLine {
    /// `info`, `warn`, `error`; Envoy's `critical` counts as an error.
    pub level: &'static str,
    /// Plugin name, root id and `vm_id`, as far as the context has them.
    pub prefix: String,
    /// The guest's own words.
    pub message: String,
}

const MARK: &str = "wasm log";

impl GuestLine {
    /// Reads a line of a proxy's output; `None` when no guest wrote it.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (head, rest) = line.split_once(MARK)?;
        let (prefix, message) = rest
            .split_once(": ")
            .or_else(|| Some((rest.strip_suffix(':')?, "")))?;
        Some(Self {
            level: level(head)?,
            prefix: prefix.trim().to_owned(),
            message: message.to_owned(),
        })
    }

    /// Whether the line is from a plugin, by name or root id.
    #[must_use]
    pub fn is_from(&self, plugin: &str) -> bool {
        self.prefix.split(' ').any(|word| word == plugin)
    }
}

/// Finds the level's word among what stands before a message.
fn level(head: &str) -> Option<&'static str> {
    head.split(|c: char| !c.is_ascii_alphabetic())
        .find_map(|word| {
            Some(match word.to_ascii_lowercase().as_str() {
                "trace" => "trace",
                "debug" => "debug",
                "info" => "info",
                "warn" | "warning" => "warn",
                "error" | "critical" => "error",
                _ => return None,
            })
        })
}
