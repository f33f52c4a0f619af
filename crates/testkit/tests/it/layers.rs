//! The dependency rules of `ARCHITECTURE.md`, compared with the dependencies that cargo reports.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::{Member, Workspace};

/// The allowed dependencies of one crate.
struct Layer {
    name: &'static str,
    /// The crates of the workspace that it may depend on (its tests may know more).
    may_know: &'static [&'static str],
    /// The crates of others that it must not reach, neither directly nor through anything it depends on.
    must_not_reach: &'static [&'static str],
}

/// Runtimes, networks and databases. The pure crates reach none of them.
const IMPURE: &[&str] = &["tokio", "mio", "reqwest", "hyper", "axum", "rustls", "sqlx", "libsqlite3-sys"];

const LAYERS: &[Layer] = &[
    Layer { name: "lanyard-time", may_know: &[], must_not_reach: IMPURE },
    Layer { name: "lanyard-secret", may_know: &[], must_not_reach: IMPURE },
    Layer { name: "lanyard-protocol", may_know: &["lanyard-secret", "lanyard-time"], must_not_reach: IMPURE },
    Layer {
        name: "lanyard-credential",
        may_know: &["lanyard-protocol", "lanyard-secret", "lanyard-time"],
        must_not_reach: IMPURE,
    },
    Layer {
        name: "lanyard-operation",
        may_know: &["lanyard-credential", "lanyard-protocol", "lanyard-secret", "lanyard-time"],
        must_not_reach: &["reqwest", "hyper", "axum", "rustls", "sqlx", "libsqlite3-sys"],
    },
    Layer {
        name: "lanyard-vault",
        may_know: &["lanyard-credential", "lanyard-protocol", "lanyard-secret", "lanyard-time"],
        must_not_reach: IMPURE,
    },
    Layer {
        name: "lanyard-store",
        may_know: &["lanyard-credential", "lanyard-protocol", "lanyard-secret", "lanyard-time", "lanyard-vault"],
        // A database server is asked over TLS.
        must_not_reach: &["reqwest", "hyper", "axum"],
    },
    Layer {
        name: "lanyard-home",
        may_know: &["lanyard-credential", "lanyard-store", "lanyard-time", "lanyard-vault"],
        must_not_reach: &["reqwest", "hyper", "axum"],
    },
    Layer {
        name: "lanyard-work",
        may_know: &["lanyard-client", "lanyard-credential", "lanyard-operation", "lanyard-store", "lanyard-time"],
        must_not_reach: &["axum", "clap"],
    },
    Layer {
        name: "lanyard-client",
        may_know: &["lanyard-protocol", "lanyard-secret", "lanyard-time"],
        must_not_reach: &["sqlx", "libsqlite3-sys", "axum", "chacha20poly1305"],
    },
    Layer {
        name: "lanyard-channel",
        may_know: &["lanyard-client", "lanyard-credential", "lanyard-protocol", "lanyard-secret", "lanyard-time"],
        must_not_reach: &["sqlx", "libsqlite3-sys", "axum", "chacha20poly1305", "openssl", "native-tls"],
    },
    Layer {
        name: "lanyard-simulator",
        may_know: &["lanyard-protocol", "lanyard-secret", "lanyard-time"],
        must_not_reach: &["sqlx", "libsqlite3-sys", "reqwest", "chacha20poly1305"],
    },
    Layer {
        name: "lanyard-broker",
        may_know: &[
            "lanyard-channel",
            "lanyard-client",
            "lanyard-credential",
            "lanyard-operation",
            "lanyard-protocol",
            "lanyard-secret",
            "lanyard-store",
            "lanyard-time",
            "lanyard-vault",
            "lanyard-work",
        ],
        must_not_reach: &["axum", "clap"],
    },
    Layer {
        name: "lanyard-devices",
        // Not the broker: it gets tokens through the context that it is given.
        may_know: &[
            "lanyard-client",
            "lanyard-credential",
            "lanyard-operation",
            "lanyard-protocol",
            "lanyard-secret",
            "lanyard-store",
            "lanyard-time",
            "lanyard-work",
        ],
        must_not_reach: &["axum", "clap"],
    },
    Layer {
        name: "lanyard-server",
        may_know: &[
            "lanyard-broker",
            "lanyard-client",
            "lanyard-credential",
            "lanyard-devices",
            "lanyard-home",
            "lanyard-operation",
            "lanyard-protocol",
            "lanyard-secret",
            "lanyard-store",
            "lanyard-time",
            "lanyard-vault",
            "lanyard-work",
        ],
        must_not_reach: &["clap", "openssl", "native-tls"],
    },
    Layer {
        name: "lanyard",
        may_know: &[
            "lanyard-broker",
            "lanyard-channel",
            "lanyard-client",
            "lanyard-credential",
            "lanyard-devices",
            "lanyard-home",
            "lanyard-operation",
            "lanyard-protocol",
            "lanyard-secret",
            "lanyard-server",
            "lanyard-simulator",
            "lanyard-store",
            "lanyard-time",
            "lanyard-vault",
            "lanyard-work",
        ],
        must_not_reach: &["openssl", "native-tls"],
    },
    Layer {
        name: "lanyard-testkit",
        // Not the broker: its own tests use this crate, and would have the types of two brokers.
        may_know: &[
            "lanyard-client",
            "lanyard-credential",
            "lanyard-protocol",
            "lanyard-secret",
            "lanyard-simulator",
            "lanyard-store",
            "lanyard-time",
            "lanyard-vault",
        ],
        must_not_reach: &["clap"],
    },
];

/// Crates of others that have one home: only the crates named here may depend on them directly.
const HOMES: &[(&str, &[&str])] = &[
    ("argon2", &["lanyard-vault"]),
    ("axum", &["lanyard-server", "lanyard-simulator"]),
    ("chacha20poly1305", &["lanyard-vault"]),
    ("clap", &["lanyard"]),
    ("getrandom", &["lanyard-time"]),
    // The simulator, the broker's sockets, and the loopback listener of a sign-in.
    ("hyper", &["lanyard", "lanyard-server", "lanyard-simulator"]),
    ("keyring-core", &["lanyard-home"]),
    ("lettre", &["lanyard-channel"]),
    ("prometheus-client", &["lanyard-server"]),
    ("reqwest", &["lanyard-channel", "lanyard-client"]),
    ("rusqlite", &[]),
    ("sqlx", &["lanyard-store"]),
    ("toml", &["lanyard-home"]),
];

/// Features of the workspace's crates that may be on only where one of these is built.
const FEATURES: &[(&str, &[&str])] = &[
    // Waiting on a runtime's timer: for the crates that already have one.
    (
        "tokio",
        &[
            "lanyard",
            "lanyard-broker",
            "lanyard-channel",
            "lanyard-client",
            "lanyard-devices",
            "lanyard-home",
            "lanyard-server",
            "lanyard-simulator",
            "lanyard-store",
            "lanyard-testkit",
            "lanyard-work",
        ],
    ),
    // Places at which a test may end the process: never in what is released.
    ("failpoints", &["lanyard-testkit"]),
];

/// The crate of `front` that nothing depends on, tests included.
const FRONT: &str = "lanyard";

#[test]
fn every_crate_keeps_to_its_layer() {
    let violations = violations(&Workspace::read());
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

fn violations(workspace: &Workspace) -> Vec<String> {
    let layers: BTreeMap<_, _> = LAYERS.iter().map(|layer| (layer.name, layer)).collect();
    let mut found = Vec::new();
    for name in layers.keys().filter(|name| !workspace.members.contains_key(**name)) {
        found.push(format!("{name} has a layer and does not exist"));
    }
    for (name, member) in &workspace.members {
        match layers.get(name.as_str()) {
            Some(layer) => found.extend(against_layer(layer, member, workspace)),
            None => found.push(format!("{name} has no layer: give it one in this file")),
        }
    }
    found
}

fn against_layer(layer: &Layer, member: &Member, workspace: &Workspace) -> Vec<String> {
    let name = layer.name;
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) =
        member.normal.iter().map(String::as_str).partition(|dependency| workspace.members.contains_key(*dependency));
    let known = ours.iter().filter(|dependency| !layer.may_know.contains(dependency));
    let strangers = known.map(|dependency| format!("{name} must not know {dependency}"));
    let homeless = HOMES.iter().filter(|(foreign, homes)| theirs.contains(foreign) && !homes.contains(&name));
    let homeless = homeless.map(|(foreign, _)| format!("{name} must not depend on {foreign}: it has another home"));
    let reached = layer.must_not_reach.iter().filter(|foreign| member.reaches.contains(**foreign));
    let reached =
        reached.map(|foreign| format!("{name} must not reach {foreign}: see `cargo tree -p {name} -i {foreign}`"));
    let front = (name != FRONT && member.dev.contains(FRONT)).then(|| format!("{name} must not test with {FRONT}"));
    let switched =
        FEATURES.iter().filter(|(feature, users)| member.switches_on.contains(*feature) && !users.contains(&name));
    let switched = switched.map(|(feature, _)| format!("{name} must not be built with the feature {feature}"));
    strangers.chain(homeless).chain(reached).chain(front).chain(switched).collect()
}

/// Each rule, broken on purpose.
#[test]
fn a_broken_rule_is_seen() {
    fn broken(by: impl FnOnce(&mut BTreeMap<String, Member>)) -> Vec<String> {
        let members = LAYERS.iter().map(|layer| (layer.name.to_owned(), Member::default())).collect();
        let mut workspace = Workspace { members };
        assert_eq!(violations(&workspace), Vec::<String>::new());
        by(&mut workspace.members);
        violations(&workspace)
    }
    fn member<'a>(members: &'a mut BTreeMap<String, Member>, name: &str) -> &'a mut Member {
        members.get_mut(name).unwrap()
    }

    let newcomer = broken(|members| {
        members.insert("lanyard-new".into(), Member::default());
    });
    assert_eq!(newcomer, ["lanyard-new has no layer: give it one in this file"]);

    let gone = broken(|members| {
        members.remove("lanyard-vault");
    });
    assert_eq!(gone, ["lanyard-vault has a layer and does not exist"]);

    let upwards = broken(|members| {
        member(members, "lanyard-simulator").normal.insert("lanyard-store".into());
    });
    assert_eq!(upwards, ["lanyard-simulator must not know lanyard-store"]);

    let homeless = broken(|members| {
        member(members, "lanyard-broker").normal.insert("sqlx".into());
    });
    assert_eq!(homeless, ["lanyard-broker must not depend on sqlx: it has another home"]);

    let impure = broken(|members| {
        member(members, "lanyard-credential").reaches.insert("tokio".into());
    });
    assert_eq!(impure, ["lanyard-credential must not reach tokio: see `cargo tree -p lanyard-credential -i tokio`"]);

    let tested_with_front = broken(|members| {
        member(members, "lanyard-broker").dev.insert("lanyard".into());
    });
    assert_eq!(tested_with_front, ["lanyard-broker must not test with lanyard"]);

    let switched = broken(|members| {
        member(members, "lanyard").switches_on.insert("failpoints".into());
    });
    assert_eq!(switched, ["lanyard must not be built with the feature failpoints"]);
}
