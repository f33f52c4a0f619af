//! Every organisation that a body names.

use std::collections::HashSet;
use std::fmt;

use lanyard_protocol::WebexId;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use url::form_urlencoded;

use super::name::{Holds, is_own_id, is_plain, leads_to_organisation};

/// The organisations and members that a body or a query names.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Each organisation that is named, at any depth. An empty one stands for what cannot be an organisation's id.
    pub(super) ids: Vec<String>,
    /// The outermost members that hold a text, exactly as they are named.
    pub(super) members: Vec<String>,
}

/// Reads JSON. `None` where it is not, in UTF-8 and to its end, and where an object has a member twice, in whatever case.
pub(super) fn json(text: &[u8]) -> Option<Found> {
    let mut found = Found::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    json.deserialize_any(Search { found: &mut found, holds: Holds::Other, depth: 0 }).and_then(|_| json.end()).ok()?;
    Some(found)
}

/// Reads a query or a form. `None` where two servers could read it differently: a separator other than `&`, or a name that is more
/// than letters, digits, `-`, `_` and `.`.
pub(super) fn form(text: &[u8]) -> Option<Found> {
    if text.contains(&b';') {
        return None;
    }
    let mut found = Found::default();
    for (name, value) in form_urlencoded::parse(text) {
        if !is_plain(&name) {
            return None;
        }
        found.note(Holds::of(&name), &value);
        found.members.push(name.into_owned());
    }
    Some(found)
}

impl Found {
    /// Adds the organisations of another reading of the same text.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.ids.extend(other.ids);
        self
    }

    /// Records what a text names.
    pub(super) fn note(&mut self, holds: Holds, text: &str) {
        let named = match holds {
            Holds::Id | Holds::Organisations | Holds::Managers => Some(text),
            Holds::Path => leads_to_organisation(text).then_some(""),
            // An organisation's id is one under whatever name.
            Holds::Other | Holds::Organisation => {
                WebexId::decode(text).is_ok_and(|id| id.kind.eq_ignore_ascii_case("organization")).then_some(text)
            }
        };
        self.ids.extend(named.map(str::to_owned));
    }
}

/// Walks through JSON.
struct Search<'a> {
    found: &'a mut Found,
    /// The role of the current value, by its name.
    holds: Holds,
    /// How many objects and arrays it is in.
    depth: usize,
}

impl Search<'_> {
    /// A value that cannot be an organisation's id where one is expected.
    fn odd(self) {
        if matches!(self.holds, Holds::Id | Holds::Organisations) {
            self.found.ids.push(String::new());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    /// Whether it is a text.
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        self.found.note(self.holds, text);
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        self.odd();
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        self.odd();
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        self.odd();
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        self.odd();
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let Self { found, holds, depth } = self;
        while items.next_element_seed(Search { found: &mut *found, holds, depth: depth + 1 })?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let Self { found, holds: outer, depth } = self;
        let mut names = HashSet::new();
        if outer == Holds::Id {
            found.ids.push(String::new());
        }
        while let Some(name) = members.next_key::<String>()? {
            let folded = name.to_ascii_lowercase();
            let is_one = matches!(outer, Holds::Organisations | Holds::Organisation);
            let holds = match Holds::of(&name) {
                _ if is_one && is_own_id(&name) => Holds::Id,
                // What is inside an organisation is about it, however deep.
                Holds::Other if is_one => Holds::Organisation,
                holds => holds,
            };
            // Some read the first and some the last.
            if !names.insert(folded) {
                return Err(A::Error::custom("a member comes twice"));
            }
            let is_text = members.next_value_seed(Search { found: &mut *found, holds, depth: depth + 1 })?;
            if depth == 0 && holds == Holds::Id && is_text {
                found.members.push(name);
            }
        }
        Ok(false)
    }
}
