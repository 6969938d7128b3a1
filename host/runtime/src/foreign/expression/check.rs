//! What an expression refers to: functions, which must exist, and properties, which are looked up
//! before it is evaluated.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

/// Every function: its name, whether it is called on a value, and with how many arguments.
const FUNCTIONS: &[(&str, bool, &[usize])] = &[
    ("size", false, &[1]),
    ("int", false, &[1]),
    ("uint", false, &[1]),
    ("double", false, &[1]),
    ("string", false, &[1]),
    ("bytes", false, &[1]),
    ("type", false, &[1]),
    ("dyn", false, &[1]),
    ("duration", false, &[1]),
    ("timestamp", false, &[1]),
    ("matches", false, &[2]),
    ("size", true, &[0]),
    ("contains", true, &[1]),
    ("startsWith", true, &[1]),
    ("endsWith", true, &[1]),
    ("matches", true, &[1]),
    ("getFullYear", true, &[0, 1]),
    ("getMonth", true, &[0, 1]),
    ("getDayOfYear", true, &[0, 1]),
    ("getDayOfMonth", true, &[0, 1]),
    ("getDate", true, &[0, 1]),
    ("getDayOfWeek", true, &[0, 1]),
    ("getHours", true, &[0, 1]),
    ("getMinutes", true, &[0, 1]),
    ("getSeconds", true, &[0, 1]),
    ("getMilliseconds", true, &[0, 1]),
];

const OPERATORS: &[&str] = &[
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::NOT_STRICTLY_FALSE,
    operators::IN,
];

/// A property's path, as parts.
pub(super) type Path = Vec<String>;

/// Names that an expression uses.
#[derive(Debug, Default)]
pub(super) struct References<'a> {
    /// Paths of properties, each once.
    pub(super) paths: Vec<Path>,
    /// Variables of the comprehensions around.
    scope: Vec<&'a str>,
}

impl<'a> References<'a> {
    /// Collects what an expression refers to. Recurses as deep as the expression nests.
    ///
    /// # Errors
    ///
    /// For a function or a message that does not exist.
    pub(super) fn visit(&mut self, expr: &'a IdedExpr) -> Result<(), String> {
        if let Some(path) = self.path(expr) {
            if !self.paths.contains(&path) {
                self.paths.push(path);
            }
            return Ok(());
        }
        match &expr.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => Ok(()),
            Expr::Select(select) => self.visit(&select.operand),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.elements.iter().try_for_each(|part| self.visit(part)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.visit(&entry.key)?;
                    self.visit(&entry.value)
                }
                EntryExpr::StructField(field) => self.visit(&field.value),
            }),
            Expr::Struct(made) => Err(format!("there is no message {}", made.type_name)),
            Expr::Comprehension(loops) => {
                self.visit(&loops.iter_range)?;
                self.visit(&loops.accu_init)?;
                let outer = self.scope.len();
                self.scope
                    .extend([loops.accu_var.as_str(), &loops.iter_var]);
                self.scope.extend(loops.iter_var2.as_deref());
                self.visit(&loops.loop_cond)?;
                self.visit(&loops.loop_step)?;
                self.visit(&loops.result)?;
                self.scope.truncate(outer);
                Ok(())
            }
        }
    }

    fn call(&mut self, call: &'a CallExpr) -> Result<(), String> {
        let (name, count) = (call.func_name.as_str(), call.args.len());
        let is_operator = call.target.is_none() && OPERATORS.contains(&name);
        let exists = is_operator
            || FUNCTIONS.iter().any(|(known, on_value, counts)| {
                *known == name && *on_value == call.target.is_some() && counts.contains(&count)
            });
        if !exists {
            return Err(format!(
                "there is no function {name} with {count} arguments"
            ));
        }
        let target = call.target.as_deref().into_iter();
        target
            .chain(&call.args)
            .try_for_each(|part| self.visit(part))
    }

    /// Returns the path of a property, if the expression is one: `a.b['c']`.
    pub(super) fn path(&self, expr: &IdedExpr) -> Option<Path> {
        match &expr.expr {
            Expr::Ident(name) => {
                let is_property = !self.scope.contains(&name.as_str());
                is_property.then(|| vec![name.trim_start_matches('.').to_owned()])
            }
            Expr::Select(select) => {
                let mut path = self.path(&select.operand)?;
                path.push(select.field.clone());
                Some(path)
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [operand, key] = call.args.as_slice() else {
                    return None;
                };
                let Expr::Literal(LiteralValue::String(key)) = &key.expr else {
                    return None;
                };
                let mut path = self.path(operand)?;
                path.push(key.inner().to_owned());
                Some(path)
            }
            Expr::Unspecified
            | Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Struct(_) => None,
        }
    }
}

/// Whether the expression asks for a property's value, not for whether there is one.
pub(super) fn is_value(expr: &IdedExpr) -> bool {
    !matches!(&expr.expr, Expr::Select(select) if select.test)
}

/// Whether the expression asks for a type.
pub(super) fn is_type(expr: &IdedExpr) -> bool {
    matches!(&expr.expr, Expr::Call(call) if call.func_name == "type")
}
