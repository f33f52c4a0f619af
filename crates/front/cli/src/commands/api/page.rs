//! Pages, printed as one list.

use std::process::ExitCode;

use lanyard_broker::{ApiReply, Target};
use serde_json::Value;

use super::{Caller, finish};
use crate::exit::Failure;
use crate::output::foreign;

/// Prints the items of page after page as they come: nothing is kept in memory but one page.
#[derive(Debug)]
pub(super) struct Pages {
    lines: bool,
    json: bool,
    begun: bool,
    printed: usize,
}

/// Webex pages by a thousand at most where it says; a list that does not end by then is a fault.
const MOST_PAGES: usize = 100_000;

impl Pages {
    pub(super) fn new(lines: bool, json: bool) -> Self {
        Self { lines, json, begun: false, printed: 0 }
    }

    pub(super) async fn print(mut self, caller: &Caller, first: ApiReply) -> Result<ExitCode, Failure> {
        let mut reply = first;
        let mut asked = Vec::new();
        for _ in 0..MOST_PAGES {
            self.items(&reply)?;
            let Some(next) = reply.next.take() else { return self.end() };
            if asked.contains(&next) {
                return Err(Failure::Other {
                    message: "Webex named a page as the next one that was already read".to_owned(),
                    hint: Some("what was printed is not the whole list".to_owned()),
                });
            }
            asked.push(next.clone());
            reply = caller.call(Target::Next(next)).await?;
            if !reply.status.is_success() {
                self.end()?;
                return Ok(finish(&reply, true, self.json));
            }
        }
        Err(Failure::Other { message: format!("the list has more than {MOST_PAGES} pages"), hint: None })
    }

    fn items(&mut self, reply: &ApiReply) -> Result<(), Failure> {
        let page: Value = serde_json::from_slice(reply.body.expose_secret()).map_err(|_| Failure::Other {
            message: "a page is no JSON".to_owned(),
            hint: Some("leave --paginate and --lines away".to_owned()),
        })?;
        let items = items(&page).ok_or_else(|| Failure::Other {
            message: "the answer holds no list".to_owned(),
            hint: Some("leave --paginate and --lines away".to_owned()),
        })?;
        if !self.begun && !self.lines {
            foreign::json("[")?;
        }
        self.begun = true;
        for item in items {
            let before = match (self.lines, self.printed) {
                (true, _) | (false, 0) => "",
                (false, _) => ",",
            };
            let break_after = if self.lines { "\n" } else { "" };
            let lead = if self.lines { "" } else { "\n" };
            foreign::json(&format!("{before}{lead}{item}{break_after}"))?;
            self.printed += 1;
        }
        Ok(())
    }

    fn end(&self) -> Result<ExitCode, Failure> {
        let end = match (self.lines, self.printed) {
            (true, _) => "",
            (false, 0) => "]\n",
            (false, _) => "\n]\n",
        };
        foreign::json(end)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// `items` nearly everywhere; Calling names its lists otherwise (`phoneNumbers`, `devices`, `members`): then the only list there is.
fn items(page: &Value) -> Option<&Vec<Value>> {
    if let Some(items) = page.get("items") {
        return items.as_array();
    }
    let mut lists = page.as_object()?.values().filter_map(Value::as_array);
    let only = lists.next()?;
    lists.next().is_none().then_some(only)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_found_whatever_it_is_called() {
        assert_eq!(items(&json!({"items": [1], "errors": [2]})), Some(&vec![json!(1)]));
        assert_eq!(items(&json!({"phoneNumbers": [1, 2], "count": 2})).map(Vec::len), Some(2));
        assert_eq!(items(&json!({"a": [], "b": []})), None);
        assert_eq!(items(&json!({"id": "x"})), None);
        assert_eq!(items(&json!([1])), None);
    }
}
