//! Obstacles: what in a module a snapshot could not hold.
//!
//! A snapshot holds memory and globals. A table that the code changes, or a segment that it drops,
//! would come back as it was at first.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of hundreds of sections and instructions few matter"
)]

use wasmparser::{
    FunctionBody, Import, KnownCustom, Name, Operator, Parser, Payload, TypeRef, ValType,
};

use crate::SnapshotError;

/// Returns the first obstacle in a module. Malformed code is left to the compiler.
pub(super) fn find(bytes: &[u8]) -> Option<SnapshotError> {
    let mut function = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        let found = match payload.ok()? {
            Payload::ImportSection(section) => {
                let imports: Vec<_> = section.into_imports().flatten().collect();
                function += imports
                    .iter()
                    .filter(|import| matches!(import.ty, TypeRef::Func(_)))
                    .count();
                imports.iter().find_map(import)
            }
            Payload::GlobalSection(section) => {
                let mut types = section.into_iter().flatten().map(|global| global.ty);
                types
                    .any(|ty| ty.mutable && matches!(ty.content_type, ValType::Ref(_)))
                    .then_some(SnapshotError::ReferenceGlobal)
            }
            Payload::CodeSectionEntry(body) => {
                function += 1;
                instruction(&body).map(|instruction| SnapshotError::Instruction {
                    function: name(bytes, function - 1),
                    instruction,
                })
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn import(import: &Import<'_>) -> Option<SnapshotError> {
    let kind = match import.ty {
        TypeRef::Func(_) => return None,
        TypeRef::Memory(_) => "memory",
        TypeRef::Table(_) => "table",
        TypeRef::Global(_) => "global",
        TypeRef::Tag(_) => "tag",
        TypeRef::FuncExact(_) => "exact function",
    };
    Some(SnapshotError::Import {
        module: import.module.to_owned(),
        name: import.name.to_owned(),
        kind,
    })
}

fn instruction(body: &FunctionBody<'_>) -> Option<&'static str> {
    let operators = body.get_operators_reader().ok()?;
    operators
        .into_iter()
        .map_while(Result::ok)
        .find_map(|operator| {
            Some(match operator {
                Operator::TableSet { .. } => "table.set",
                Operator::TableGrow { .. } => "table.grow",
                Operator::TableFill { .. } => "table.fill",
                Operator::TableCopy { .. } => "table.copy",
                Operator::TableInit { .. } => "table.init",
                Operator::ElemDrop { .. } => "elem.drop",
                Operator::DataDrop { .. } => "data.drop",
                Operator::StructSet { .. } => "struct.set",
                Operator::ArraySet { .. } => "array.set",
                Operator::ArrayFill { .. } => "array.fill",
                Operator::ArrayCopy { .. } => "array.copy",
                Operator::ArrayInitData { .. } => "array.init_data",
                Operator::ArrayInitElem { .. } => "array.init_elem",
                _ => return None,
            })
        })
}

/// Returns the name of a function, or its index where the module has no names.
fn name(bytes: &[u8], function: usize) -> String {
    let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let names = payloads.filter_map(|payload| match payload {
        Payload::CustomSection(section) => match section.as_known() {
            KnownCustom::Name(names) => Some(names),
            _ => None,
        },
        _ => None,
    });
    let functions = names.flatten().flatten().filter_map(|names| match names {
        Name::Function(functions) => Some(functions),
        _ => None,
    });
    let mut namings = functions.flat_map(|functions| functions.into_iter().flatten());
    namings
        .find(|naming| usize::try_from(naming.index) == Ok(function))
        .map_or_else(
            || format!("function {function}"),
            |naming| naming.name.to_owned(),
        )
}
