//! `ProjectName`: what cargo takes for the name of a package, and YAML for a plain word.

/// A name for the package, the module and the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProjectName(String);

/// Longest name that crates.io takes.
const LONGEST: usize = 64;

/// Names that a crate cannot have: cargo refuses them, or a dependency has them.
const TAKEN: &[&str] = &[
    // Keywords, also those to come.
    "abstract",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    // Crates of the language.
    "alloc",
    "core",
    "proc-macro",
    "std",
    "test",
    // Folders in which cargo builds.
    "build",
    "deps",
    "examples",
    "incremental",
    // Dependencies of the project.
    "prost",
    "serde",
    "serde-json",
    "tollgate",
    "tollgate-testing",
];

impl ProjectName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// Says which rule it breaks.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fault = if text.is_empty() {
            "it is empty".to_owned()
        } else if text.len() > LONGEST {
            format!("it is longer than {LONGEST} characters")
        } else if let Some(other) = text.chars().find(|c| !is_allowed(*c)) {
            format!(
                "it may have ASCII letters, digits, `-` and `_`, and has `{}`",
                other.escape_debug()
            )
        } else if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            "it must begin with a letter".to_owned()
        } else if TAKEN.contains(&&*text.to_ascii_lowercase().replace('_', "-")) {
            "it is a word of Rust, a folder of cargo's or a dependency".to_owned()
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(format!(
            "`{}` cannot be a project's name: {fault}",
            text.escape_debug()
        ))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the library and so of the module's file.
    pub(crate) fn module(&self) -> String {
        self.0.replace('-', "_")
    }
}

const fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

#[cfg(test)]
mod tests {
    use super::ProjectName;

    #[test]
    fn names_that_cargo_takes_are_taken() {
        for name in ["a", "my-filter", "my_filter", "Auth2", "x-1"] {
            assert_eq!(ProjectName::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(
            ProjectName::parse("my-filter").unwrap().module(),
            "my_filter"
        );
    }

    #[test]
    fn others_are_refused_with_the_rule() {
        let long = "a".repeat(65);
        for (name, rule) in [
            ("", "empty"),
            (&*long, "longer than 64"),
            ("a b", "has ` `"),
            ("../x", "has `.`"),
            ("a\nb", "has `\\n`"),
            ("é", "has `é`"),
            ("1st", "begin with a letter"),
            ("-x", "begin with a letter"),
            ("match", "a word of Rust"),
            ("Serde_json", "a dependency"),
        ] {
            let reason = ProjectName::parse(name).unwrap_err();
            assert!(reason.contains(rule), "{name:?}: {reason}");
            assert_eq!(reason.lines().count(), 1, "{reason:?}");
        }
    }
}
