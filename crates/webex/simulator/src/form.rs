//! Form fields and query parameters.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

/// Names and values as they came. What is there more than once makes OAuth requests invalid (RFC 6749, section 3.1).
pub(crate) struct Form(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Form {
    type Rejection = Infallible;

    /// The query of a call.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_query(parts))
    }
}

impl Form {
    /// The query of a call.
    pub(crate) fn of_query(parts: &Parts) -> Self {
        Self::parse(parts.uri.query().unwrap_or_default().as_bytes())
    }

    /// The texts of a JSON object.
    pub(crate) fn of_json(body: &[u8]) -> Option<Self> {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
        let texts = fields.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
        Some(Self(texts.collect()))
    }

    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The value of a field; one that is empty counts as left out (RFC 6749, section 3.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All values of a field that may be there more than once.
    pub(crate) fn every(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(field, value)| field == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A field that is there more than once.
    pub(crate) fn repeated(&self) -> Option<&str> {
        self.0
            .iter()
            .enumerate()
            .find(|(index, (name, _))| self.0[..*index].iter().any(|(earlier, _)| earlier == name))
            .map(|(_, (name, _))| name.as_str())
    }

    /// All names and values, in their order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Everything but these, encoded again.
    pub(crate) fn without(&self, names: &[&str]) -> form_urlencoded::Serializer<'static, String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(field, _)| !names.contains(&field.as_str())));
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_field_is_no_field_and_a_repeated_one_is_found() {
        let form = Form::parse(b"a=1&b=&c=x+y%26");
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), None, Some("x y&")));
        assert_eq!(form.repeated(), None);
        assert_eq!(Form::parse(b"a=1&b=2&a=1").repeated(), Some("a"));
    }
}
