//! Checks that the modules of a crate import each other in one direction only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that keep to it, from the workspace's `crates` on.
const CRATES: &[&str] = &[
    "core/broker",
    "core/channel",
    "core/credential",
    "core/home",
    "core/operation",
    "core/secret",
    "core/store",
    "core/time",
    "core/vault",
    "core/work",
    "front/server",
    "jobs/devices",
    "webex/client",
    "webex/protocol",
    "webex/simulator",
];

/// The modules whose own modules keep to it too.
const FOLDERS: &[(&str, &str)] = &[
    ("front/cli", "commands"),
    ("front/cli", "help"),
    ("front/cli", "output"),
    ("front/server", "api"),
    ("front/server", "listen"),
    ("front/server", "metrics"),
    ("front/server", "owner"),
    ("front/server", "proxy"),
    ("webex/simulator", "issuer"),
    ("webex/simulator", "routes"),
    ("webex/simulator", "wire"),
    ("webex/simulator", "world"),
];

/// For each module of a crate the others that it imports from.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_module_imports_from_one_that_imports_from_it() {
    let crates = CRATES.iter().map(|name| (*name, None));
    for (name, folder) in crates.chain(FOLDERS.iter().map(|(name, folder)| (*name, Some(*folder)))) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        let imports = imports(&read(&source, folder));
        let place = folder.map_or_else(|| name.to_owned(), |folder| format!("{folder} of {name}"));
        assert!(imports.values().any(|others| !others.is_empty()), "no imports were found in {place}");
        let cyclic = cyclic(imports);
        assert!(cyclic.is_empty(), "{place} has import cycles among: {cyclic:#?}");
    }
}

#[test]
fn paths_are_read_from_a_folder_on() {
    let text =
        "use super::a::X; use super::super::b::Y; use crate::c::Z; use crate::routes::d::W; fn f() { super::e() }";
    let at_depth = |depth| first_names_of(&from_folder(text, "routes", depth));
    assert_eq!(at_depth(1), ["a", "d", "e"]);
    assert_eq!(at_depth(2), ["b", "d"]);
}

#[test]
fn a_cycle_is_seen() {
    let crate_of = |c: &str| {
        let files = [
            ("lib", "mod a; mod b; mod c; pub use a::{First, Second}; pub(crate) use c::third;"),
            ("a", "use crate::b::{self, X}; // crate::c\n#[cfg(test)]\nmod tests { use crate::c; }"),
            ("b", "use crate::{third, Y};"),
            ("c", c),
        ];
        files.map(|(module, text)| (module.to_owned(), without_comments_and_tests(text))).into()
    };
    assert_eq!(cyclic(imports(&crate_of("use super::Z;"))), Imports::new());
    for back in ["fn f() { crate::Second::new() }", "use crate::{b::{P, Q}, Y};", "use crate::{Y, First};"] {
        let cyclic = cyclic(imports(&crate_of(back)));
        assert!(cyclic.contains_key("b") && cyclic.contains_key("c"), "{back}: {cyclic:?}");
    }
}

/// The text of each module, its own modules included: those of a crate, or those of one of its folders, whose `mod.rs` then takes the
/// place of `lib.rs`.
fn read(source: &Path, folder: Option<&str>) -> BTreeMap<String, String> {
    let source = &folder.map_or_else(|| source.to_owned(), |folder| source.join(folder));
    let mut modules = BTreeMap::<String, String>::new();
    let mut paths: Vec<PathBuf> = vec![source.clone()];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && path.file_stem().unwrap() != "tests" {
            let inside = path.strip_prefix(source).unwrap();
            let first = inside.components().next().unwrap();
            let module = first.as_os_str().to_str().unwrap().trim_end_matches(".rs");
            let mut text = without_comments_and_tests(&fs::read_to_string(&path).unwrap());
            if let Some(folder) = folder {
                let depth = inside.components().count() - usize::from(inside.ends_with("mod.rs"));
                text = from_folder(&text, folder, depth);
            }
            let module = if folder.is_some() && module == "mod" { "lib" } else { module };
            modules.entry(module.to_owned()).or_default().push_str(&text);
        }
    }
    modules
}

/// Writes the paths into a folder as if it was a crate. `depth` is how many `super` lead from the text's module to the folder.
fn from_folder(text: &str, folder: &str, depth: usize) -> String {
    let text = text.replace(&format!("crate::{folder}::"), "folder::").replace("crate::", "outside::");
    let up = "super::".repeat(depth);
    let mut found = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("super::") {
        let (before, from) = rest.split_at(at);
        let after = from.trim_start_matches("super::");
        let path = &from[..from.len() - after.len()];
        found.push_str(before);
        found.push_str(if path == up { "folder::" } else { path });
        rest = after;
    }
    (found + rest).replace("folder::", "crate::")
}

/// A file's own tests stand at its end.
fn without_comments_and_tests(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn imports(modules: &BTreeMap<String, String>) -> Imports {
    let exports = exports(&modules["lib"]);
    let home =
        |name: &str| modules.get_key_value(name).map(|(module, _)| module).or_else(|| exports.get(name)).cloned();
    let of = |(module, text): (&String, &String)| {
        let found = first_names_of(text).into_iter().filter_map(|name| home(&name));
        (module.clone(), found.filter(|found| found != module && found != "lib").collect())
    };
    modules.iter().filter(|(module, _)| *module != "lib").map(of).collect()
}

fn first_names_of(text: &str) -> Vec<String> {
    text.split("crate::").skip(1).flat_map(first_names).collect()
}

/// The first names of the paths after `crate::`: one, or those of a list in braces.
fn first_names(path: &str) -> Vec<String> {
    let Some(list) = path.strip_prefix('{') else { return word(path).into_iter().collect() };
    let (mut depth, mut names, mut start) = (0, Vec::new(), true);
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && depth == 0 && !letter.is_whitespace() => {
                names.extend(word(&list[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The items that the crate's root re-exports, each with its module.
fn exports(lib: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for statement in lib.split(';') {
        let Some((_, path)) = statement.split_once("use ") else { continue };
        let Some((module, names)) = path.trim().trim_start_matches("self::").split_once("::") else { continue };
        let names = names.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        exports.extend(names.filter(|name| !name.is_empty()).map(|name| (name.to_owned(), module.to_owned())));
    }
    exports
}

/// The cycles, and the modules that depend on them: the rest, after modules that import from no remaining one are removed repeatedly.
fn cyclic(mut imports: Imports) -> Imports {
    loop {
        let free: Vec<String> =
            imports.iter().filter(|(_, others)| others.is_empty()).map(|(module, _)| module.clone()).collect();
        if free.is_empty() {
            return imports;
        }
        for module in free {
            imports.remove(&module);
            for others in imports.values_mut() {
                others.remove(&module);
            }
        }
    }
}
