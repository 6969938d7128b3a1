//! `DataSource`: where bytes come from, and the bytes where they are needed at once.

use std::path::PathBuf;

use bytes::Bytes;

use crate::DataSource;
use crate::view::View;

/// Reads where the bytes are; what is named must exist.
pub(super) fn build(view: &View<'_>) -> Option<DataSource> {
    match view.oneof("specifier")?.as_str() {
        "filename" => {
            let path = PathBuf::from(view.text("filename"));
            // Only a regular file is opened to see whether it can be: a pipe would be used up.
            let readable = std::fs::metadata(&path).and_then(|metadata| match metadata.is_file() {
                true => std::fs::File::open(&path).and_then(|file| file.metadata()),
                false => Ok(metadata),
            });
            let reason = match readable {
                Ok(metadata) if metadata.is_dir() => "it is a directory".to_owned(),
                Ok(_) => return Some(DataSource::File(path)),
                Err(error) => io_reason(&error),
            };
            view.error("filename", format!("{}: {reason}", path.display()));
            None
        }
        "inline_bytes" => Some(DataSource::Inline(view.bytes("inline_bytes"))),
        "inline_string" => {
            let text = view.text("inline_string");
            Some(DataSource::Inline(Bytes::copy_from_slice(text.as_bytes())))
        }
        _ => {
            let name = view.text("environment_variable");
            if std::env::var_os(name).is_none() {
                let reason = format!("environment variable `{name}` is not set");
                view.error("environment_variable", reason);
                return None;
            }
            Some(DataSource::EnvironmentVariable(name.to_owned()))
        }
    }
}

/// Reads the bytes themselves.
pub(super) fn read(view: &View<'_>) -> Option<Bytes> {
    match build(view)? {
        DataSource::File(path) => match std::fs::read(&path) {
            Ok(bytes) => Some(bytes.into()),
            Err(error) => {
                view.error(
                    "filename",
                    format!("{}: {}", path.display(), io_reason(&error)),
                );
                None
            }
        },
        DataSource::Inline(bytes) => Some(bytes),
        DataSource::EnvironmentVariable(name) => {
            let value = std::env::var_os(name)?;
            Some(value.into_encoded_bytes().into())
        }
    }
}

/// Says what the system said, without its number.
fn io_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "not permitted to read it".to_owned(),
        _ => error.to_string(),
    }
}
