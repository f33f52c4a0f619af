//! `lanyard api --jq`: filters Webex's response with a jq expression, in the manner of `gh api --jq`.

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, Error as LoadError, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::Val;
use lanyard_protocol::parse_json;

use crate::exit::Failure;
use crate::output::{self, foreign};

/// A compiled expression.
pub(super) struct Expression(Filter<JustLut<Val>>);

impl Expression {
    /// Compiles an expression.
    pub(super) fn compile(code: &str) -> Result<Self, Failure> {
        let tables = jaq_core::load::parse(TABLES, |parser| parser.defs()).unwrap_or_default();
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(tables);
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let invalid = |why: String| Failure::Usage {
            message: format!("the --jq expression {code:?} is invalid: {why}"),
            hint: "lanyard api people/me --jq .displayName".to_owned(),
        };
        // jaq panics at an import of data.
        if code.trim_start().starts_with("import") {
            return Err(invalid("modules cannot be imported".to_owned()));
        }
        let modules = Loader::new(definitions).load(&arena, File { code, path: () });
        let modules =
            modules.map_err(|errors| invalid(errors.first().map_or_else(String::new, |(_, why)| of_syntax(why))))?;
        let filter = Compiler::default().with_funs(functions).compile(modules);
        let undefined = |(word, kind): &(&str, jaq_core::compile::Undefined)| match kind {
            jaq_core::compile::Undefined::Filter(arity) => format!("there is no filter {word}/{arity}"),
            kind => format!("there is no {} {word}", kind.as_str()),
        };
        filter.map(Self).map_err(|errors| {
            invalid(errors.first().and_then(|(_, words)| words.first()).map_or_else(String::new, undefined))
        })
    }

    /// Prints the expression's results for a response, one per line: texts without quotes, everything else as JSON.
    pub(super) fn print(&self, body: &[u8]) -> Result<(), Failure> {
        self.each(body, |value| match value {
            Val::TStr(text) => foreign::text(&String::from_utf8_lossy(&text)),
            value => foreign::json(&format!("{value}\n")),
        })
    }

    /// Calls `then` with each result, until the reader of the output stops reading.
    fn each(&self, body: &[u8], mut then: impl FnMut(Val) -> Result<(), Failure>) -> Result<(), Failure> {
        // A success without a body has nothing to filter.
        if body.trim_ascii().is_empty() {
            return Ok(());
        }
        let input: Val = parse_json(body).map_err(|_| Failure::Other {
            message: "the response is not JSON, so --jq cannot filter it".to_owned(),
            hint: Some("omit --jq".to_owned()),
        })?;
        let context = Ctx::<JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        for result in self.0.id.run((context, input)) {
            match result.map_err(jaq_core::Exn::get_err) {
                Ok(value) => then(value)?,
                Err(Ok(error)) => {
                    return Err(Failure::Other {
                        message: format!("the --jq expression failed: {}", short(&error.to_string())),
                        hint: Some("print the response without --jq to see what it contains".to_owned()),
                    });
                }
                Err(Err(_)) => {
                    return Err(Failure::Other {
                        message: "the --jq expression ended itself with halt".to_owned(),
                        hint: Some("use empty to print nothing, and error to fail".to_owned()),
                    });
                }
            }
            if output::reader_gone() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Describes the first syntax error in an expression.
fn of_syntax(error: &LoadError<&str>) -> String {
    let at = |found: &str| {
        let found: String = found.chars().take(LONGEST_FOUND).collect();
        if found.is_empty() { "at the end".to_owned() } else { format!("at {found:?}") }
    };
    match error {
        LoadError::Lex(errors) => {
            errors.first().map(|(expected, found)| format!("expected a {} {}", expected.as_str(), at(found)))
        }
        LoadError::Parse(errors) => {
            errors.first().map(|(expected, found)| format!("expected a {} {}", expected.as_str(), at(found)))
        }
        LoadError::Io(errors) => errors.first().map(|(path, _)| format!("modules cannot be imported ({path})")),
    }
    .unwrap_or_default()
}

/// Shortens the text of an error, and removes long words: a word of the response may be a token, and logs keep errors.
fn short(error: &str) -> String {
    let mut words = Vec::new();
    for word in error.split_inclusive(['"', ' ', ',', ':']) {
        let bare = word.trim_end_matches(['"', ' ', ',', ':']);
        words.push(if crate::may_be_secret(bare) { word.replace(bare, "…") } else { word.to_owned() });
    }
    let mut shown: String = words.concat();
    if let Some((end, _)) = shown.char_indices().nth(LONGEST_ERROR) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// The formats of jq that jaq's libraries leave out: a list of plain values as one row of a table. And `fromjson` with a limit: jaq's own
/// overflows the stack on a text that is nested deeply, and such a text may come from anyone who can write a message.
const TABLES: &str = r#"
def fromjson_unlimited: fromjson;
def fromjson: if isstring and (gsub("[^\\[{]"; "") | length) > 2000 then error("the text is nested too deeply") else fromjson_unlimited end;
def @csv: map(if . == null then "" elif isstring then "\"" + gsub("\""; "\"\"") + "\"" elif type == "array" or type == "object"
    then error("\(type) cannot be formatted as CSV") else tostring end) | join(",");
def @tsv: map(if . == null then "" elif type == "array" or type == "object" then error("\(type) cannot be formatted as TSV")
    else tostring | gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r") end) | join("\t");
"#;
/// How much of an expression an error repeats.
const LONGEST_FOUND: usize = 20;
/// The longest text of an error, which repeats values of the response.
const LONGEST_ERROR: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_nested_deeply_and_modules_are_refused() {
        let made = |code: &str, body: &str| {
            let mut results = Vec::new();
            let done = Expression::compile(code).and_then(|expression| {
                expression.each(body.as_bytes(), |value| {
                    results.push(value.to_string());
                    Ok(())
                })
            });
            done.map(|()| results)
        };
        assert_eq!(made(".s | fromjson", r#"{"s":"[[1]]"}"#).unwrap(), ["[[1]]"]);
        let deep = format!("{{\"s\":\"{}\"}}", "[".repeat(20_000));
        for (code, body) in [(".s | fromjson", &*deep), ("halt", "{}"), ("\"x\" | halt_error", "{}")] {
            assert!(matches!(made(code, body), Err(Failure::Other { .. })), "{code}");
        }
        assert!(matches!(made("import \"a\" as $x; .", "{}"), Err(Failure::Usage { .. })));
    }

    #[test]
    fn an_expression_is_compiled_with_the_whole_language() {
        for code in [
            ".",
            ".items[].displayName",
            ".items | map(select(.type == \"person\")) | length",
            "[.items[] | {id, name: .displayName}] | sort_by(.name)",
            ".items[] | [.id, .name] | @csv, @tsv",
            ".created | fromdateiso8601 | todate",
            ".items[] | select(.name | test(\"^A\"; \"i\"))",
            ".count | floor",
            "env.HOME",
        ] {
            assert!(Expression::compile(code).is_ok(), "{code}");
        }
    }

    #[test]
    fn rows_of_tables_are_as_jq_has_them() {
        let made = |code: &str| {
            let mut made = Vec::new();
            let body = br#"["a\"b", 1, 2.5, null, true, "c\td\\e\nf"]"#;
            let done = Expression::compile(code).unwrap().each(body, |value| {
                made.push(value.to_string());
                Ok(())
            });
            done.map(|()| made.concat())
        };
        assert_eq!(made("@csv").unwrap(), serde_json::json!("\"a\"\"b\",1,2.5,,true,\"c\td\\e\nf\"").to_string());
        assert_eq!(made("@tsv").unwrap(), serde_json::json!("a\"b\t1\t2.5\t\ttrue\tc\\td\\\\e\\nf").to_string());
        assert!(made("[.] | @csv").is_err());
    }

    #[test]
    fn a_mistake_is_named() {
        for (code, expected) in [
            (".items[", "expected a closing bracket at the end"),
            (".a |", "expected a term at the end"),
            ("nosuch", "there is no filter nosuch/0"),
            ("$nosuch", "there is no variable $nosuch"),
            ("import \"x\" as x; .", "modules cannot be imported"),
        ] {
            let Err(error) = Expression::compile(code) else { panic!("{code} was accepted") };
            assert_eq!(error.code(), 2);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn an_error_repeats_no_long_word() {
        let token = "N2Y5YjA".repeat(12);
        let said = short(&format!("cannot index {{\"access_token\":\"{token}\"}} with \"x\""));
        assert_eq!(said, "cannot index {\"access_token\":\"…\"} with \"x\"");
        assert!(short(&"a b ".repeat(300)).chars().count() <= LONGEST_ERROR + 1);
    }

    #[test]
    fn a_response_that_is_nested_too_deeply_is_refused() {
        let expression = Expression::compile(".").unwrap();
        let deep = "[".repeat(100_000);
        assert!(expression.print(deep.as_bytes()).is_err());
    }
}
