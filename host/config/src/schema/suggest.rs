//! "Did you mean": the nearest known name.

/// Renders the suggestion for the end of a message; empty when no candidate is near.
pub(crate) fn hint(name: &str, candidates: &[&str]) -> String {
    nearest(name, candidates).map_or_else(String::new, |found| format!("; did you mean `{found}`?"))
}

/// Returns the candidate that differs from `name` by few edits, if one does.
fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let wanted = normal(name);
    let limit = wanted.len().div_ceil(3).clamp(1, 3);
    candidates
        .iter()
        .map(|candidate| (distance(&wanted, &normal(candidate)), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letter case and separators do not make a name different.
fn normal(name: &str) -> Vec<u8> {
    name.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_lowercase())
        .collect()
}

/// Levenshtein's distance, bounded by the shortness of names.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, byte) in left.iter().take(100).enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, other) in row.iter_mut().skip(1).zip(right) {
            let substitution = diagonal + usize::from(byte != other);
            diagonal = *cell;
            before = substitution.min(before + 1).min(diagonal + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["failure_policy", "fail_open", "name"];
        assert_eq!(nearest("failure_polcy", &names), Some("failure_policy"));
        assert_eq!(nearest("failopen", &names), Some("fail_open"));
        assert_eq!(nearest("nmae", &names), Some("name"));
        assert_eq!(nearest("bogus", &names), None);
    }

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"ab"), 2);
        assert_eq!(distance(b"ab", b"ab"), 0);
    }
}
