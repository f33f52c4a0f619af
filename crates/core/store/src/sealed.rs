//! The tables whose rows carry a seal, and what it covers.

/// A table whose rows carry a seal.
#[derive(Debug)]
pub(crate) struct SealedTable {
    pub(crate) name: &'static str,
    pub(crate) texts: &'static [&'static str],
    pub(crate) numbers: &'static [&'static str],
    pub(crate) select: &'static str,
    pub(crate) select_all: &'static str,
    pub(crate) update: &'static str,
}

/// Left out: how the last attempt failed, how long the tokens last, and the generation (the tokens are sealed for it).
pub(crate) const CREDENTIALS: SealedTable = SealedTable {
    name: "credentials",
    texts: &[
        "id",
        "name",
        "kind",
        "environment",
        "app",
        "standing",
        "scopes",
        "subject_id",
        "subject_account",
        "subject_name",
        "subject_email",
        "subject_unknown",
        "organisation_id",
        "organisation_name",
        "labels",
        "mint_via",
        "mint_organisation",
        "mint_subject",
        "mint_display_name",
    ],
    numbers: &["grant_number", "created_at"],
    select: "SELECT * FROM credentials WHERE id = $1",
    select_all: "SELECT * FROM credentials ORDER BY id",
    update: "UPDATE credentials SET seal = $2 WHERE id = $1",
};

/// Left out: the secret's version, which the secret is sealed for.
pub(crate) const APPS: SealedTable = SealedTable {
    name: "apps",
    texts: &["id", "name", "kind", "environment", "client_id", "redirect_uris", "scopes", "application_id"],
    numbers: &[],
    select: "SELECT * FROM apps WHERE id = $1",
    select_all: "SELECT * FROM apps ORDER BY id",
    update: "UPDATE apps SET seal = $2 WHERE id = $1",
};

/// The home's own row, whose seal is a [mac of its own form](crate::keys::HomeRow::sealed_with). Left out: the data key, which the home's key
/// authenticates.
pub(crate) const HOME: SealedTable = SealedTable {
    name: "home",
    texts: &[
        "home_id",
        "key_id",
        "key_source",
        "next_key_id",
        "next_key_source",
        "retired_key_id",
        "retired_key_source",
        "offered_key_id",
        "offered_key_source",
        "paused_reason",
    ],
    numbers: &["next_key_since", "offered_key_since", "paused_since"],
    select: "SELECT * FROM home WHERE id = 1",
    select_all: "SELECT * FROM home",
    update: SEAL_HOME,
};

impl SealedTable {
    /// The columns that the seal covers.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.texts.iter().chain(self.numbers).copied()
    }

    /// The table of that name, if its rows are sealed.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        [&CREDENTIALS, &APPS, &HOME].into_iter().find(|table| table.name == name)
    }
}

pub(crate) const SEAL_HOME: &str = "UPDATE home SET seal = $1 WHERE id = 1";
