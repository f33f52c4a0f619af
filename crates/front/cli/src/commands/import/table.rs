//! Many credentials in one CSV file.

use lanyard_broker::ImportedTokens;
use lanyard_credential::{AppName, CredentialName, Kind, Label, LabelKey};
use lanyard_secret::{AccessToken, RefreshToken};

use super::token_file::token;
use crate::csv::{Field, records};
use crate::exit::Failure;

/// A line that can be looked at.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: CredentialName,
    pub(super) kind: Kind,
    pub(super) app: Option<AppName>,
    pub(super) tokens: ImportedTokens,
    pub(super) labels: Vec<Label>,
}

/// A line of the file, from 1 on, and what it says; or its name, where it has one, and why it cannot be used.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) row: Result<Row, (Option<CredentialName>, String)>,
}

/// The content of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Kind,
    App,
    AccessToken,
    RefreshToken,
    Label(LabelKey),
    /// Nothing: spreadsheets pad lines with empty columns.
    Padding,
}

/// Reads the lines below the header. A header that is not understood ends it: its columns may be in another order than they seem.
pub(super) fn read(text: &str, default_app: Option<&AppName>) -> Result<Vec<Line>, Failure> {
    let is_filled = |(_, fields): &(u64, Vec<Field>)| fields.iter().any(|field| !field.is_empty());
    let mut records = records(text).into_iter().filter(is_filled);
    let (_, header) = records.next().ok_or_else(|| wrong_header("the file is empty".to_owned()))?;
    let columns = columns(&header)?;
    let lines = records.map(|(number, fields)| Line { number, row: row(&columns, fields, default_app) });
    Ok(lines.collect())
}

fn columns(header: &[Field]) -> Result<Vec<Column>, Failure> {
    if let [alone] = header
        && let Some(separator) = SEPARATORS.into_iter().find(|(letter, _)| alone.contains(*letter))
    {
        return Err(Failure::Usage {
            message: format!("the columns are separated by {}, not by commas", separator.1),
            hint:
                "save the file with commas (in a spreadsheet: as \"CSV UTF-8 (comma delimited)\"); nothing was stored"
                    .to_owned(),
        });
    }
    let mut columns = Vec::with_capacity(header.len());
    for (place, name) in header.iter().enumerate() {
        let column = match name.as_str() {
            "name" => Column::Name,
            "kind" => Column::Kind,
            "app" => Column::App,
            "access_token" => Column::AccessToken,
            "refresh_token" => Column::RefreshToken,
            "" => Column::Padding,
            other => {
                let label = other.strip_prefix("label.").and_then(|key| key.parse().ok());
                let Some(key) = label else {
                    // A file without a header has a token here, of which no letter is shown.
                    return Err(wrong_header(format!("the first line has an unknown column in field {}", place + 1)));
                };
                Column::Label(key)
            }
        };
        if column != Column::Padding && columns.contains(&column) {
            return Err(wrong_header(format!("the column {} is there twice", name.as_str())));
        }
        columns.push(column);
    }
    for (needed, name) in [(Column::Name, "name"), (Column::Kind, "kind")] {
        if !columns.contains(&needed) {
            return Err(wrong_header(format!("there is no column {name}")));
        }
    }
    Ok(columns)
}

/// The column separators of spreadsheets in languages with decimal commas.
const SEPARATORS: [(char, &str); 3] = [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")];

fn wrong_header(message: String) -> Failure {
    Failure::Usage {
        message,
        hint: "the first line names the columns: name, kind, app, access_token, refresh_token, label.KEY; nothing was \
               stored"
            .to_owned(),
    }
}

fn row(
    columns: &[Column],
    mut fields: Vec<Field>,
    default_app: Option<&AppName>,
) -> Result<Row, (Option<CredentialName>, String)> {
    while fields.len() > columns.len() && fields.last().is_some_and(|field| field.is_empty()) {
        fields.pop();
    }
    let count = fields.len();
    let mut named = None;
    let read = Draft::gather(columns, fields).and_then(|draft| {
        named.clone_from(&draft.name);
        draft.finish(default_app)
    });
    match read {
        _ if count != columns.len() => {
            Err((named, format!("it has {count} fields, and the header has {}", columns.len())))
        }
        Ok(row) => Ok(row),
        Err(why) => Err((named, why)),
    }
}

#[derive(Default)]
struct Draft {
    name: Option<CredentialName>,
    kind: Option<Kind>,
    app: Option<AppName>,
    access: Option<Field>,
    refresh: Option<Field>,
    labels: Vec<Label>,
}

impl Draft {
    /// Gathers a line's fields. An invalid field is not repeated: it may be a token in the wrong place.
    fn gather(columns: &[Column], fields: Vec<Field>) -> Result<Self, String> {
        let mut draft = Self::default();
        for (column, field) in columns.iter().zip(fields).filter(|(_, field)| !field.is_empty()) {
            match column {
                Column::Name => draft.name = Some(field.parse().map_err(|_| NAME.to_owned())?),
                Column::App => draft.app = Some(field.parse().map_err(|_| "its app is no name of an app".to_owned())?),
                Column::Kind => {
                    let kind =
                        field.parse().ok().filter(|kind| !matches!(kind, Kind::Guest | Kind::WorkspaceIntegration));
                    draft.kind = Some(kind.ok_or_else(|| KIND.to_owned())?);
                }
                Column::AccessToken => draft.access = Some(field),
                Column::RefreshToken => draft.refresh = Some(field),
                Column::Padding => return Err("it has a value in a column without a name".to_owned()),
                Column::Label(key) => {
                    let value = field.parse().map_err(|error| format!("its label {key}: {error}"))?;
                    draft.labels.push(Label { key: key.clone(), value });
                }
            }
        }
        Ok(draft)
    }

    fn finish(self, default_app: Option<&AppName>) -> Result<Row, String> {
        let name = self.name.ok_or("its name is missing")?;
        let kind = self.kind.ok_or_else(|| KIND.to_owned())?;
        let app = match (kind.rotates(), self.app) {
            (true, app) => Some(
                app.or_else(|| default_app.cloned()).ok_or("its app is missing: fill in its column, or give --app")?,
            ),
            (false, Some(_)) => return Err(format!("a {kind} token belongs to no app: leave its app empty")),
            (false, None) => None,
        };
        let text = |field, name| token(field, name).map_err(|error| error.to_string());
        let (access, refresh) = (text(self.access, "access_token")?, text(self.refresh, "refresh_token")?);
        if !kind.rotates() && refresh.is_some() {
            return Err(format!("a {kind} token has no refresh token: leave it empty"));
        }
        if access.is_none() && refresh.is_none() {
            return Err("its access_token is missing".to_owned());
        }
        let tokens = ImportedTokens {
            access: access.map(|text| AccessToken::new(text.as_str())),
            refresh: refresh.map(|text| RefreshToken::new(text.as_str())),
            scopes: None,
        };
        Ok(Row { name, kind, app, tokens, labels: self.labels })
    }
}

const NAME: &str = "its name cannot be one: use 1 to 64 lower-case letters, digits, dots, dashes and underscores, beginning with a \
     letter or a digit";
const KIND: &str = "its kind must be integration, service-app, bot or personal";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let app = "desk".parse().ok();
        let show = |line: Line| match line.row {
            Ok(row) => format!(
                "{} {} {} {:?} {} {}",
                line.number,
                row.name,
                row.kind,
                row.app,
                row.tokens.access.map_or(0, |token| token.expose_secret().len()),
                row.labels.len()
            ),
            Err((name, why)) => format!("{} {name:?}: {why}", line.number),
        };
        read(text, app.as_ref()).expect(text).into_iter().map(show).collect()
    }

    #[test]
    fn each_line_is_read_for_itself() {
        let text = "\u{feff}name,kind,access_token,refresh_token,app,label.site\r\n\
            acme,integration,abc,r,,\"Zürich, \"\"West\"\"\"\r\n\
            \r\n\
            lobby, bot ,\"abcd\",,,\n\
            fleet,service-app,,r,sa,\n\
            mine,personal,x,,,";
        assert_eq!(
            said(text),
            [
                "2 acme integration Some(desk) 3 1",
                "4 lobby bot None 4 0",
                "5 fleet service-app Some(sa) 0 0",
                "6 mine personal None 1 0"
            ]
        );
    }

    #[test]
    fn a_bad_line_says_why_and_shows_no_value() {
        let header = "name,kind,app,access_token,refresh_token,label.x\n";
        for (line, expected) in [
            ("acme,bot,,a", "fields"),
            ("acme,bot,,a,,,canary", "fields"),
            ("acme,bot,,a,,,,canary", "fields"),
            (",bot,,canary,,", "its name is missing"),
            ("Canary,bot,,canary,,", "its name cannot be one"),
            ("acme,canary,,a,,", "its kind must be"),
            ("acme,guest,,canary,,", "its kind must be"),
            ("acme,,,canary,,", "its kind must be"),
            ("acme,bot,Canary canary,a,,", "no name of an app"),
            ("acme,bot,canary,a,,", "belongs to no app"),
            ("acme,bot,,canary,canary,", "has no refresh token"),
            ("acme,integration,desk,,,", "access_token is missing"),
            ("acme,integration,desk,can ary,,", "U+0020 (space)"),
            ("acme,bot,,canary,,canary\u{1b}", "its label x"),
        ] {
            let said = said(&format!("{header}{line}\n")).join("");
            assert!(said.contains(expected), "{line}: {said}");
            assert!(!said.to_lowercase().contains("canary"), "{line}: {said}");
        }
    }

    #[test]
    fn a_header_that_is_not_understood_ends_it() {
        for (text, expected) in [
            ("", "empty"),
            ("name,access_token\n", "no column kind"),
            ("kind\n", "no column name"),
            ("name,kind,tokens\n", "an unknown column in field 3"),
            ("name,kind,label.A\n", "an unknown column in field 3"),
            ("name,kind,app,app\n", "app is there twice"),
            ("acme,bot,canary\n", "an unknown column in field 1"),
            ("name;kind;access_token\n", "semicolons"),
            ("sep=;\nname;kind\n", "semicolons"),
            ("name\tkind\n", "tabs"),
        ] {
            let error = read(text, None).expect_err(text);
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_spreadsheets_padding_is_passed_over() {
        let text = "name,kind,access_token,,\na,bot,t,,\n,,,,\n  , ,,\n\nb,bot,t,,,,\n,,,,,,,\n";
        assert_eq!(said(text), ["2 a bot None 1 0", "6 b bot None 1 0"]);
        let text = "name,kind,access_token,\na,bot,t,canary\n";
        assert_eq!(said(text), ["2 None: it has a value in a column without a name"]);
    }

    #[test]
    fn lines_are_counted_however_they_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["name,kind,access_token", "a,bot,t", "", "b,bot,t"].join(end);
            assert_eq!(said(&text), ["2 a bot None 1 0", "4 b bot None 1 0"], "{end:?}");
        }
    }
}
