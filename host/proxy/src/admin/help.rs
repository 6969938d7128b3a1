//! `/`, `/help`, and what is said about unknown paths.

use super::query::Query;
use super::reply::Reply;
use super::state::AdminContext;
use super::{PAGES, Page};

/// `/help`.
pub(super) fn page(_context: &AdminContext, _query: &Query) -> Reply {
    Reply::text(200, format!("admin commands are:\n{}", commands()))
}

/// The answer for a path that is none.
pub(super) fn not_found() -> Reply {
    Reply::text(
        404,
        format!("invalid path. admin commands are:\n{}", commands()),
    )
}

/// `/`.
pub(super) fn home(_context: &AdminContext, _query: &Query) -> Reply {
    let row = |page: &Page| {
        let Page { path, help, .. } = page;
        let link = if page.is_action {
            format!("<form action='{path}' method='post'><button>{path}</button></form>")
        } else {
            format!("<a href='{path}'>{path}</a>")
        };
        format!("<tr><td>{link}</td><td>{help}</td></tr>\n")
    };
    let rows: String = PAGES.iter().map(row).collect();
    Reply::html(format!(
        "<!DOCTYPE html>\n<html lang='en'>\n<head><title>Tollgate Admin</title></head>\n\
         <body>\n<table>\n{rows}</table>\n</body>\n</html>\n"
    ))
}

fn commands() -> String {
    let line = |page: &Page| {
        let post = if page.is_action { " (POST)" } else { "" };
        let mut text = format!("  {}{post}: {}\n", page.path, page.help);
        for (name, meaning) in page.parameters {
            text.push_str(&format!("      {name}: {meaning}\n"));
        }
        text
    };
    PAGES.iter().map(line).collect()
}
