//! Headers to add and remove.

use super::format;
use crate::view::View;
use crate::{HeaderAppendAction, HeaderMutation};

/// Reads `<kind>_headers_to_add` and `<kind>_headers_to_remove`, where `kind` is `request` or
/// `response`.
pub(super) fn mutation(view: &View<'_>, kind: &str) -> HeaderMutation {
    let remove = format!("{kind}_headers_to_remove");
    let add = format!("{kind}_headers_to_add");
    for (index, name) in view.texts(&remove).into_iter().enumerate() {
        if name.starts_with(':') || name.eq_ignore_ascii_case("host") {
            view.error(
                &format!("{remove}[{index}]"),
                ":-prefixed or host headers may not be removed",
            );
        }
    }
    HeaderMutation {
        remove: view
            .texts(&remove)
            .into_iter()
            .map(str::to_lowercase)
            .collect(),
        add: view.children(&add).iter().filter_map(addition).collect(),
    }
}

fn addition(view: &View<'_>) -> Option<(String, String, HeaderAppendAction)> {
    let header = view.child("header")?;
    let name = header.text("key").to_lowercase();
    if name == "host" || name.starts_with(':') {
        header.error("key", ":-prefixed or host headers may not be modified");
    }
    format::check(&header, "value", header.text("value"));
    let action = append_action(view)?;
    Some((name, header.text("value").to_owned(), action))
}

fn append_action(view: &View<'_>) -> Option<HeaderAppendAction> {
    let action = view.enumerator("append_action");
    match (view.bool_value("append"), action.as_str()) {
        (Some(append), "APPEND_IF_EXISTS_OR_ADD") => Some(match append {
            true => HeaderAppendAction::AppendIfExistsOrAdd,
            false => HeaderAppendAction::OverwriteIfExistsOrAdd,
        }),
        (Some(_), _) => {
            view.error("append", "both append and append_action are set");
            None
        }
        (None, "ADD_IF_ABSENT") => Some(HeaderAppendAction::AddIfAbsent),
        (None, "OVERWRITE_IF_EXISTS_OR_ADD") => Some(HeaderAppendAction::OverwriteIfExistsOrAdd),
        (None, "OVERWRITE_IF_EXISTS") => Some(HeaderAppendAction::OverwriteIfExists),
        (None, _) => Some(HeaderAppendAction::AppendIfExistsOrAdd),
    }
}
