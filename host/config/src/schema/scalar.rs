//! Scalar fields by the rules of protobuf's JSON mapping.

use prost_reflect::{EnumDescriptor, EnumValueDescriptor, Kind, Value};

use super::{base64, suggest};
use crate::yaml::Data;

/// Reads a scalar or enum; `Err` says what is wrong.
pub(super) fn read(kind: &Kind, data: &Data) -> Result<Value, String> {
    match kind {
        Kind::Bool => match data {
            Data::Bool(value) => Ok(Value::Bool(*value)),
            Data::Text(text) => quoted_bool(text)
                .map(Value::Bool)
                .ok_or_else(|| expected("a boolean", data)),
            _ => Err(expected("a boolean", data)),
        },
        Kind::String => match data {
            Data::Text(text) => Ok(Value::String(text.clone())),
            Data::Bool(_) | Data::Integer(_) | Data::Number(_) => {
                Err(format!("{}; put it in quotes", expected("a string", data)))
            }
            _ => Err(expected("a string", data)),
        },
        Kind::Bytes => match data {
            Data::Text(text) => base64::decode(text)
                .map(|bytes| Value::Bytes(bytes.into()))
                .ok_or_else(|| "not base64".to_owned()),
            _ => Err(expected("base64 in a string", data)),
        },
        Kind::Enum(descriptor) => enumerator(descriptor, data),
        Kind::Float => float(data).map(|value| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float field holds no more"
            )]
            Value::F32(value as f32)
        }),
        Kind::Double => float(data).map(Value::F64),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => integer(data).map(Value::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => integer(data).map(Value::I64),
        Kind::Uint32 | Kind::Fixed32 => integer(data).map(Value::U32),
        Kind::Uint64 | Kind::Fixed64 => integer(data).map(Value::U64),
        Kind::Message(_) => Err(expected("a message", data)),
    }
}

/// Says which kind of value was wanted and which came.
pub(super) fn expected(wanted: &str, data: &Data) -> String {
    match data {
        Data::Text(text) if text.len() <= 40 => format!("expected {wanted}, found \"{text}\""),
        _ => format!("expected {wanted}, found {}", data.kind()),
    }
}

fn integer<T: TryFrom<i128>>(data: &Data) -> Result<T, String> {
    let value = match data {
        Data::Integer(value) => i128::from(*value),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole, and a cast saturates"
        )]
        Data::Number(value) if value.fract() == 0.0 => *value as i128,
        Data::Text(text) => match text.parse() {
            Ok(value) => value,
            Err(_) => text_to_float(text)
                .and_then(to_integer)
                .ok_or_else(|| expected("an integer", data))?,
        },
        _ => return Err(expected("an integer", data)),
    };
    T::try_from(value).map_err(|_| format!("{value} is out of range"))
}

fn to_integer(value: f64) -> Option<i128> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole, and a cast saturates"
    )]
    (value.fract() == 0.0).then_some(value as i128)
}

fn float(data: &Data) -> Result<f64, String> {
    match data {
        Data::Integer(value) => Ok(f64::from(*value)),
        Data::Number(value) => Ok(*value),
        Data::Text(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => text_to_float(text).ok_or_else(|| expected("a number", data)),
        },
        _ => Err(expected("a number", data)),
    }
}

/// Reads decimal or hexadecimal text, as Envoy's JSON reader does even for integers.
fn text_to_float(text: &str) -> Option<f64> {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or((1.0, text), |rest| (-1.0, rest));
    if let Some(digits) = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        return u32::from_str_radix(digits, 16)
            .ok()
            .map(|value| sign * f64::from(value));
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(value)
}

/// Reads a boolean in quotes, where Envoy's JSON reader is generous.
fn quoted_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// Envoy ignores the letter case of enum names.
fn enumerator(descriptor: &EnumDescriptor, data: &Data) -> Result<Value, String> {
    match data {
        Data::Text(text) => descriptor
            .values()
            .find(|value| value.name().eq_ignore_ascii_case(text))
            .map(|value| value.number())
            .or_else(|| text.parse().ok())
            .map(Value::EnumNumber)
            .ok_or_else(|| {
                let values: Vec<_> = descriptor.values().collect();
                let names: Vec<_> = values.iter().map(EnumValueDescriptor::name).collect();
                let hint = suggest::hint(text, &names);
                format!(
                    "`{text}` is not a value of {}{hint}",
                    descriptor.full_name()
                )
            }),
        Data::Integer(number) => Ok(Value::EnumNumber(*number)),
        _ => Err(expected(
            &format!("a value of {}", descriptor.full_name()),
            data,
        )),
    }
}
