//! What an evaluation may cost at most, told by the expression and the sizes of its values before
//! it starts: the library evaluates without a limit of its own.

use std::collections::HashMap;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators,
};

/// What one value weighs beside its bytes.
const VALUE: u64 = 16;
/// What a regular expression costs to compile, beside its length.
const PATTERN: u64 = 2_000;

/// A bound for the value of an expression, and for the cost to get there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bound {
    /// Steps and bytes that evaluation touches.
    pub(super) cost: u64,
    /// Weight of the value: its bytes, and those of its elements.
    pub(super) weight: u64,
    /// Number of elements.
    pub(super) count: u64,
    /// Weight of the heaviest element.
    pub(super) element: u64,
}

impl Bound {
    pub(super) const fn scalar(bytes: u64) -> Self {
        Self {
            cost: 1,
            weight: VALUE.saturating_add(bytes),
            count: 0,
            element: 0,
        }
    }

    /// The larger of both in every respect, with the cost of both.
    fn or(self, other: Self) -> Self {
        Self {
            cost: self.cost.saturating_add(other.cost),
            weight: self.weight.max(other.weight),
            count: self.count.max(other.count),
            element: self.element.max(other.element),
        }
    }

    /// Both one behind the other.
    fn with(self, other: Self) -> Self {
        Self {
            cost: self.cost.saturating_add(other.cost),
            weight: self.weight.saturating_add(other.weight),
            count: self.count.saturating_add(other.count),
            element: self.element.max(other.element),
        }
    }

    /// An element, or a key, of the value.
    fn part(self) -> Self {
        Self {
            cost: self.cost,
            weight: self.element.max(VALUE),
            count: self.element / VALUE,
            element: self.element,
        }
    }

    fn costing(mut self, more: u64) -> Self {
        self.cost = self.cost.saturating_add(more);
        self
    }
}

/// The bounds of variables by name.
pub(super) struct Scope<'a> {
    pub(super) variables: HashMap<&'a str, Bound>,
}

impl<'a> Scope<'a> {
    /// Returns a bound for an expression. Recurses as deep as the expression nests.
    pub(super) fn bound(&mut self, expr: &'a IdedExpr) -> Bound {
        match &expr.expr {
            Expr::Unspecified => Bound::scalar(0),
            Expr::Literal(literal) => literal_bound(literal),
            Expr::Ident(name) => {
                let known = self.variables.get(name.trim_start_matches('.'));
                // A value may be copied to where it is needed.
                let known = known.copied().unwrap_or(Bound::scalar(0));
                known.costing(known.weight)
            }
            Expr::Select(select) => {
                let operand = self.bound(&select.operand);
                operand.part().costing(1)
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.container(list.elements.iter()),
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(made) => self.entries(made.entries.iter().map(|entry| &entry.expr)),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn entries(&mut self, entries: impl Iterator<Item = &'a EntryExpr>) -> Bound {
        let parts = entries.flat_map(|entry| match entry {
            EntryExpr::StructField(field) => [Some(&field.value), None],
            EntryExpr::MapEntry(entry) => [Some(&entry.key), Some(&entry.value)],
        });
        self.container(parts.flatten())
    }

    fn container(&mut self, elements: impl Iterator<Item = &'a IdedExpr>) -> Bound {
        let mut whole = Bound::scalar(0);
        for element in elements {
            let element = self.bound(element);
            whole = Bound {
                cost: whole.cost.saturating_add(element.cost).saturating_add(1),
                weight: whole.weight.saturating_add(element.weight),
                count: whole.count.saturating_add(1),
                element: whole.element.max(element.weight),
            };
        }
        whole
    }

    fn call(&mut self, call: &'a CallExpr) -> Bound {
        let target = call.target.as_deref();
        let arguments: Vec<_> = target
            .into_iter()
            .chain(&call.args)
            .map(|argument| self.bound(argument))
            .collect();
        let all = arguments
            .iter()
            .fold(Bound::scalar(0), |all, argument| all.with(*argument));
        match call.func_name.as_str() {
            operators::CONDITIONAL | operators::LOGICAL_AND | operators::LOGICAL_OR => arguments
                .iter()
                .fold(Bound::scalar(0), |all, argument| all.or(*argument)),
            operators::ADD => all.costing(all.weight),
            operators::INDEX => {
                let value = arguments.first().copied().unwrap_or_default();
                Bound {
                    cost: all.cost,
                    ..value.part()
                }
                .costing(1)
            }
            "matches" => scalar_of(all).costing(PATTERN).costing(
                // Each place of the text is tried against each place of the pattern.
                arguments.iter().fold(1, |product: u64, argument| {
                    product.saturating_mul(argument.weight)
                }) / VALUE,
            ),
            "string" | "bytes" | "dyn" => Bound {
                // A byte may take four as text, a number 24.
                weight: all.weight.saturating_mul(4),
                ..all
            }
            .costing(all.weight.saturating_mul(4)),
            _ => scalar_of(all).costing(all.weight),
        }
    }

    /// Every element goes through condition and step; what a step adds to the accumulator it adds
    /// each time.
    fn comprehension(&mut self, loops: &'a ComprehensionExpr) -> Bound {
        let range = self.bound(&loops.iter_range);
        let start = self.bound(&loops.accu_init);
        let item = Bound {
            cost: 0,
            ..range.part()
        };
        let mut hidden = vec![
            (
                loops.accu_var.as_str(),
                self.bind(&loops.accu_var, Bound { cost: 0, ..start }),
            ),
            (loops.iter_var.as_str(), self.bind(&loops.iter_var, item)),
        ];
        if let Some(second) = &loops.iter_var2 {
            hidden.push((second, self.bind(second, item)));
        }
        let condition = self.bound(&loops.loop_cond);
        let step = self.bound(&loops.loop_step);
        let added = step.weight.saturating_sub(start.weight);
        let accumulated = Bound {
            cost: 0,
            weight: start
                .weight
                .saturating_add(added.saturating_mul(range.count)),
            count: start.count.saturating_add(range.count),
            element: step.element,
        };
        self.bind(&loops.accu_var, accumulated);
        let result = self.bound(&loops.result);
        for (name, before) in hidden.into_iter().rev() {
            self.restore(name, before);
        }
        let each = condition
            .cost
            .saturating_add(step.cost)
            .saturating_add(item.weight);
        let cost = [range.cost, start.cost, each.saturating_mul(range.count)];
        result.costing(cost.into_iter().fold(1, u64::saturating_add))
    }

    fn bind(&mut self, name: &'a str, bound: Bound) -> Option<Bound> {
        self.variables.insert(name, bound)
    }

    fn restore(&mut self, name: &'a str, before: Option<Bound>) {
        match before {
            Some(before) => self.variables.insert(name, before),
            None => self.variables.remove(name),
        };
    }
}

const fn scalar_of(all: Bound) -> Bound {
    Bound {
        cost: all.cost,
        ..Bound::scalar(8)
    }
}

fn literal_bound(literal: &LiteralValue) -> Bound {
    Bound::scalar(match literal {
        LiteralValue::String(text) => length(text.inner().len()),
        LiteralValue::Bytes(bytes) => length(bytes.inner().len()),
        LiteralValue::Boolean(_)
        | LiteralValue::Double(_)
        | LiteralValue::Int(_)
        | LiteralValue::Null
        | LiteralValue::UInt(_) => 8,
    })
}

pub(super) fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
