//! Signature: a function type that can be compared and printed.

use std::fmt;

/// A value type, as far as Proxy-Wasm uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    I32,
    I64,
    /// Any type that no Proxy-Wasm function has.
    Other(&'static str),
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::Other(name) => name,
        })
    }
}

impl From<wasmparser::ValType> for Type {
    fn from(value: wasmparser::ValType) -> Self {
        match value {
            wasmparser::ValType::I32 => Self::I32,
            wasmparser::ValType::I64 => Self::I64,
            wasmparser::ValType::F32 => Self::Other("f32"),
            wasmparser::ValType::F64 => Self::Other("f64"),
            wasmparser::ValType::V128 => Self::Other("v128"),
            wasmparser::ValType::Ref(_) => Self::Other("ref"),
        }
    }
}

/// The type of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) params: Vec<Type>,
    pub(crate) results: Vec<Type>,
}

impl Signature {
    /// Returns the type with this many `i32` parameters and, if so, one `i32` result.
    pub(crate) fn of_i32s(params: usize, has_result: bool) -> Self {
        Self {
            params: vec![Type::I32; params],
            results: has_result.then_some(Type::I32).into_iter().collect(),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.params)?;
        f.write_str(" -> ")?;
        write_list(f, &self.results)
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, types: &[Type]) -> fmt::Result {
    f.write_str("(")?;
    for (index, item) in types.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    f.write_str(")")
}
