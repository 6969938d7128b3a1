//! Templates: what a project of each kind consists of.
//!
//! The sources are Rust as it is, without anything to fill in, so that they are compiled and tested
//! where they lie. What differs by project stands in the manifest and in `envoy.yaml`.

use clap::ValueEnum;

use super::name::ProjectName;
use super::sdk::Sdk;

/// What the filter of a new project does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Lets in requests with a known API key.
    Auth,
    /// Limits how often each client may ask.
    RateLimit,
    /// Reads request bodies and rewrites response bodies.
    Body,
    /// Lets TCP connections through that begin with a password.
    Tcp,
    /// Asks a gRPC service about each request.
    Grpc,
}

/// A file of a project: its path below the project's folder, and its text.
pub(crate) type File = (&'static str, String);

/// What a kind adds to what all have in common.
struct Template {
    summary: &'static str,
    try_it: &'static str,
    dependencies: &'static str,
    /// More of the SDK's dependency.
    features: &'static str,
    /// JSON, in one line.
    configuration: &'static str,
    envoy: &'static str,
    filter: &'static str,
    tests: &'static str,
}

const SERDE: &str =
    r#"serde = { version = "1.0", default-features = false, features = ["std", "derive"] }"#;
const SERDE_AND_JSON: &str = r#"serde = { version = "1.0", default-features = false, features = ["std", "derive"] }
serde_json = { version = "1.0", default-features = false, features = ["std"] }"#;

const SERDE_AND_PROST: &str = r#"prost = { version = "0.14", default-features = false, features = ["std", "derive"] }
serde = { version = "1.0", default-features = false, features = ["std", "derive"] }"#;

const AUTH: Template = Template {
    summary: "lets in requests with a known API key, and tells the upstream whose key it was",
    try_it: "\
Rejected, then accepted:

  curl -i http://127.0.0.1:10000/
  curl -i -H 'x-api-key: demo-key' http://127.0.0.1:10000/",
    dependencies: SERDE,
    features: "",
    configuration: r#"{ "keys": [{ "key": "demo-key", "consumer": "demo" }] }"#,
    envoy: include_str!("templates/common/envoy-http.yaml.in"),
    filter: include_str!("templates/auth/lib.rs"),
    tests: include_str!("templates/auth/tests.rs"),
};

const RATE_LIMIT: Template = Template {
    summary: "limits how often each client may ask, with the state in the host's shared data",
    try_it: "\
Five requests pass, the others are answered 429:

  curl -s -o /dev/null -w '%{http_code}\\n' 'http://127.0.0.1:10000/?[1-8]'",
    dependencies: SERDE,
    features: "",
    configuration: r#"{ "requests": 5, "seconds": 10 }"#,
    envoy: include_str!("templates/common/envoy-http.yaml.in"),
    filter: include_str!("templates/rate-limit/lib.rs"),
    tests: include_str!("templates/rate-limit/tests.rs"),
};

const BODY: Template = Template {
    summary: "lets in bodies that are JSON, and hides card numbers in responses",
    try_it: "\
Rejected, then accepted with the number hidden in the response:

  curl -i -d 'no JSON' http://127.0.0.1:10000/
  curl -i -d '{ \"card\": 4111111111111111 }' http://127.0.0.1:10000/",
    dependencies: SERDE_AND_JSON,
    features: "",
    configuration: r#"{ "digits": 13 }"#,
    envoy: include_str!("templates/common/envoy-http.yaml.in"),
    filter: include_str!("templates/body/lib.rs"),
    tests: include_str!("templates/body/tests.rs"),
};

const TCP: Template = Template {
    summary: "lets TCP connections through that begin with a password, and counts what passes",
    try_it: "\
Closed, then let through to an upstream that echoes:

  printf 'guess\\nhello\\n' | nc -N 127.0.0.1 10000
  printf 'sesame\\nhello\\n' | nc -N 127.0.0.1 10000",
    dependencies: SERDE,
    features: "",
    configuration: r#"{ "password": "sesame" }"#,
    envoy: include_str!("templates/common/envoy-tcp.yaml.in"),
    filter: include_str!("templates/tcp/lib.rs"),
    tests: include_str!("templates/tcp/tests.rs"),
};

const GRPC: Template = Template {
    summary: "asks a gRPC service who a user is, and tells the upstream",
    try_it: "\
Rejected, then accepted; the built-in service names each user by the id:

  curl -i http://127.0.0.1:10000/
  curl -i -H 'x-user: ann' http://127.0.0.1:10000/",
    dependencies: SERDE_AND_PROST,
    features: r#", features = ["prost"]"#,
    configuration: r#"{ "cluster": "directory" }"#,
    envoy: include_str!("templates/common/envoy-grpc.yaml.in"),
    filter: include_str!("templates/grpc/lib.rs"),
    tests: include_str!("templates/grpc/tests.rs"),
};

impl Kind {
    const fn template(self) -> &'static Template {
        match self {
            Self::Auth => &AUTH,
            Self::RateLimit => &RATE_LIMIT,
            Self::Body => &BODY,
            Self::Tcp => &TCP,
            Self::Grpc => &GRPC,
        }
    }

    /// Says what the filter does, without a full stop.
    pub(crate) const fn summary(self) -> &'static str {
        self.template().summary
    }

    /// Returns commands that show what the filter does.
    pub(crate) const fn try_it(self) -> &'static str {
        self.template().try_it
    }
}

/// Returns the files of a project.
pub(crate) fn files(kind: Kind, name: &ProjectName, sdk: &Sdk) -> Vec<File> {
    let template = kind.template();
    let fill = |text: &str| {
        text.replace("{{name}}", name.as_str())
            .replace("{{module}}", &name.module())
            .replace("{{summary}}", &sentence(template.summary))
            .replace("{{try}}", &as_markdown(template.try_it))
            .replace("{{dependencies}}", template.dependencies)
            .replace("{{features}}", template.features)
            .replace("{{configuration}}", template.configuration)
            .replace("{{version}}", env!("CARGO_PKG_VERSION"))
            .replace("{{sdk}}", &sdk.package("guest"))
            .replace("{{testing}}", &sdk.package("testing"))
            .replace("{{sdk_path}}", sdk.root())
    };
    vec![
        (
            "Cargo.toml",
            fill(include_str!("templates/common/Cargo.toml.in")),
        ),
        ("Cargo.lock", sdk.lock().to_owned()),
        (
            "rust-toolchain.toml",
            include_str!("templates/common/rust-toolchain.toml").to_owned(),
        ),
        (
            ".gitignore",
            include_str!("templates/common/gitignore").to_owned(),
        ),
        (
            "README.md",
            fill(include_str!("templates/common/README.md.in")),
        ),
        ("envoy.yaml", fill(template.envoy)),
        ("src/lib.rs", template.filter.to_owned()),
        ("src/tests.rs", template.tests.to_owned()),
    ]
}

fn sentence(summary: &str) -> String {
    let mut letters = summary.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

/// Indented commands as a block of code.
fn as_markdown(text: &str) -> String {
    let (intro, commands) = text.split_once("\n\n").unwrap_or((text, ""));
    let commands = commands.lines().map(str::trim_start).collect::<Vec<_>>();
    format!("{intro}\n\n```sh\n{}\n```", commands.join("\n"))
}
