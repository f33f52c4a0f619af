//! The pages, as templates.

use askama::Template;

use super::words::Permission;

/// A page, rendered.
pub(in crate::routes) struct Page(String);

impl Page {
    pub(in crate::routes) fn new(template: &impl Template) -> Self {
        Self(template.render().expect("a template of texts renders"))
    }

    pub(super) fn html(&self) -> &str {
        &self.0
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
pub(super) struct SignIn<'a> {
    pub(super) app: &'a str,
    pub(super) organisation: &'a str,
    pub(super) email: &'a str,
    pub(super) refused: bool,
    pub(super) form: &'a str,
}

#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct Consent<'a> {
    pub(super) app: &'a str,
    pub(super) organisation: &'a str,
    pub(super) person: &'a str,
    pub(super) email: &'a str,
    pub(super) scopes: Vec<Permission>,
    pub(super) form: &'a str,
}

#[derive(Template)]
#[template(path = "problem.html")]
pub(super) struct Problem<'a> {
    pub(super) problem: &'a str,
    pub(super) hint: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_app_or_a_person_wrote_is_text_and_never_markup() {
        let page = Page::new(&SignIn {
            app: "<script>",
            organisation: "A & B",
            email: "\"><img>",
            refused: true,
            form: "nonce",
        });
        assert!(!page.html().contains("<script>") && !page.html().contains("<img>"), "{}", page.html());
    }
}
