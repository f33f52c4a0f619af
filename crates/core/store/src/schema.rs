//! Whether a database has the schema that Lanyard gave it, and nothing else.
//!
//! A trigger or a view that was put into the database acts inside Lanyard's own transactions, and is copied with every backup.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::StoreError;
use crate::engine::Engine;

/// Lists the differences from the store's known schema, in words. Objects that are named after one of the `owners` are compared
/// [separately](owned).
pub(crate) async fn differences(engine: &Engine, owners: &[&str]) -> Result<Vec<String>, StoreError> {
    let mut found = objects(engine).await?;
    found.retain(|(object, _)| !owners.iter().any(|owner| is_of(object, owner)));
    Ok(compare(&known(engine.known_schema()), found))
}

/// The objects that are named after `owner`, with their definitions.
pub(crate) async fn owned(engine: &Engine, owner: &str) -> Result<Vec<(String, String)>, StoreError> {
    let mut found = objects(engine).await?;
    found.retain(|(object, _)| is_of(object, owner));
    Ok(found)
}

fn is_of(object: &str, owner: &str) -> bool {
    let name = object.rsplit_once(' ').map_or(object, |(_, name)| name);
    let name = name.strip_prefix("sqlite_autoindex_").unwrap_or(name);
    name.strip_prefix(owner).is_some_and(|rest| rest.starts_with('_'))
}

async fn objects(engine: &Engine) -> Result<Vec<(String, String)>, StoreError> {
    let mut found = Vec::new();
    for row in engine.schema_objects().await? {
        let definition = row.optional_text("sql")?.unwrap_or_default();
        let object = format!("{} {}", row.text("type")?, row.text("name")?);
        found.push((object, definition.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    Ok(found)
}

pub(crate) type Objects = BTreeMap<String, String>;

/// The schema after the last migration: for each object its type, its name and its definition, with single spaces.
pub(crate) fn known(schema: &str) -> Objects {
    let object = |line: &str| {
        let (object, definition) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        (object.to_owned(), definition.to_owned())
    };
    schema.lines().map(object).collect()
}

/// A name that is found twice is named, whatever it stands for: one of the two would hide the other.
pub(crate) fn compare(known: &Objects, objects: Vec<(String, String)>) -> Vec<String> {
    let (mut found, mut twice) = (Objects::new(), Vec::new());
    for (object, definition) in objects {
        match found.entry(object) {
            Entry::Vacant(place) => {
                place.insert(definition);
            }
            Entry::Occupied(place) => twice.push(format!("found twice: {}", place.key().escape_debug())),
        }
    }
    let unknown = found
        .keys()
        .filter(|object| !known.contains_key(*object))
        .map(|object| format!("unknown: {}", object.escape_debug()));
    let expected = known.iter().filter_map(|(object, definition)| match found.get(object) {
        None => Some(format!("missing: {object}")),
        Some(found) if found != definition => Some(format!("altered: {object}")),
        Some(_) => None,
    });
    unknown.chain(expected).chain(twice).collect()
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    fn objects(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(object, definition)| ((*object).to_owned(), (*definition).to_owned())).collect()
    }

    /// After a new migration: `INSTA_UPDATE=always cargo test -p lanyard-store the_known_schema` writes the file again.
    #[tokio::test]
    async fn the_known_schema_of_a_file_is_what_the_scripts_make() {
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for script in crate::migration::scripts() {
            sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
        }
        let objects = "SELECT type || ' ' || name || ': ' || COALESCE(sql, '') AS line FROM sqlite_master ORDER BY type || ' ' || name";
        let rows = sqlx::raw_sql(objects).fetch_all(&mut connection).await.unwrap();
        let line =
            |row| sqlx::Row::get::<String, _>(row, "line").split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
        let found: String = rows.iter().map(line).collect();
        if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations/schema.txt");
            return std::fs::write(path, found).unwrap();
        }
        assert_eq!(found, include_str!("migrations/schema.txt"));
    }

    #[test]
    fn every_difference_is_named() {
        let same = [("table a", "A"), ("index b", "B"), ("table c", "C")];
        let known: Objects = objects(&same).into_iter().collect();
        assert!(compare(&known, objects(&same)).is_empty());
        let found = objects(&[("table a", "A"), ("trigger t\n", "T"), ("table c", "other")]);
        assert_eq!(compare(&known, found), ["unknown: trigger t\\n", "missing: index b", "altered: table c"]);
        for hidden in [("table c", "other"), ("table c", "C")] {
            let found = objects(&[same[0], same[1], hidden, same[2]]);
            assert!(compare(&known, found).contains(&"found twice: table c".to_owned()));
        }
    }
}
