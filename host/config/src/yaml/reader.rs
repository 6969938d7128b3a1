//! Builds the tree from parser events; anchors are shared, not copied.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Data, Entry, Node, scalar};

/// Nesting allowed; protobuf's own JSON reader stops at 100.
const MAX_DEPTH: usize = 100;
/// Values allowed once aliases are followed, so that a few lines cannot stand for billions.
const MAX_VALUES: usize = 1_000_000;

/// A file as read.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Rc<Node>,
    /// What was read but has no effect.
    pub(crate) remarks: Vec<Fault>,
}

/// A line and what is wrong with its text.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

/// Which words unquoted scalars are made of. Envoy decides by the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Yaml,
    Json,
}

impl Syntax {
    /// Returns the syntax of a file: `.json` is JSON, everything else YAML.
    pub(crate) fn of(file_name: &str) -> Self {
        if file_name.to_ascii_lowercase().ends_with(".json") {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}

/// Reads the first document of `text`, as Envoy does.
pub(crate) fn read(text: &str, syntax: Syntax) -> Result<Document, Fault> {
    let mut builder = Builder {
        syntax,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        remarks: Vec::new(),
    };
    for event in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let (event, span) = event.map_err(|error| Fault {
            line: error.marker().line(),
            reason: format!("not YAML: {}", error.info()),
        })?;
        let line = span.start.line();
        if builder.root.is_some() && matches!(event, Event::DocumentStart(_)) {
            builder.remark(line, "only the first document of the file is read");
            break;
        }
        builder.accept(event, line)?;
    }
    let root = builder.root.unwrap_or_else(|| {
        Rc::new(Node {
            line: 1,
            data: Data::Null,
        })
    });
    Ok(Document {
        root,
        remarks: builder.remarks,
    })
}

/// A finished value on its way into the collection around it.
struct Value {
    node: Rc<Node>,
    /// Values in it, itself included.
    size: usize,
    line: usize,
    /// Its text, if it can be a key.
    key: Option<String>,
    /// Tagged `!ignore`: as a key, it makes Envoy leave the entry out.
    ignored: bool,
}

struct Key {
    text: String,
    line: usize,
    ignored: bool,
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    line: usize,
    size: usize,
    content: Content,
}

enum Content {
    List(Vec<Rc<Node>>),
    Map {
        entries: Vec<Entry>,
        key: Option<Key>,
    },
}

struct Builder {
    syntax: Syntax,
    open: Vec<Open>,
    anchors: HashMap<usize, (Rc<Node>, usize)>,
    root: Option<Rc<Node>>,
    remarks: Vec<Fault>,
}

impl Builder {
    fn remark(&mut self, line: usize, reason: impl Into<String>) {
        self.remarks.push(Fault {
            line,
            reason: reason.into(),
        });
    }

    fn accept(&mut self, event: Event<'_>, line: usize) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let fault = || Fault {
                    line,
                    reason: format!("not JSON: `{text}` needs quotes"),
                };
                let data = self
                    .to_data(&text, style, tag.as_deref())
                    .ok_or_else(fault)?;
                let node = Rc::new(Node { line, data });
                let (key, ignored) = (Some(text.into_owned()), is_ignored(tag.as_deref()));
                self.finish(
                    Value {
                        node,
                        size: 1,
                        line,
                        key,
                        ignored,
                    },
                    anchor,
                )
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, line, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(
                anchor,
                line,
                Content::Map {
                    entries: Vec::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return Err(Fault {
                        line,
                        reason: "alias inside its own anchor".to_owned(),
                    });
                };
                let (node, size) = (Rc::clone(node), *size);
                let key = if let Data::Text(text) = &node.data {
                    Some(text.clone())
                } else {
                    None
                };
                self.place(Value {
                    node,
                    size,
                    line,
                    key,
                    ignored: false,
                })
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn to_data(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Option<Data> {
        match (tag, style, self.syntax) {
            (None, ScalarStyle::Plain, Syntax::Yaml) => Some(scalar::plain(text)),
            (None, ScalarStyle::Plain, Syntax::Json) => scalar::json(text),
            (None, _, _) => Some(Data::Text(text.to_owned())),
            // yaml-cpp forgets the quotes of a scalar that has a tag.
            (Some(_), _, _) => Some(scalar::untyped(text)),
        }
    }

    fn begin(&mut self, anchor: usize, line: usize, content: Content) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault {
                line,
                reason: format!("nested more than {MAX_DEPTH} deep"),
            });
        }
        self.open.push(Open {
            anchor,
            line,
            size: 1,
            content,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(Open {
            anchor,
            line,
            size,
            content,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let data = match content {
            Content::List(items) => Data::List(items),
            Content::Map { entries, .. } => Data::Map(entries),
        };
        let node = Rc::new(Node { line, data });
        self.finish(
            Value {
                node,
                size,
                line,
                key: None,
                ignored: false,
            },
            anchor,
        )
    }

    fn finish(&mut self, value: Value, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.anchors
                .insert(anchor, (Rc::clone(&value.node), value.size));
        }
        self.place(value)
    }

    fn place(&mut self, value: Value) -> Result<(), Fault> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(value.node);
            return Ok(());
        };
        open.size = open.size.saturating_add(value.size);
        if open.size > MAX_VALUES {
            let reason = format!("more than {MAX_VALUES} values, aliases followed");
            return Err(Fault {
                line: value.line,
                reason,
            });
        }
        match &mut open.content {
            Content::List(items) => items.push(value.node),
            Content::Map { entries, key } => match key.take() {
                Some(key) if key.ignored => {}
                Some(Key { text, line, .. }) => {
                    if let Some(index) = entries.iter().position(|entry| entry.key == text) {
                        entries.remove(index);
                        let reason = format!("key `{text}` appears twice; the later value is used");
                        self.remarks.push(Fault { line, reason });
                    }
                    entries.push(Entry {
                        key: text,
                        line,
                        value: value.node,
                    });
                }
                None => {
                    let fault = || Fault {
                        line: value.line,
                        reason: "a key must be text".to_owned(),
                    };
                    let text = value.key.ok_or_else(fault)?;
                    *key = Some(Key {
                        text,
                        line: value.line,
                        ignored: value.ignored,
                    });
                }
            },
        }
        Ok(())
    }
}

fn is_ignored(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.handle == "!" && tag.suffix == "ignore")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &Data) -> &str {
        let Data::Text(text) = data else {
            panic!("{data:?} is not text")
        };
        text
    }

    fn entries(data: &Data) -> &[Entry] {
        let Data::Map(entries) = data else {
            panic!("{data:?} is not a map")
        };
        entries
    }

    #[test]
    fn values_know_their_lines() {
        let document = read("a: 1\nb:\n  - x\n  - 'yes'\n", Syntax::Yaml).unwrap();
        let entries = entries(&document.root.data);
        assert_eq!(entries[1].line, 2);
        let Data::List(items) = &entries[1].value.data else {
            panic!("not a list")
        };
        assert_eq!(items[1].line, 4);
        assert_eq!(text(&items[1].data), "yes");
    }

    #[test]
    fn json_is_read_as_well() {
        let document = read("{\"a\": {\"b\": [1, true, null, \"true\"]}}", Syntax::Yaml).unwrap();
        let inner = entries(&entries(&document.root.data)[0].value.data);
        let Data::List(items) = &inner[0].value.data else {
            panic!("not a list")
        };
        let data: Vec<_> = items.iter().map(|item| &item.data).collect();
        assert_eq!(
            data,
            [
                &Data::Integer(1),
                &Data::Bool(true),
                &Data::Null,
                &Data::Text("true".to_owned())
            ]
        );
    }

    #[test]
    fn an_alias_stands_for_its_anchor() {
        let document = read("a: &x {b: c}\nd: *x\n", Syntax::Yaml).unwrap();
        let entries = entries(&document.root.data);
        assert_eq!(entries[0].value.data, entries[1].value.data);
    }

    #[test]
    fn aliases_cannot_multiply_without_end() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        let fault = read(&bomb, Syntax::Yaml).unwrap_err();
        assert!(fault.reason.contains("1000000 values"), "{}", fault.reason);
    }

    #[test]
    fn nesting_has_a_limit() {
        let fault = read(&"[".repeat(150), Syntax::Yaml).unwrap_err();
        assert_eq!(fault.reason, "nested more than 100 deep");
    }

    #[test]
    fn an_alias_within_its_own_anchor_is_refused() {
        assert!(read("a: &a [*a]", Syntax::Yaml).is_err());
    }

    #[test]
    fn a_repeated_key_is_remarked_and_the_later_value_holds() {
        let document = read("a: 1\na: 2\n", Syntax::Yaml).unwrap();
        assert_eq!(document.remarks.len(), 1);
        assert_eq!(entries(&document.root.data)[0].value.data, Data::Integer(2));
    }

    #[test]
    fn an_entry_whose_key_is_tagged_ignore_is_left_out() {
        let document = read("!ignore a: {b: 1}\nc: 2\n", Syntax::Yaml).unwrap();
        assert_eq!(entries(&document.root.data).len(), 1);
    }

    #[test]
    fn a_second_document_is_remarked() {
        let document = read("---\na: 1\n---\nb: 2\n", Syntax::Yaml).unwrap();
        assert_eq!(document.remarks[0].line, 3);
    }

    #[test]
    fn broken_yaml_names_its_line() {
        let fault = read("a: 1\nb: [1, 2\nc: 3\n", Syntax::Yaml).unwrap_err();
        assert!(fault.line >= 2, "{fault:?}");
        assert!(fault.reason.starts_with("not YAML: "), "{fault:?}");
    }
}
