//! Shared parts of the portal's and Control Hub's pages: the frame around them, and two pages that both use.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use http::request::Parts;
use uuid::Uuid;

use crate::webex::Webex;
use crate::world::Account;

/// The person at the browser.
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    pub(super) account: Arc<Account>,
    /// The token that this session's forms carry.
    pub(super) csrf: Arc<str>,
    /// The name of the person's organisation.
    pub(super) organisation: Arc<str>,
}

impl SignedIn {
    /// The person's organisation.
    pub(super) fn home(&self) -> Uuid {
        self.account.organisation
    }
}

/// Behind the guard, which puts the person into the request.
impl FromRequestParts<Webex> for SignedIn {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Webex) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().expect("every page with a person stands behind the guard"))
    }
}

/// The frame around a page: who is at the browser, and where.
pub(super) struct Frame {
    pub(super) who: SignedIn,
    pub(super) hub: bool,
    here: &'static str,
}

impl Frame {
    /// Around a page of the developer portal; `here` is the place in its menu.
    pub(super) fn portal(who: SignedIn, here: &'static str) -> Self {
        Self { who, hub: false, here }
    }

    /// Around a page of Control Hub.
    pub(super) fn hub(who: SignedIn, here: &'static str) -> Self {
        Self { who, hub: true, here }
    }

    /// The menu: paths, names, and whether this page belongs there.
    pub(super) fn places(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let places = if self.hub { HUB } else { PORTAL };
        places.iter().map(|(path, name)| (*path, *name, *path == self.here))
    }
}

/// Values that are shown once and never again.
#[derive(Template)]
#[template(path = "shown_once.html")]
pub(super) struct ShownOnce<'a> {
    pub(super) frame: Frame,
    pub(super) title: &'a str,
    pub(super) warning: &'a str,
    /// Names and values; what matters most comes first.
    pub(super) values: &'a [(&'a str, &'a str)],
    /// Where the page leads back to: a path and a text.
    pub(super) back: (&'a str, &'a str),
}

/// A question before something that cannot be undone.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(super) struct Confirm<'a> {
    pub(super) frame: Frame,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    pub(super) action: &'a str,
    pub(super) hidden: &'a [(&'a str, &'a str)],
    pub(super) button: &'a str,
    pub(super) back: &'a str,
}

const PORTAL: &[(&str, &str)] = &[
    ("/portal", "My apps"),
    ("/portal/bots/new", "Create a bot"),
    ("/portal/integrations/new", "Create an integration"),
    ("/portal/service-apps/new", "Create a service app"),
];

const HUB: &[(&str, &str)] = &[
    ("/hub", "Overview"),
    ("/hub/users", "Users"),
    ("/hub/licenses", "Licenses"),
    ("/hub/workspaces", "Workspaces"),
    ("/hub/apps/service-apps", "Service apps"),
    ("/hub/apps/integrations", "Integrations"),
];
