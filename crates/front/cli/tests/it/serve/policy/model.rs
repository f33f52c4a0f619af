//! A model of the expected result of a call. It shares no code with the implementation that decides it.

/// The policy of a client, as given to `lanyard client add`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) can: &'static [&'static str],
    /// `None` for all.
    pub(super) credentials: Option<&'static [&'static str]>,
    pub(super) methods: Option<&'static [&'static str]>,
    pub(super) paths: Option<&'static [&'static str]>,
}

/// The proof of identity in a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    Nothing,
    /// A token of Webex's, which is no key.
    Token,
    /// A key with one letter wrong.
    Mistyped,
    Expired,
    Removed,
    /// Of a client whose only credential is erased.
    Orphan,
    Key(&'static Rule),
}

/// Where it comes in, and as whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// On the owner's socket.
    Owner,
    /// On the socket for clients, as the user that runs the test, who is no client.
    Clients,
    Tcp,
    /// On the socket for clients, as a user of its group who is the client of [`LOCAL`].
    ClientsAsLocal,
    /// On the socket for clients, as a user of its group that is not a client.
    ClientsAsStranger,
    /// As a user of another group.
    ClientsAsOutsider,
}

/// The operation of a request, and its credential if it is about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Token(&'static str),
    List,
    Show(&'static str),
    Refresh(&'static str),
    Test(&'static str),
    Clear(&'static str),
    /// Something to add that cannot be read: who may add is told that.
    Add,
    Call(&'static str, &'static str, &'static str),
}

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is no connection.
    ShutOut,
    /// Nobody knows who asks.
    Unknown,
    Refused,
    /// It would be allowed, and there is no such credential.
    Absent,
    /// It is done, or fails for a reason of its own.
    Through,
}

/// The credential that there is not.
pub(super) const ABSENT: &str = "nobody";

/// The policy of the local user.
pub(super) const LOCAL: Rule = Rule {
    name: "local",
    can: &["token", "proxy"],
    credentials: Some(&["acme"]),
    methods: Some(&["GET", "POST"]),
    paths: Some(&["/people/**"]),
};

pub(super) fn expected(door: Door, proof: Proof, deed: Deed) -> Seen {
    if door == Door::ClientsAsOutsider {
        return Seen::ShutOut;
    }
    match (proof, door) {
        (Proof::Nothing, Door::Owner) => there(deed),
        (Proof::Nothing, Door::ClientsAsLocal) => allowed(&LOCAL, deed),
        (Proof::Nothing | Proof::Token | Proof::Mistyped | Proof::Removed, _) => Seen::Unknown,
        (Proof::Expired | Proof::Orphan, _) if !matches!((proof, deed), (Proof::Orphan, Deed::List)) => Seen::Refused,
        // It may list, and sees nothing.
        (Proof::Expired | Proof::Orphan, _) => Seen::Through,
        (Proof::Key(rule), _) => allowed(rule, deed),
    }
}

fn there(deed: Deed) -> Seen {
    if credential(deed) == Some(ABSENT) { Seen::Absent } else { Seen::Through }
}

fn credential(deed: Deed) -> Option<&'static str> {
    match deed {
        Deed::Token(name)
        | Deed::Show(name)
        | Deed::Refresh(name)
        | Deed::Test(name)
        | Deed::Clear(name)
        | Deed::Call(name, ..) => Some(name),
        Deed::List | Deed::Add => None,
    }
}

fn allowed(rule: &Rule, deed: Deed) -> Seen {
    let capability = match deed {
        Deed::Token(_) => "token",
        Deed::List | Deed::Show(_) => "read",
        Deed::Refresh(_) | Deed::Test(_) => "refresh",
        Deed::Clear(_) | Deed::Add => "manage",
        Deed::Call(..) => "proxy",
    };
    let has_credential = match (rule.credentials, credential(deed)) {
        (None, _) => true,
        (Some(_), None) => deed == Deed::List,
        (Some(own), Some(name)) => own.contains(&name),
    };
    let may_call = if let Deed::Call(_, method, path) = deed { calls(rule, method, path) } else { true };
    if rule.can.contains(&capability) && has_credential && may_call { there(deed) } else { Seen::Refused }
}

fn calls(rule: &Rule, method: &str, path: &str) -> bool {
    if rule.methods.is_some_and(|methods| !methods.contains(&method)) {
        return false;
    }
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let named = |path: &str| rule.paths.is_some_and(|paths| paths.contains(&path));
    let stood_for = rule.paths.is_none_or(|paths| paths.iter().any(|pattern| fits(pattern, path)));
    match path {
        "/access_token" | "/devices/activationCode" | "/webhooks" => named(path),
        "/webhooks/x" => named(path) || (named("/webhooks") && stood_for),
        _ => stood_for,
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    match (pattern.strip_prefix('/'), path.strip_prefix('/')) {
        (Some("**"), _) => true,
        (None, None) => pattern.is_empty() && path.is_empty(),
        (Some(pattern), Some(path)) => {
            let cut = |text: &'_ str| text.find('/').unwrap_or(text.len());
            let ((first, pattern), (own, path)) = (pattern.split_at(cut(pattern)), path.split_at(cut(path)));
            (first == "*" || first == own) && fits(pattern, path)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[test]
fn the_model_knows_a_pattern() {
    for (pattern, path, is) in [
        ("/people/*", "/people/me", true),
        ("/people/*", "/people", false),
        ("/people/**", "/people", true),
        ("/people/**", "/peoples", false),
        ("/people", "/people/me", false),
    ] {
        assert_eq!(fits(pattern, path), is, "{pattern} {path}");
    }
}
