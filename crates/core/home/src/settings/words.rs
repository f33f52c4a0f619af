//! The parser's messages in words for people.

/// A message of the parser, without the names of Rust's types.
pub(super) fn plain(message: &str) -> String {
    WORDS.iter().fold(message.to_owned(), |message, (of_rust, plain)| message.replace(of_rust, plain))
}

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
