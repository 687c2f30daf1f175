//! Rules of this project that no linter knows, each failing with its own text.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Modules from the bottom up. A module may use those on lower lines; never those on its own or on a higher one.
const LAYERS: [&[&str]; 8] = [
    &["ids"],
    &["error"],
    &["farm", "wire", "access", "tls", "happening"],
    &["store", "files", "images", "blender", "versions", "discovery", "link"],
    &["master", "slave", "client"],
    &["cli"],
    &["python"],
    &["main"],
];

/// The one home (or few) of each outside library.
const HOMES: [(&str, &[&str]); 31] = [
    ("askama", &["master"]),
    ("axum", &["master"]),
    ("hyper_util", &["master"]),
    ("utoipa_axum", &["master"]),
    ("tower", &["master"]),
    ("tower_http", &["master"]),
    ("blake3", &["access", "files"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("exr", &["images"]),
    ("getrandom", &["access", "blender", "client", "link", "master", "slave"]),
    ("if_addrs", &["discovery", "master"]),
    ("miniz_oxide", &["files", "images"]),
    ("process_wrap", &["blender", "versions"]),
    ("lz4_flex", &["files"]),
    ("pyo3", &["python"]),
    ("rcgen", &["tls"]),
    ("reqwest", &["link"]),
    ("ring", &["tls"]),
    ("rusqlite", &["store"]),
    ("rustix", &["blender", "files", "master", "slave"]),
    ("rustls", &["tls"]),
    ("rustls_platform_verifier", &["tls"]),
    ("ruzstd", &["blender"]),
    ("socket2", &["discovery", "master"]),
    ("sysinfo", &["blender", "master", "slave"]),
    ("tokio", &["blender", "cli", "client", "link", "master", "slave", "versions"]),
    ("tokio_rustls", &["master"]),
    ("tokio_util", &["client", "link", "master", "slave", "versions"]),
    ("x509_parser", &["tls"]),
    ("zip", &["files"]),
];

/// What the brain may not even name.
const FARM_ABSENCES: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::time",
    "tokio",
    "serde",
    "tracing",
    "Instant::now",
    "SystemTime",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, extension, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

fn sources() -> BTreeMap<PathBuf, String> {
    let mut found = Vec::new();
    files_below(&root().join("src"), "rs", &mut found);
    found
        .into_iter()
        .map(|path| {
            (
                path.strip_prefix(root().join("src")).unwrap().to_path_buf(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

fn module_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|line| line.contains(&module))
}

/// Lines of a file that are code, with their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn imports_go_down_only() {
    let mut faults = String::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        if module == "lib" {
            continue;
        }
        let own = layer_of(&module).unwrap_or_else(|| panic!("{}: {module} has no place in LAYERS", path.display()));
        for (number, line) in code_lines(&text) {
            for used in line.split("crate::").skip(1) {
                let used = used
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or_default();
                if used == module || layer_of(used).is_none_or(|theirs| theirs < own) {
                    continue;
                }
                writeln!(
                    faults,
                    "src/{}:{number}: {module} may not use {used}: imports go down only",
                    path.display()
                )
                .unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// Whether a line names something of this library: `String::` names nothing of `ring`.
fn names(line: &str, library: &str) -> bool {
    let continues = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    line.match_indices(&format!("{library}::"))
        .any(|(at, _)| !continues(&line[..at]))
}

#[test]
fn each_outside_library_has_its_home() {
    let mut faults = String::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        for (number, line) in code_lines(&text) {
            for (library, homes) in HOMES {
                if names(line, library) && !homes.contains(&module.as_str()) {
                    writeln!(faults, "src/{}:{number}: {library} lives in {homes:?}", path.display()).unwrap();
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn the_brain_does_nothing_but_think() {
    let mut faults = String::new();
    for (path, text) in sources().iter().filter(|(path, _)| module_of(path) == "farm") {
        for (number, line) in code_lines(text) {
            for absence in FARM_ABSENCES.iter().filter(|absence| line.contains(**absence)) {
                writeln!(
                    faults,
                    "src/{}:{number}: {absence} in the brain: hand it in or make it an effect",
                    path.display()
                )
                .unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn a_slave_decides_nothing_by_the_wall_clock() {
    for (path, text) in sources().iter().filter(|(path, _)| module_of(path) == "slave") {
        for (number, line) in code_lines(text) {
            // Which files were used last, by the same clock that wrote it down.
            let is_cache = path.ends_with("cache.rs");
            assert!(
                is_cache || !line.contains("SystemTime"),
                "src/{}:{number}: a slave's clock may be wrong: measure how long something takes instead",
                path.display()
            );
        }
    }
}

#[test]
fn no_thread_of_ours_calls_into_python() {
    for (path, text) in sources() {
        for (number, line) in code_lines(&text) {
            let attaches = ["Python::attach", "Python::try_attach", "with_gil"]
                .iter()
                .any(|name| line.contains(name));
            assert!(
                !attaches,
                "src/{}:{number}: threads never attach to the interpreter; let Python drain",
                path.display()
            );
        }
    }
}

#[test]
fn files_stay_small_enough_to_read() {
    let mut found = Vec::new();
    for folder in ["src", "addon", "tests"] {
        for extension in ["rs", "py", "html", "js", "css"] {
            files_below(&root().join(folder), extension, &mut found);
        }
    }
    let long: Vec<String> = found
        .iter()
        .map(|path| (path, std::fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 400)
        .map(|(path, lines)| format!("{} has {lines} lines: cut it where a reader would", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together here, so that this file does not find itself.
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["unimple", "mented!"].concat(),
        ["to", "do!("].concat(),
    ];
    let mut found = Vec::new();
    for folder in ["src", "addon", "tests"] {
        for extension in ["rs", "py", "html", "js"] {
            files_below(&root().join(folder), extension, &mut found);
        }
    }
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        for mark in &marks {
            assert!(
                !text.contains(mark.as_str()),
                "{}: {mark}: do it, or say in the documents what comes next",
                path.display()
            );
        }
    }
}
