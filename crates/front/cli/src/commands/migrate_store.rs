//! `lanyard migrate-store`: a home's store into PostgreSQL.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lanyard_home::{HomeError, MigrateError, Migrated, NewPlace, OpenError, StoreNamed};
use lanyard_operation::Class;
use lanyard_store::{StoreAddress, StoreAddressError};
use serde_json::json;

use super::Examples;
use super::key::{Target, place};
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, exit, output};

/// Move the store into a PostgreSQL database
#[derive(Debug, Args)]
pub(crate) struct MigrateStore {
    /// The address of the database, without a password
    to: String,
    /// A file with the database password; its path is saved in lanyard.toml
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Where the home's key is kept and stays; needed if that is a file or a keyring and lanyard.toml does not set `key_source`
    #[arg(long, value_name = "SOURCE", value_enum)]
    key_source: Option<Target>,
}

impl MigrateStore {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let home = common.home()?.directory;
        let address: StoreAddress = self.to.parse().map_err(|error: StoreAddressError| unusable(&error))?;
        let password_file = self.password_file.map(std::path::absolute).transpose();
        let to = NewPlace {
            address: address.clone(),
            password_file: password_file.map_err(Failure::io("cannot find the current directory"))?,
            key_source: self.key_source.map(Into::into),
        };
        let (parts, mut options) = (context::parts(), context::options()?);
        if let Some(source) = context::new_home_key_source()? {
            options.keys.new_home = source;
        }
        let actor = context::actor();
        let moved = lanyard_home::migrate_store(&home, to, &actor, context::store_parts(&parts), options).await;
        let moved = moved.map_err(|error| match error {
            MigrateError::Open(OpenError::Home(HomeError::Missing(_))) => Failure::NoSuchName {
                message: format!("there is no store in {} yet", home.display()),
                hint: "a new home can use PostgreSQL from the start: set store in its lanyard.toml".to_owned(),
            },
            error => error.into(),
        })?;
        if common.json {
            print_json(&address, &moved)?;
        } else {
            print_text(&address, &moved);
        }
        match &moved.named {
            // The home is paused until a person has edited its settings.
            Some(StoreNamed::ByHand(_)) => Ok(ExitCode::from(exit::code_of(Class::PersonMustAct))),
            _ => Ok(ExitCode::SUCCESS),
        }
    }
}

fn print_json(address: &StoreAddress, moved: &Migrated) -> Result<(), Failure> {
    let rows = moved.rows.as_ref().map(|rows| {
        rows.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect::<serde_json::Map<_, _>>()
    });
    let (named, lines) = match &moved.named {
        None => ("variable", None),
        Some(StoreNamed::Already) => ("already", None),
        Some(StoreNamed::Written(lines)) => ("written", Some(lines)),
        Some(StoreNamed::ByHand(lines)) => ("by-hand", Some(lines)),
    };
    output::json::print(&json!({
        "store": address.to_string(),
        "rows": rows,
        "settings": { "named": named, "lines": lines },
        "old_database": moved.old,
        "key": { "place": place(&moved.key_place) },
    }))
}

fn print_text(address: &StoreAddress, moved: &Migrated) {
    match &moved.rows {
        None => output::note(&format!("the store is in {address}")),
        Some(rows) => {
            let of = |table: &str| rows.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows);
            let all: u64 = rows.iter().map(|(_, rows)| rows).sum();
            output::note(&format!(
                "moved {}, {}, {} and {} to {address}: {all} rows copied, compared and verified",
                counted(of("credentials"), "credential"),
                counted(of("apps"), "app"),
                counted(of("clients"), "client"),
                counted(of("journal"), "audit entry"),
            ));
        }
    }
    let mut is_finished = true;
    match &moved.named {
        None => output::note(&format!(
            "LANYARD_STORE names the store; to need no variable, add this to lanyard.toml: store = \"{address}\""
        )),
        Some(StoreNamed::Already) => {}
        Some(StoreNamed::Written(lines)) => {
            output::note(&format!("added to lanyard.toml: {}", lines.trim_end().replace('\n', ", ")));
        }
        Some(StoreNamed::ByHand(lines)) => {
            is_finished = false;
            output::note("lanyard.toml cannot be edited; put this at its top, then finish the move:");
            lines.lines().for_each(output::note);
        }
    }
    if let Some(old) = moved.old.as_ref().filter(|_| is_finished) {
        output::note("start programs that were running again, so that they use the new store");
        output::note(&format!(
            "the old database still contains sealed tokens; delete it: rm {}*",
            output::pasted::quoted(&old.to_string_lossy())
        ));
    }
    output::note(&format!("every home of this store needs the key, which is kept in {}", moved.key_place));
    if !is_finished {
        output::note(&format!("finish the move: lanyard migrate-store '{address}'"));
    }
}

fn counted(count: u64, what: &str) -> String {
    match (count, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {what}s"),
    }
}

fn unusable(error: &StoreAddressError) -> Failure {
    let example = "lanyard migrate-store postgres://lanyard@db.example.com/lanyard";
    let hint = match error {
        StoreAddressError::Password => format!("{example} --password-file /etc/lanyard/store-password"),
        _ => format!("for example: {example}"),
    };
    Failure::Usage { message: error.to_string(), hint }
}

pub(super) const EXAMPLES: &[Examples] = &[(
    "migrate-store",
    &[
        "lanyard migrate-store postgres://lanyard@db.example.com/lanyard \\\n      --password-file /etc/lanyard/store-password",
        "lanyard migrate-store 'postgres://lanyard@localhost/lanyard?host=/run/postgresql' \\\n      --key-source file",
    ],
)];
