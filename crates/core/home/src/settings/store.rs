//! Whether settings with a mistake may be meant to name a store.

use lanyard_credential::nearest;
use toml::{Table, Value};

/// The settings outside a table. Where two are equally near, the first is suspected.
const KNOWN: [&str; 5] = [STORE, "key_source", "key_command", "store_password_file", "serve"];

/// A setting that is probably `store`, but misspelt or in a table, in a text that is TOML.
pub(super) fn slip(all: &Table) -> Option<String> {
    let unknown = all.keys().filter(|key| !KNOWN.contains(&&***key));
    let misspelt = unknown.into_iter().find(|key| is_like_store(key));
    misspelt
        .map(|key| format!("unknown setting `{key}`; did you mean `store`?"))
        .or_else(|| all.iter().find_map(|(key, value)| in_table(key, value)))
}

fn in_table(name: &str, value: &Value) -> Option<String> {
    // What is under `store` itself is reported as no text.
    let table = value.as_table().filter(|_| name != STORE)?;
    let found = table.keys().find(|key| is_like_store(key));
    found
        .map(|key| format!("unknown setting `{key}` in the table [{name}]; did you mean `store`, above all tables?"))
        .or_else(|| table.iter().find_map(|(key, value)| in_table(&format!("{name}.{key}"), value)))
}

/// Whether a line of a text that is not TOML may be meant to set the store.
pub(super) fn seemingly_set(text: &str) -> bool {
    text.split(['\n', '\r']).any(|line| {
        let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let key = line.split('=').next().unwrap_or_default();
        !line.starts_with('#') && key.split('.').map(bare).any(|key| key.starts_with(STORE) || is_like_store(key))
    })
}

/// A key without brackets, quotes and spaces.
fn bare(key: &str) -> &str {
    key.trim_matches(|c: char| c.is_whitespace() || "\"'[]".contains(c))
}

/// Whether a key is `store`, or more like it than like any other setting.
fn is_like_store(key: &str) -> bool {
    nearest(&key.to_ascii_lowercase(), KNOWN.into_iter()).first().is_some_and(|near| near == STORE)
}

const STORE: &str = "store";

#[cfg(test)]
mod tests {
    use super::*;

    fn slip_in(text: &str) -> Option<String> {
        slip(&text.parse::<Table>().unwrap())
    }

    #[test]
    fn a_misspelt_store_is_seen_wherever_it_is() {
        for key in ["stroe", "Store", "STORE", "stor", "sotre", "sorte", "stores", "store-url", "\"stroe\"", "Store.x"]
        {
            let said = slip_in(&format!("key_source = \"file\"\n{key} = \"postgres://x@localhost/y\"\n"));
            assert!(said.as_ref().is_some_and(|said| said.contains("did you mean `store`?")), "{key}: {said:?}");
        }
        let said = slip_in("[serve]\nhttp = \"localhost:1\"\nstore = \"x\"\n").unwrap();
        assert!(said.contains("`store` in the table [serve]"), "{said}");
        assert!(slip_in("[a.b]\nstroe = 1\n").unwrap().contains("[a.b]"));
    }

    #[test]
    fn other_settings_are_not_taken_for_the_store() {
        for text in [
            "store = \"x\"\nstore_pasword_file = \"y\"\n",
            "store = { x = 1 }\n",
            "key_sauce = 1\nodd = 2\n[sevre]\nsockets = 1\n",
            "[serve]\nsokets = 1\nmax_stael = 1\ntls_key = \"x\"\nclients_socket = 1\n",
        ] {
            assert_eq!(slip_in(text), None, "{text}");
        }
    }

    #[test]
    fn a_line_that_seems_to_set_the_store_is_seen_in_any_spelling() {
        for line in [
            "store = x",
            "  store=x",
            "\"store\" = \"x\"",
            "'store' = 'x'",
            "store.x = 1",
            "\"store\" . x = 1",
            "[store]",
            "Store = x",
            "stroe = x",
            "store_password_file = x",
            "\u{feff}store = x",
        ] {
            assert!(seemingly_set(&format!("this is not TOML\n{line}\n")), "{line}");
            assert!(seemingly_set(&format!("a = 1\r{line}\rthis is not TOML\r")), "{line}");
        }
        for line in ["# store = x", "key_source = store", "sockets = \"/store\"", "the store is elsewhere", ""] {
            assert!(!seemingly_set(&format!("this is not TOML\n{line}\n")), "{line}");
        }
    }
}
