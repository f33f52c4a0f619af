//! The parser's messages in words for people.

use lanyard_credential::nearest;

/// A message of the parser, without the names of Rust's types.
pub(super) fn plain(message: &str) -> String {
    if let Some(misspelt) = misspelt(message) {
        return misspelt;
    }
    if UNQUOTED.iter().any(|begins| message.starts_with(begins)) {
        return "the value is not a number; put text in quotes, as in key_source = \"file\"".to_owned();
    }
    WORDS.iter().fold(message.to_owned(), |message, (of_rust, plain)| message.replace(of_rust, plain))
}

/// An unknown setting with the one that is most like it, instead of a list of all.
fn misspelt(message: &str) -> Option<String> {
    // Every second part is a name.
    let mut names = message.strip_prefix("unknown field `")?.split('`').step_by(2);
    let wrong = names.next()?;
    let near = nearest(&wrong.to_ascii_lowercase(), names.filter(|name| !name.is_empty())).into_iter().next()?;
    Some(format!("unknown setting `{wrong}`; did you mean `{near}`?"))
}

/// The beginnings of messages about a value that is not in quotes. The parser guesses its type by its first letter, and no setting is true
/// or false, or a date.
const UNQUOTED: [&str; 11] = [
    "string values must be quoted",
    "invalid boolean",
    "invalid date-time",
    "invalid float",
    "invalid integer number",
    "invalid hexadecimal number",
    "invalid octal number",
    "invalid binary number",
    "invalid mantissa",
    "invalid fraction",
    "invalid exponent",
];

/// Longer ones first, because they contain shorter ones.
const WORDS: [(&str, &str); 12] = [
    ("a nonzero u32", "a whole number of at least 1"),
    ("nonzero u32", "a whole number of at least 1"),
    ("u64", "a whole number"),
    ("u32", "a whole number"),
    ("struct ServeSettings", "a table"),
    ("struct Settings", "a table"),
    ("a sequence", "a list"),
    ("sequence", "list"),
    ("path string", "a path in quotes"),
    ("a string", "a text in quotes"),
    ("a map", "a table"),
    ("unknown field", "unknown setting"),
];
