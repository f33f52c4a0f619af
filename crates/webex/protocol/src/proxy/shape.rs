//! The word that a segment or a name stands for, whatever was put around it.

/// The ASCII letters and digits that a lenient server could read a segment as, in lower case: `Access_Token`, `access_token;x`,
/// `access_token.json`, `access%5Ftoken%23` and `access\u{200b}_token` are all `accesstoken`.
///
/// Reading ends at the first character that servers cut a parameter, an extension, a query or a fragment off at. What is invisible
/// or joins words (spaces, `_`, `-`, whatever is not ASCII) is passed over. Two spellings of one shape need not be one call for Webex;
/// a rule that refuses by shape refuses too much rather than too little.
pub fn shape(segment: &str) -> String {
    let joins = |letter: char| !letter.is_ascii() || letter.is_ascii_whitespace() || matches!(letter, '_' | '-');
    let letters = segment.trim_start_matches(|first: char| !first.is_ascii_alphanumeric()).chars();
    let read = letters.take_while(|letter| letter.is_ascii_alphanumeric() || joins(*letter));
    read.filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_around_a_word_does_not_change_its_shape() {
        for spelling in [
            "access_token",
            "Access_Token",
            "accessToken",
            "access-token",
            " access_token ",
            "\u{a0}access_token",
            "access\u{200b}_token\u{200b}",
            "access_token;a=b",
            "access_token,x",
            "access_token:x",
            "access_token.json",
            "access_token. .",
            "access_token#x",
            "access_token?x",
            "access_token&x",
            "access_token=",
            "access_token(1)",
            "access_token%",
            "@access_token",
        ] {
            assert_eq!(shape(spelling), "accesstoken", "{spelling}");
        }
        for (other, word) in [("access_tokens", "accesstokens"), ("x.access_token", "x"), ("", ""), ("…", "")] {
            assert_eq!(shape(other), word, "{other}");
        }
    }
}
