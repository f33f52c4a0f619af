//! The consent page.

use askama::Template;
use lanyard_protocol::ScopeSet;

use super::words::{Permission, describe};
use crate::world::Account;

#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct Consent<'a> {
    app: &'a str,
    /// The code on the other device's screen, if the sign-in is for a device.
    code: Option<&'a str>,
    organisation: &'a str,
    person: &'a Account,
    own: Vec<Permission>,
    /// The permissions that reach beyond the person's own things.
    administrative: Vec<Permission>,
    form: &'a str,
}

impl<'a> Consent<'a> {
    pub(super) fn new(
        app: &'a str,
        code: Option<&'a str>,
        organisation: &'a str,
        person: &'a Account,
        scopes: &ScopeSet,
        form: &'a str,
    ) -> Self {
        let (administrative, own) = scopes.iter().map(describe).partition(|permission| permission.administrative);
        Self { app, code, organisation, person, own, administrative, form }
    }
}

#[cfg(test)]
mod tests {
    use crate::routes::page::Page;
    use crate::routes::session::SignIn;

    #[test]
    fn what_an_app_or_a_person_wrote_is_text_and_never_markup() {
        let page = Page::new(&SignIn {
            to: "<script>",
            organisation: "A & B",
            example: "<u>",
            code: Some("<b>"),
            email: "\"><img>",
            refused: true,
            action: "/",
            hidden: &[("form", "\"><i>")],
        });
        for markup in ["<script>", "<img>", "<b>", "<i>", "<u>"] {
            assert!(!page.html().contains(markup), "{}", page.html());
        }
    }
}
