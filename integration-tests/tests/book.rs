//! The book and the other pages: links lead somewhere, and the table of contents is whole.
#![expect(clippy::panic, reason = "what cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tollgate_integration_tests::repository_root;

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    let root = repository_root();
    let pages = pages(&root);
    assert!(pages.len() > 20, "{pages:#?}");
    let broken: Vec<_> = pages
        .iter()
        .flat_map(|page| links(&read(page)).into_iter().map(move |link| (page, link)))
        .filter_map(|(page, link)| Some((page, fault(page, &link)?, link)))
        .map(|(page, fault, link)| format!("{}: {link}: {fault}", page.display()))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn pages_of_the_book_link_within_it() {
    // What mdbook builds holds nothing else.
    let docs = repository_root().join("docs");
    let leaving = pages(&docs).into_iter().flat_map(|page| {
        let depth = page.components().count() - docs.components().count() - 1;
        let leaves = move |link: &String| link.starts_with(&"../".repeat(depth + 1));
        links(&read(&page)).into_iter().filter(leaves)
    });
    assert_eq!(leaving.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn the_table_of_contents_names_every_page_once() {
    let docs = repository_root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let named: Vec<_> = links(&read(&summary))
        .iter()
        .map(|link| docs.join(link))
        .collect();
    let unique: BTreeSet<_> = named.iter().cloned().collect();
    assert_eq!(unique.len(), named.len(), "a page is named twice");
    let pages = pages(&docs).into_iter();
    let there: BTreeSet<_> = pages.filter(|page| *page != summary).collect();
    assert_eq!(unique, there);
}

/// Says what is wrong with a link, if anything is.
fn fault(page: &Path, link: &str) -> Option<&'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_path_buf(),
        path => page.parent()?.join(path),
    };
    if !target.exists() {
        return Some("no such file");
    }
    let is_known = heading.is_empty() || headings(&read(&target)).contains(heading);
    (!is_known).then_some("no such heading")
}

/// The targets of a page's links, those within code left aside.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        let mut rest = line.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, behind)) = after.split_once(')') else {
                break;
            };
            links.push(target.to_owned());
            rest = behind;
        }
    }
    links
}

/// The anchors of a page's headings, as GitHub and mdbook make them.
fn headings(text: &str) -> BTreeSet<String> {
    let lines = prose(text).into_iter().filter(|line| line.starts_with('#'));
    lines
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        ' ' | '-' => Some('-'),
        '_' => Some('_'),
        c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

/// A page's lines outside of blocks of code, without what stands in backticks.
fn prose(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            let parts = line.split('`').enumerate();
            let is_heading = line.starts_with('#');
            let kept = parts.filter(|(index, _)| is_heading || index % 2 == 0);
            lines.push(kept.map(|(_, part)| part).collect());
        }
    }
    lines
}

/// All Markdown files below a folder, build output left aside.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{anchor, links};

    #[test]
    fn links_in_code_are_none() {
        let text = "a [b](c.md#d) and `[e](f)`\n```\n[g](h)\n```\n[`i`](j)";
        assert_eq!(links(text), ["c.md#d", "j"]);
    }

    #[test]
    fn anchors_are_lower_case_words() {
        assert_eq!(anchor("Shared data"), "shared-data");
        assert_eq!(anchor("`tollgate new`, again"), "tollgate-new-again");
    }
}
