//! `FilterState`: values that filters share by name, for a stream or for a whole connection.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use smallvec::SmallVec;
use tollgate_abi::Status;

/// So many values a stream has mostly, if any.
const USUAL_OBJECTS: usize = 2;
/// Most values of one stream, and of one connection.
const MAX_OBJECTS: usize = 1000;
/// Most bytes of names and values of one stream, and of one connection.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A value in a filter state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StateObject {
    /// The value.
    pub(crate) value: Bytes,
    /// What its bytes are.
    pub(crate) kind: ObjectKind,
    /// Whether it stays as it is.
    pub(crate) read_only: bool,
}

/// What the bytes of a value are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    /// Bytes or text.
    #[default]
    Plain,
    /// A flat buffer of a binary schema.
    FlatBuffer(Bytes),
    /// A protobuf message by its type URL.
    Message(Bytes),
}

/// Whose state a value belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateScope {
    /// One stream.
    Stream,
    /// The connection and every stream on it.
    Connection,
}

/// The values of a stream; those of its connection are seen through it.
#[derive(Debug, Default)]
pub(crate) struct FilterState {
    own: Objects,
    connection: Rc<ConnectionState>,
}

/// The values of a connection, which outlive its streams.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState(Objects);

/// A list, as few values are set on a stream and most streams have none.
#[derive(Debug, Default)]
struct Objects(RefCell<Vec<Named>>);

/// A value under its name, which is short.
type Named = (SmallVec<[u8; 32]>, StateObject);

impl FilterState {
    /// Returns the state of a new stream on a connection.
    pub(crate) fn on(connection: &Rc<ConnectionState>) -> Self {
        Self {
            own: Objects::default(),
            connection: Rc::clone(connection),
        }
    }

    /// Returns a value.
    pub(crate) fn get(&self, name: &[u8]) -> Option<StateObject> {
        let own = self.own.get(name);
        own.or_else(|| self.connection.0.get(name))
    }

    /// Sets the value of an object that exists, or makes it.
    ///
    /// # Errors
    ///
    /// `BadArgument` when it is read-only, `InternalFailure` when there is no room for it.
    pub(crate) fn set(
        &self,
        name: &[u8],
        new: StateObject,
        scope: StateScope,
    ) -> Result<(), Status> {
        for objects in [&self.own, &self.connection.0] {
            if let Some(changed) = objects.change(name, &new.value) {
                return changed;
            }
        }
        match scope {
            StateScope::Stream => self.own.add(name, new),
            StateScope::Connection => self.connection.0.add(name, new),
        }
    }
}

impl Objects {
    fn get(&self, name: &[u8]) -> Option<StateObject> {
        let objects = self.0.borrow();
        let found = objects.iter().find(|(known, _)| **known == *name);
        found.map(|(_, object)| object.clone())
    }

    /// Sets the value of an object; `None` when there is none of that name.
    fn change(&self, name: &[u8], value: &Bytes) -> Option<Result<(), Status>> {
        let mut objects = self.0.borrow_mut();
        let place = objects.iter().position(|(known, _)| **known == *name)?;
        let room = check_room(&objects, name, value, false);
        let (_, object) = objects.get_mut(place)?;
        if object.read_only {
            return Some(Err(Status::BadArgument));
        }
        Some(room.map(|()| object.value = value.clone()))
    }

    fn add(&self, name: &[u8], new: StateObject) -> Result<(), Status> {
        let mut objects = self.0.borrow_mut();
        check_room(&objects, name, &new.value, true)?;
        if objects.capacity() == 0 {
            // At once, for growing goes a longer way.
            *objects = Vec::with_capacity(USUAL_OBJECTS);
        }
        objects.push((SmallVec::from_slice(name), new));
        Ok(())
    }
}

/// Counts the bytes anew each time, which costs nothing while there are few values.
fn check_room(objects: &[Named], name: &[u8], value: &[u8], is_new: bool) -> Result<(), Status> {
    let others = objects.iter().filter(|(known, _)| **known != *name);
    let bytes: usize = others.map(|(name, one)| name.len() + one.value.len()).sum();
    let is_full = is_new && objects.len() >= MAX_OBJECTS;
    if is_full || bytes + name.len() + value.len() > MAX_BYTES {
        return Err(Status::InternalFailure);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &'static str) -> StateObject {
        StateObject {
            value: Bytes::from_static(value.as_bytes()),
            ..StateObject::default()
        }
    }

    fn value(state: &FilterState, name: &str) -> Option<Bytes> {
        state.get(name.as_bytes()).map(|object| object.value)
    }

    #[test]
    fn a_value_of_the_connection_is_seen_by_later_streams_and_one_of_a_stream_is_not() {
        let connection = Rc::default();
        let first = FilterState::on(&connection);
        first.set(b"a", object("1"), StateScope::Stream).unwrap();
        first
            .set(b"b", object("2"), StateScope::Connection)
            .unwrap();
        let second = FilterState::on(&connection);
        assert_eq!(value(&second, "a"), None);
        assert_eq!(value(&second, "b"), Some(Bytes::from_static(b"2")));
    }

    #[test]
    fn a_value_is_set_where_it_is_and_keeps_what_it_was_declared_as() {
        let connection = Rc::default();
        let state = FilterState::on(&connection);
        let first = StateObject {
            kind: ObjectKind::Message(Bytes::from_static(b"x/y")),
            ..object("1")
        };
        let kind = first.kind.clone();
        state.set(b"a", first, StateScope::Connection).unwrap();
        state.set(b"a", object("2"), StateScope::Stream).unwrap();
        let now = FilterState::on(&connection).get(b"a").unwrap();
        assert_eq!((now.value.as_ref(), now.kind), (b"2".as_slice(), kind));
    }

    #[test]
    fn a_read_only_value_is_set_once() {
        let state = FilterState::default();
        let once = StateObject {
            read_only: true,
            ..object("1")
        };
        assert_eq!(state.set(b"a", once, StateScope::Stream), Ok(()));
        let again = state.set(b"a", object("2"), StateScope::Stream);
        assert_eq!(again, Err(Status::BadArgument));
        assert_eq!(value(&state, "a"), Some(Bytes::from_static(b"1")));
    }

    #[test]
    fn a_stream_holds_only_so_much() {
        let state = FilterState::default();
        for index in 0..MAX_OBJECTS {
            let name = index.to_string();
            let set = state.set(name.as_bytes(), object("v"), StateScope::Stream);
            assert_eq!(set, Ok(()));
        }
        let more = state.set(b"more", object("v"), StateScope::Stream);
        assert_eq!(more, Err(Status::InternalFailure));
        let large = StateObject {
            value: vec![0; MAX_BYTES + 1].into(),
            ..StateObject::default()
        };
        let grown = state.set(b"0", large, StateScope::Stream);
        assert_eq!(grown, Err(Status::InternalFailure));
    }
}
