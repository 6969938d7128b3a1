//! Path templates: `/users/{id}/orders`.

use crate::json::{Fault, FromJson, Node};

/// A path whose segments are given or named: `{id}` stands for one segment that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter(String),
}

impl Template {
    /// Says whether the normalized path has this form.
    pub fn matches(&self, path: &[u8]) -> bool {
        let mut values = segments(path);
        let fits = self.0.iter().all(|segment| match (segment, values.next()) {
            (Segment::Literal(literal), Some(value)) => value == literal.as_bytes(),
            (Segment::Parameter(_), Some(value)) => !value.is_empty(),
            (_, None) => false,
        });
        fits && values.next().is_none()
    }

    /// Returns the segment that stands for the parameter, when the normalized path matches.
    pub fn parameter<'p>(&self, path: &'p [u8], name: &str) -> Option<&'p [u8]> {
        let named = |segment: &Segment| matches!(segment, Segment::Parameter(own) if own == name);
        let index = self.0.iter().position(named)?;
        if self.matches(path) {
            segments(path).nth(index)
        } else {
            None
        }
    }

    /// Says whether the template names the parameter.
    pub fn has_parameter(&self, name: &str) -> bool {
        let named = |segment: &Segment| matches!(segment, Segment::Parameter(own) if own == name);
        self.0.iter().any(named)
    }
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    path.split(|byte| *byte == b'/')
}

impl FromJson for Template {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = text.strip_prefix('/').ok_or("must begin with `/`")?;
        let mut template = Self(Vec::new());
        for part in path.split('/') {
            let segment = segment(part)?;
            if let Segment::Parameter(name) = &segment
                && template.has_parameter(name)
            {
                return Err(format!("`{{{name}}}` is there twice"));
            }
            template.0.push(segment);
        }
        Ok(template)
    }
}

fn segment(part: &str) -> Result<Segment, String> {
    let name = part
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    match name {
        Some(name) if is_identifier(name) => Ok(Segment::Parameter(name.to_owned())),
        None if is_literal(part) => Ok(Segment::Literal(part.to_owned())),
        _ => Err(format!(
            "`{part}` is neither a plain segment nor `{{name}}`"
        )),
    }
}

fn is_literal(part: &str) -> bool {
    !part.bytes().any(|byte| b"{}?#%*\\".contains(&byte)) && part != "." && part != ".."
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::Template;

    fn template(text: &str) -> Template {
        Template::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_parameter_stands_for_one_whole_segment() {
        let template = template("/users/{id}/orders");
        assert!(template.matches(b"/users/7/orders"));
        for path in [
            "/users//orders",
            "/users/7",
            "/users/7/orders/",
            "/users/7/8/orders",
            "users",
        ] {
            assert!(!template.matches(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn the_value_of_a_parameter_is_its_segment() {
        let template = template("/{tenant}/users/{id}");
        assert_eq!(
            template.parameter(b"/acme/users/7", "id"),
            Some(b"7".as_slice())
        );
        assert_eq!(template.parameter(b"/acme/users/7", "other"), None);
        assert_eq!(template.parameter(b"/acme/posts/7", "id"), None);
    }

    #[test]
    fn unclear_templates_are_refused() {
        for text in [
            "", "a/{id}", "/a{id}", "/{}", "/{a}/{a}", "/{a b}", "/a?b", "/*", "/..",
        ] {
            assert!(Template::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
