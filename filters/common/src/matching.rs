//! Which requests a rule is for.

use serde::Deserialize;

use crate::path;
use crate::{HeaderName, Request, RequestHead, Template, Token};

/// Conditions on a request. All that are given have to hold; none given fits every request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
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

impl Match {
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
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
        let is_legal = |c: char| c.is_ascii_graphic() && !"*/?#@".contains(c);
        if host.is_empty() || has_port || host.ends_with('.') || !host.chars().all(is_legal) {
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathMatch {
    /// The whole path.
    Exact(LiteralPath),
    /// The beginning of the path, as a string: `/api` fits `/apis` too, `/api/` does not.
    Prefix(LiteralPath),
    /// The form of the path.
    Template(Template),
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LiteralPath(String);

impl TryFrom<String> for LiteralPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("must begin with `/`".into());
        }
        let normal = String::from_utf8_lossy(&path::normalize(text.as_bytes())).into_owned();
        if normal == text {
            Ok(Self(text))
        } else {
            Err(format!(
                "is compared with normalized paths: write `{normal}`"
            ))
        }
    }
}

/// A condition on a header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawHeaderMatch")]
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHeaderMatch {
    name: HeaderName,
    exact: Option<String>,
    prefix: Option<String>,
    suffix: Option<String>,
    contains: Option<String>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    invert: bool,
}

impl TryFrom<RawHeaderMatch> for HeaderMatch {
    type Error = &'static str;

    fn try_from(raw: RawHeaderMatch) -> Result<Self, Self::Error> {
        let given = [
            raw.exact.map(Condition::Exact),
            raw.prefix.map(Condition::Prefix),
            raw.suffix.map(Condition::Suffix),
            raw.contains.map(Condition::Contains),
        ];
        let mut given = given.into_iter().flatten();
        let condition = given.next().unwrap_or(Condition::Present);
        if given.next().is_some() {
            return Err("takes one of `exact`, `prefix`, `suffix` and `contains`");
        }
        Ok(Self {
            name: raw.name,
            condition: if raw.ignore_case {
                condition.to_lower_case()
            } else {
                condition
            },
            ignore_case: raw.ignore_case,
            invert: raw.invert,
        })
    }
}

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
