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
    "webex/client",
    "webex/protocol",
    "webex/simulator",
];

/// For each module of a crate the others that it imports from.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_module_imports_from_one_that_imports_from_it() {
    for name in CRATES {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        let imports = imports(&read(&source));
        assert!(imports.values().any(|others| !others.is_empty()), "no imports were found in {name}");
        let cyclic = cyclic(imports);
        assert!(cyclic.is_empty(), "{name} has import cycles among: {cyclic:#?}");
    }
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

/// The text of each module, its own modules included.
fn read(source: &Path) -> BTreeMap<String, String> {
    let mut modules = BTreeMap::<String, String>::new();
    let mut paths: Vec<PathBuf> = vec![source.to_owned()];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && path.file_stem().unwrap() != "tests" {
            let first = path.strip_prefix(source).unwrap().components().next().unwrap();
            let module = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let text = without_comments_and_tests(&fs::read_to_string(&path).unwrap());
            modules.entry(module).or_default().push_str(&text);
        }
    }
    modules
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
        let found = text.split("crate::").skip(1).flat_map(first_names).filter_map(|name| home(&name));
        (module.clone(), found.filter(|found| found != module && found != "lib").collect())
    };
    modules.iter().filter(|(module, _)| *module != "lib").map(of).collect()
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
