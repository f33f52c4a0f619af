//! A person at a browser, played.

use lanyard_protocol::{Environment, Method, Request, Response};
use lanyard_secret::{SafeUrl, SecretBytes};
use thiserror::Error;
use url::Url;

/// Signs in and decides, by the simulator's own pages. Sans-io: whoever has a connection sends what [`follow`](Self::follow)
/// asks for and hands it the response, until the browser would leave for the app's redirect URI. For a device there is no such
/// address: its last page asks for nothing more, and a person who follows it is [`Lost`].
#[derive(Clone, Debug)]
pub struct Person {
    /// The address to sign in with.
    pub email: String,
    /// The password.
    pub password: String,
    /// Whether to consent.
    pub accepts: bool,
}

/// The browser's next step.
#[derive(Debug)]
pub enum Next {
    /// It sends this.
    Send(Request),
    /// It leaves for the app's redirect URI.
    Arrive(Url),
}

/// A page that the person does not know what to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the page (status {0}) asks for nothing that a person knows")]
pub struct Lost(pub u16);

impl Person {
    /// Opens the address of a sign-in.
    pub fn open(&self, url: SafeUrl) -> Request {
        Request::new(Method::GET, url)
    }

    /// Looks at a page and fills in its form.
    pub fn follow(&self, environment: &Environment, page: &Response) -> Result<Next, Lost> {
        let lost = Lost(page.status.as_u16());
        if let Some(location) = page.headers.get(http::header::LOCATION) {
            let url = location.to_str().ok().and_then(|text| Url::parse(text).ok());
            return url.map(Next::Arrive).ok_or(lost);
        }
        let html = String::from_utf8_lossy(page.body.expose_secret());
        let form = ("form", hidden_field(&html, "form").ok_or(lost)?);
        let (path, fields) = if html.contains("name=\"password\"") {
            (["authorize", "sign-in"], vec![form, ("email", &self.email), ("password", &self.password)])
        } else if html.contains("name=\"decision\"") {
            (["authorize", "consent"], vec![form, ("decision", if self.accepts { "accept" } else { "deny" })])
        } else {
            return Err(lost);
        };
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let request = Request::new(Method::POST, environment.resource(&path));
        let body = SecretBytes::new(body.finish().into_bytes());
        Ok(Next::Send(request.body("application/x-www-form-urlencoded", body)))
    }
}

/// The value of the page's hidden field of that name.
fn hidden_field<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    let name = format!("name=\"{name}\"");
    let tag = html
        .split("<input")
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .find(|tag| tag.contains("type=\"hidden\"") && tag.contains(&name))?;
    Some(tag.split_once("value=\"")?.1.split_once('"')?.0)
}
