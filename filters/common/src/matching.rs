//! Which requests a rule is for.

use crate::json::{Fault, FromJson, Node};

use crate::path;
use crate::{HeaderName, Request, RequestHead, Template, Token};

/// Conditions on a request. All that are given have to hold; none given fits every request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// The host of the request.
    pub host: Option<HostPattern>,
    /// The path, in normal form.
    pub path: Option<PathMatch>,
    /// The methods, of which one has to be the request's.
    pub methods: Vec<Token>,
    /// Conditions on headers, all of which have to hold.
    pub headers: Vec<HeaderMatch>,
}

impl FromJson for Match {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&["host", "path", "methods", "headers"])?;
        Ok(Self {
            host: object.optional("host")?,
            path: object.optional("path")?,
            methods: object.or("methods", Vec::new())?,
            headers: object.or("headers", Vec::new())?,
        })
    }
}

impl Match {
    /// Says whether a condition is on this header.
    #[must_use]
    pub fn reads(&self, header: &HeaderName) -> bool {
        self.headers.iter().any(|own| own.name == *header)
    }

    /// Says whether the request fits.
    ///
    /// # Errors
    ///
    /// When the head cannot be read.
    pub fn fits<H: RequestHead>(&self, request: &Request<'_, H>) -> Result<bool, H::Error> {
        if let Some(host) = &self.host
            && !host.fits(request.host()?)
        {
            return Ok(false);
        }
        if let Some(path) = &self.path
            && !path.fits(request.path()?)
        {
            return Ok(false);
        }
        if !self.methods.is_empty() {
            let method = request.method()?;
            if !self
                .methods
                .iter()
                .any(|own| own.as_str().as_bytes() == method)
            {
                return Ok(false);
            }
        }
        for header in &self.headers {
            let value = request.head().header(header.name.as_str())?;
            if !header.fits(value.as_ref().map(AsRef::as_ref)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A host, or `*.` and the end of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Exact(String),
    /// A host that ends so (the dot included) and has something before it.
    Suffix(String),
}

impl HostPattern {
    fn fits(&self, host: &[u8]) -> bool {
        match self {
            Self::Exact(own) => host == own.as_bytes(),
            Self::Suffix(end) => host.len() > end.len() && host.ends_with(end.as_bytes()),
        }
    }
}

impl FromJson for HostPattern {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let (host, is_suffix) = match text.strip_prefix("*.") {
            Some(end) => (end, true),
            None => (text.as_str(), false),
        };
        // A colon is part of a host only inside the brackets of an IPv6 address.
        let has_port = host.contains(':') && !host.ends_with(']');
        let is_legal = |byte: u8| byte.is_ascii_graphic() && !b"*/?#@".contains(&byte);
        if host.is_empty() || has_port || host.ends_with('.') || !host.bytes().all(is_legal) {
            return Err(format!(
                "`{text}` is not a host; write `api.example.com` or `*.example.com`, without port"
            ));
        }
        if is_suffix {
            Ok(Self::Suffix(format!(".{host}")))
        } else {
            Ok(Self::Exact(host.to_owned()))
        }
    }
}

/// A condition on the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatch {
    /// The whole path.
    Exact(LiteralPath),
    /// The beginning of the path, as a string: `/api` fits `/apis` too, `/api/` does not.
    Prefix(LiteralPath),
    /// The form of the path.
    Template(Template),
}

impl FromJson for PathMatch {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let (kind, value) = node.object(&["exact", "prefix", "template"])?.only()?;
        match kind {
            "exact" => LiteralPath::from_json(&value).map(Self::Exact),
            "prefix" => LiteralPath::from_json(&value).map(Self::Prefix),
            _ => Template::from_json(&value).map(Self::Template),
        }
    }
}

impl PathMatch {
    fn fits(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(own) => path == own.0.as_bytes(),
            Self::Prefix(start) => path.starts_with(start.0.as_bytes()),
            Self::Template(template) => template.matches(path),
        }
    }
}

/// A path in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteralPath(String);

impl FromJson for LiteralPath {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for LiteralPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("must begin with `/`".into());
        }
        if *path::normalize(text.as_bytes()) != *text.as_bytes() {
            return Err("must be in normal form: no query, no `//`, `.` or `..`".into());
        }
        Ok(Self(text))
    }
}

/// A condition on a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    name: HeaderName,
    condition: Condition,
    ignore_case: bool,
    invert: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Present,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
}

impl FromJson for HeaderMatch {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&[
            "name",
            "exact",
            "prefix",
            "suffix",
            "contains",
            "ignore_case",
            "invert",
        ])?;
        let mut condition = Condition::Present;
        for (kind, make) in CONDITIONS {
            let Some(text) = object.optional(kind)? else {
                continue;
            };
            if !matches!(condition, Condition::Present) {
                return Err(node.fault("takes one of `exact`, `prefix`, `suffix` and `contains`"));
            }
            condition = make(text);
        }
        let ignore_case = object.or("ignore_case", false)?;
        Ok(Self {
            name: object.required("name")?,
            condition: if ignore_case {
                condition.to_lower_case()
            } else {
                condition
            },
            ignore_case,
            invert: object.or("invert", false)?,
        })
    }
}

type MakeCondition = fn(String) -> Condition;

const CONDITIONS: [(&str, MakeCondition); 4] = [
    ("exact", Condition::Exact),
    ("prefix", Condition::Prefix),
    ("suffix", Condition::Suffix),
    ("contains", Condition::Contains),
];

impl HeaderMatch {
    fn fits(&self, value: Option<&[u8]>) -> bool {
        let holds = match value {
            Some(value) if self.ignore_case => self.condition.holds(&value.to_ascii_lowercase()),
            Some(value) => self.condition.holds(value),
            None => false,
        };
        holds != self.invert
    }
}

impl Condition {
    fn holds(&self, value: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(own) => value == own.as_bytes(),
            Self::Prefix(start) => value.starts_with(start.as_bytes()),
            Self::Suffix(end) => value.ends_with(end.as_bytes()),
            Self::Contains(part) => contains(value, part.as_bytes()),
        }
    }

    fn to_lower_case(&self) -> Self {
        match self {
            Self::Present => Self::Present,
            Self::Exact(own) => Self::Exact(own.to_ascii_lowercase()),
            Self::Prefix(start) => Self::Prefix(start.to_ascii_lowercase()),
            Self::Suffix(end) => Self::Suffix(end.to_ascii_lowercase()),
            Self::Contains(part) => Self::Contains(part.to_ascii_lowercase()),
        }
    }
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    // `windows(0)` would panic; the empty part is in every value.
    part.is_empty() || value.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
