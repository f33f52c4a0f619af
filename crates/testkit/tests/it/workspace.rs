//! The workspace as cargo sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// The crates of the workspace, by name.
pub(crate) struct Workspace {
    pub(crate) members: BTreeMap<String, Member>,
}

/// The dependencies of one crate: those that it declares, and the crates and features of its build.
#[derive(Default)]
pub(crate) struct Member {
    /// Direct dependencies of the crate itself and of its build script, optional ones included.
    pub(crate) normal: BTreeSet<String>,
    /// Direct dependencies of its tests.
    pub(crate) dev: BTreeSet<String>,
    /// The crates that are linked when this crate alone is built with its default features.
    pub(crate) reaches: BTreeSet<String>,
    /// The features of the workspace's crates, its own included, that are on in that build.
    pub(crate) switches_on: BTreeSet<String>,
}

impl Workspace {
    pub(crate) fn read() -> Self {
        // Without the graph: there the features of all members are merged, and a pure crate would seem to reach what another
        // member's feature brings in. `cargo tree` resolves each member separately.
        let metadata = MetadataCommand::new()
            .no_deps()
            .other_options(["--locked".to_owned(), "--offline".to_owned()])
            .exec()
            .expect("cargo, which runs this test, can describe the workspace");
        let packages = metadata.workspace_packages();
        let names: BTreeSet<_> = packages.iter().map(|package| package.name.to_string()).collect();
        let members = packages.into_iter().map(|package| (package.name.to_string(), member(package, &names)));
        Self { members: members.collect() }
    }
}

fn member(package: &Package, ours: &BTreeSet<String>) -> Member {
    let mut member = Member::default();
    for dependency in &package.dependencies {
        match dependency.kind {
            DependencyKind::Development => member.dev.insert(dependency.name.clone()),
            _ => member.normal.insert(dependency.name.clone()),
        };
    }
    for line in tree(&package.name).lines() {
        let (package, features) = line.split_once('|').expect("the format asked for has a bar");
        let name = package.split(' ').next().expect("splitting gives at least one part");
        if ours.contains(name) {
            // A line that repeats an earlier one ends in ` (*)`.
            member.switches_on.extend(features.trim_end_matches(" (*)").split(',').map(str::to_owned));
        }
        member.reaches.insert(name.to_owned());
    }
    assert!(member.reaches.contains(package.name.as_str()), "cargo tree shows the package that it was asked for");
    member
}

/// One line for each crate that is linked: its name, its version, a bar, its features.
fn tree(package: &str) -> String {
    let cargo = env::var_os("CARGO").expect("cargo names itself to the tests that it runs");
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}|{f}", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo, which runs this test, can be run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree --package {package}: {errors}");
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}
