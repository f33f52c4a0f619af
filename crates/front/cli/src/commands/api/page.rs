//! Pages, printed as one list.

use std::process::ExitCode;

use lanyard_broker::{ApiReply, Target};
use lanyard_protocol::{Walk, fingerprint, parse_json};
use serde_json::Value;

use super::filter::Expression;
use super::{Caller, finish};
use crate::exit::Failure;
use crate::output::{self, foreign};

/// How pages are printed.
pub(super) enum Form {
    /// All items in one array.
    Array,
    /// One item per line.
    Lines,
    /// The results of an expression for each whole page.
    Filtered(Expression),
}

/// Prints the items of page after page as they come: nothing is kept in memory but one page.
pub(super) struct Pages {
    form: Form,
    json: bool,
    begun: bool,
    printed: usize,
    /// The name of the list on the pages.
    key: Option<String>,
}

impl Pages {
    pub(super) fn new(form: Form, json: bool) -> Self {
        Self { form, json, begun: false, printed: 0, key: None }
    }

    /// Prints all pages from `first` on. Whatever ends it too early, the array is closed, stderr says that the list is not whole,
    /// and the exit code is not 0.
    pub(super) async fn print(mut self, caller: &Caller, first: ApiReply) -> Result<ExitCode, Failure> {
        let refused = match self.follow(caller, first).await {
            Ok(None) => return self.end().map(|()| ExitCode::SUCCESS),
            Ok(Some(refused)) => Ok(refused),
            Err(error) => Err(error),
        };
        if self.begun {
            self.end()?;
            output::note(&format!("warning: the list is incomplete: {} items were read", self.printed));
        }
        refused.map(|reply| finish(&reply, true, self.json))
    }

    /// Reads to the end of the list; gives the answer that refused a page, should there be one.
    async fn follow(&mut self, caller: &Caller, first: ApiReply) -> Result<Option<ApiReply>, Failure> {
        let mut walk = Walk::new(&first.environment, &first.url);
        let mut reply = first;
        while reply.status.is_success() {
            let items = self.items(reply.body.expose_secret())?;
            self.write_all(&items, reply.body.expose_secret())?;
            if output::reader_gone() {
                return Ok(None);
            }
            let next = walk.follow(
                &reply.url,
                &reply.headers,
                items.iter().map(|item| fingerprint(item["id"].as_str(), &item.to_string())),
            );
            match next.map_err(|error| Failure::Other { message: error.to_string(), hint: None })? {
                Some(next) => reply = caller.call(Target::Next(next)).await?,
                None => return Ok(None),
            }
        }
        Ok(Some(reply))
    }

    /// The items of a page. A page without a body, or with a null in place of its list, has none.
    fn items(&mut self, body: &[u8]) -> Result<Vec<Value>, Failure> {
        let other = |message: &str| Failure::Other {
            message: message.to_owned(),
            hint: Some("omit --paginate and --lines".to_owned()),
        };
        if body.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        let page: Value = parse_json(body).map_err(|_| other("a page is not JSON"))?;
        let Value::Object(mut page) = page else { return Err(other("the response contains no list")) };
        if self.key.is_none() {
            self.key = list_of(&page).map(str::to_owned);
        }
        let key = self.key.as_deref();
        match key.and_then(|key| page.remove(key)) {
            Some(Value::Array(items)) => Ok(items),
            // Later pages of some lists leave the list out.
            Some(Value::Null) => Ok(Vec::new()),
            None if self.begun && key.is_some() => Ok(Vec::new()),
            _ => Err(other("the response contains no list")),
        }
    }

    fn write_all(&mut self, items: &[Value], page: &[u8]) -> Result<(), Failure> {
        if !self.begun && matches!(self.form, Form::Array) {
            foreign::json("[")?;
        }
        self.begun = true;
        if let Form::Filtered(expression) = &self.form {
            self.printed += items.len();
            return expression.print(page);
        }
        for item in items {
            foreign::json(&match (&self.form, self.printed) {
                (Form::Array, 0) => format!("\n{item}"),
                (Form::Array, _) => format!(",\n{item}"),
                (Form::Lines | Form::Filtered(_), _) => format!("{item}\n"),
            })?;
            self.printed += 1;
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Failure> {
        match (&self.form, self.printed) {
            (Form::Array, 0) => foreign::json("]\n"),
            (Form::Array, _) => foreign::json("\n]\n"),
            (Form::Lines | Form::Filtered(_), _) => Ok(()),
        }
    }
}

/// The name of a page's list: `items` nearly everywhere. Calling has other names (`phoneNumbers`, `devices`, `members`): then it is the
/// only list, or else the only field, if that is null.
fn list_of(page: &serde_json::Map<String, Value>) -> Option<&str> {
    if page.contains_key("items") {
        return Some("items");
    }
    let only = |is_list: fn(&Value) -> bool| {
        let mut lists = page.iter().filter(|(_, value)| is_list(value));
        let (name, _) = lists.next()?;
        lists.next().is_none().then_some(name.as_str())
    };
    only(Value::is_array).or_else(|| only(Value::is_null).filter(|_| page.len() == 1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(pages: &[&str]) -> Option<Vec<usize>> {
        let mut list = Pages::new(Form::Lines, false);
        let mut lengths = Vec::new();
        for page in pages {
            lengths.push(list.items(page.as_bytes()).ok()?.len());
            list.begun = true;
        }
        Some(lengths)
    }

    #[test]
    fn a_list_is_found_whatever_it_is_called() {
        let found = |page: Value| list_of(page.as_object()?).map(str::to_owned);
        assert_eq!(found(json!({"items": [1], "errors": [2]})).as_deref(), Some("items"));
        assert_eq!(found(json!({"phoneNumbers": [1, 2], "count": 2})).as_deref(), Some("phoneNumbers"));
        assert_eq!(found(json!({"a": [], "b": []})), None);
        assert_eq!(found(json!({"id": "x"})), None);
    }

    #[test]
    fn a_page_without_a_list_is_empty_where_a_list_was_before_or_nothing_else_is_there() {
        for (pages, expected) in [
            (&[r#"{"items":[1]}"#, ""][..], Some(vec![1, 0])),
            (&[r#"{"items":[1]}"#, "\r\n"], Some(vec![1, 0])),
            (&[r#"{"items":[1]}"#, r#"{"items":null}"#], Some(vec![1, 0])),
            (&[r#"{"numbers":[1]}"#, "{}", r#"{"numbers":[1,2],"others":[]}"#], Some(vec![1, 0, 2])),
            (&[""], Some(vec![0])),
            (&[r#"{"numbers":null}"#], Some(vec![0])),
            (&["\u{feff}{\"items\":[1]}"], Some(vec![1])),
            (&["{}"], None),
            (&[r#"{"id":"x"}"#], None),
            (&["[1]"], None),
            (&["<html>"], None),
            (&[r#"{"items":[1]}"#, r#"{"items":{}}"#], None),
        ] {
            assert_eq!(read(pages), expected, "{pages:?}");
        }
    }
}
