//! Values with their paths, and how types are read from them.

use super::{Fault, Value};

/// What can be read from a configuration.
pub trait FromJson: Sized {
    /// Reads the value and checks it.
    ///
    /// # Errors
    ///
    /// With the path of what is wrong.
    fn from_json(node: &Node<'_>) -> Result<Self, Fault>;
}

/// A value of a configuration, and where it stands.
#[derive(Clone, Copy)]
pub struct Node<'n> {
    value: &'n Value,
    place: Place<'n>,
}

/// The path is written down only when something is wrong there.
#[derive(Clone, Copy)]
enum Place<'n> {
    Root,
    Member(&'n Self, &'n str),
    Element(&'n Self, usize),
}

impl Place<'_> {
    fn path(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => {
                let mut path = parent.path();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                path
            }
            Self::Element(parent, index) => format!("{}[{index}]", parent.path()),
        }
    }

    #[inline(never)]
    fn fault(&self, reason: &str) -> Fault {
        Fault::at(self.path(), reason)
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The value may be a secret.
        f.write_str(&self.place.path())
    }
}

impl<'n> Node<'n> {
    pub(super) fn root(value: &'n Value) -> Self {
        let place = Place::Root;
        Self { value, place }
    }

    /// Says what is wrong with this value.
    #[must_use]
    pub fn fault(&self, reason: &str) -> Fault {
        self.place.fault(reason)
    }

    /// Says whether the value is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }

    /// Says whether the value is a string.
    #[must_use]
    pub fn is_string(&self) -> bool {
        matches!(self.value, Value::String(_))
    }

    /// Returns the text of a string.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[inline(never)]
    pub fn text(&self) -> Result<&'n str, Fault> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.unexpected("a string")),
        }
    }

    /// Reads a string that its type checks.
    ///
    /// # Errors
    ///
    /// When it is no string, or not one that the type takes.
    pub fn checked<T: TryFrom<String, Error = String>>(&self) -> Result<T, Fault> {
        let text = String::from_json(self)?;
        T::try_from(text).map_err(|reason| self.fault(&reason))
    }

    /// Returns an object, all of whose members are among these.
    ///
    /// # Errors
    ///
    /// When it is no object, or has another member: most likely it is misspelt.
    pub fn object<'s>(&'s self, members: &[&str]) -> Result<Object<'s>, Fault> {
        let Value::Object(own) = self.value else {
            return Err(self.unexpected("an object"));
        };
        for (name, _) in own {
            if !members.contains(&name.as_str()) {
                let place = Place::Member(&self.place, name);
                return Err(place.fault(&unknown_field(members)));
            }
        }
        Ok(Object {
            members: own,
            place: &self.place,
        })
    }

    /// Returns the elements of an array.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[inline(never)]
    pub fn elements(&self) -> Result<Vec<Node<'_>>, Fault> {
        let Value::Array(elements) = self.value else {
            return Err(self.unexpected("an array"));
        };
        let mut nodes = Vec::with_capacity(elements.len());
        for (index, value) in elements.iter().enumerate() {
            let place = Place::Element(&self.place, index);
            nodes.push(Node { value, place });
        }
        Ok(nodes)
    }

    #[inline(never)]
    fn unexpected(&self, expected: &str) -> Fault {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.fault(&format!("expected {expected}, found {found}"))
    }
}

fn unknown_field(members: &[&str]) -> String {
    let mut reason = String::from("unknown field, expected one of");
    let mut separator = " `";
    for member in members {
        reason.push_str(separator);
        reason.push_str(member);
        separator = "`, `";
    }
    reason.push('`');
    reason
}

/// An object of a configuration.
#[derive(Clone, Copy)]
pub struct Object<'n> {
    members: &'n [(String, Value)],
    place: &'n Place<'n>,
}

impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place.path())
    }
}

impl<'n> Object<'n> {
    /// Returns a member, if it is there.
    #[must_use]
    #[inline(never)]
    pub fn member(&self, name: &str) -> Option<Node<'n>> {
        let (name, value) = self.members.iter().find(|(own, _)| own == name)?;
        let place = Place::Member(self.place, name);
        Some(Node { value, place })
    }

    /// Returns a member that has to be there.
    ///
    /// # Errors
    ///
    /// When it is missing.
    #[inline(never)]
    pub fn needed(&self, name: &str) -> Result<Node<'n>, Fault> {
        self.member(name)
            .ok_or_else(|| Place::Member(self.place, name).fault("is missing"))
    }

    /// Returns the only member, as its name and value.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one.
    pub fn only(&self) -> Result<(&'n str, Node<'n>), Fault> {
        match self.members {
            [(name, value)] => {
                let place = Place::Member(self.place, name);
                Ok((name, Node { value, place }))
            }
            _ => Err(self.place.fault("takes exactly one field")),
        }
    }

    /// Reads a member that has to be there.
    ///
    /// # Errors
    ///
    /// When it is missing or wrong.
    pub fn required<T: FromJson>(&self, name: &str) -> Result<T, Fault> {
        T::from_json(&self.needed(name)?)
    }

    /// Reads a member that may be left out; `null` is a value like any other.
    ///
    /// # Errors
    ///
    /// When it is wrong.
    pub fn optional<T: FromJson>(&self, name: &str) -> Result<Option<T>, Fault> {
        match self.member(name) {
            Some(node) => T::from_json(&node).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a member that has a default.
    ///
    /// # Errors
    ///
    /// When it is wrong.
    pub fn or<T: FromJson>(&self, name: &str, default: T) -> Result<T, Fault> {
        Ok(self.optional(name)?.unwrap_or(default))
    }
}

impl FromJson for bool {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        match node.value {
            Value::Bool(flag) => Ok(*flag),
            _ => Err(node.unexpected("true or false")),
        }
    }
}

impl FromJson for String {
    #[inline(never)]
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.text().map(str::to_owned)
    }
}

impl FromJson for u64 {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        match node.value {
            Value::Number(text) => text
                .parse()
                .map_err(|_| node.fault(&format!("expected a whole number, found {text}"))),
            _ => Err(node.unexpected("a number")),
        }
    }
}

impl FromJson for u32 {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let number = u64::from_json(node)?;
        Self::try_from(number).map_err(|_| node.fault(&format!("must be at most {}", Self::MAX)))
    }
}

/// `null` is none.
impl<T: FromJson> FromJson for Option<T> {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        match node.value {
            Value::Null => Ok(None),
            _ => T::from_json(node).map(Some),
        }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let elements = node.elements()?;
        let mut values = Self::with_capacity(elements.len());
        for element in &elements {
            values.push(T::from_json(element)?);
        }
        Ok(values)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
