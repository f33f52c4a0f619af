//! The devices that a watch covers: by kind, by Webex's tags, and by location.

/// Whether a word is among others, in any case.
pub(crate) fn is_among(word: &str, others: &[String]) -> bool {
    let word = word.trim().to_lowercase();
    others.iter().any(|other| other.trim().to_lowercase() == word)
}
