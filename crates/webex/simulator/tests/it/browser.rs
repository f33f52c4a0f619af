//! A browser that keeps its cookie, fills in forms, and leads nobody anywhere on its own.

use std::cell::RefCell;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{RequestBuilder, Response};

use crate::world::World;

pub(crate) struct Browser<'w> {
    pub(crate) world: &'w World,
    cookie: RefCell<Option<String>>,
}

/// A page: status, where it leads (empty when nowhere), and its text.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) html: String,
}

impl<'w> Browser<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, cookie: RefCell::default() }
    }

    /// Signs in by the page, as the person with that address.
    pub(crate) async fn of(world: &'w World, email: &str) -> Self {
        let browser = Self::new(world);
        let page = browser.open("/sign-in").await;
        let password = world.knows().admin.password.clone();
        let done = browser.send("/sign-in", &page, &[("email", email), ("password", &password)]).await;
        assert_eq!((done.status, done.location.as_str()), (303, "/portal"), "{}", done.html);
        browser
    }

    pub(crate) async fn administrator(world: &'w World) -> Self {
        Self::of(world, &world.knows().admin.email).await
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.world.knows().base_url.trim_end_matches("/v1"))
    }

    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookie.borrow().clone()
    }

    pub(crate) async fn open(&self, path: &str) -> Page {
        self.sent(self.world.http.get(self.address(path))).await
    }

    /// Opens a page that must be there.
    pub(crate) async fn see(&self, path: &str) -> Page {
        let page = self.open(path).await;
        assert_eq!(page.status, 200, "{path} leads to {:?}: {}", page.location, page.html);
        page
    }

    /// Sends a form with the token of the page that it stood on.
    pub(crate) async fn send(&self, path: &str, from: &Page, fields: &[(&str, &str)]) -> Page {
        let fields = [&[("csrf", from.hidden("csrf"))], fields].concat();
        self.post(path, &fields).await
    }

    /// Sends these fields and nothing else.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.sent(self.world.http.post(self.address(path)).form(fields)).await
    }

    /// Like [`post`](Self::post), with the header that browsers send for a form of the same site.
    pub(crate) async fn post_from_here(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.world.http.post(self.address(path)).header("sec-fetch-site", "same-origin");
        self.sent(request.form(fields)).await
    }

    async fn sent(&self, request: RequestBuilder) -> Page {
        let cookie = self.cookie.borrow().clone();
        let request = cookie.iter().fold(request, |request, cookie| request.header(COOKIE, cookie));
        let reply = request.send().await.unwrap();
        if let Some(set) = reply.headers().get(SET_COOKIE) {
            let set = set.to_str().unwrap();
            assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
            *self.cookie.borrow_mut() = Some(set.split(';').next().unwrap().to_owned());
        }
        Page::of(reply).await
    }
}

impl Page {
    async fn of(reply: Response) -> Self {
        let location = reply.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
        let policy = reply.headers().get("content-security-policy").map(|value| value.to_str().unwrap().to_owned());
        let status = reply.status().as_u16();
        let html = reply.text().await.unwrap();
        if html.contains("<html") {
            let policy = policy.expect("every page has a policy");
            // Only a page with values to copy, or with a list to narrow down, runs a script: its own one.
            let own = [("data-copies", "copy.js"), ("data-filters", "filter.js")];
            let own: Vec<_> = own.iter().filter(|(mark, _)| html.contains(mark)).collect();
            let script = if own.is_empty() { "" } else { "script-src 'self'; " };
            let expected = format!("default-src 'none'; style-src 'self'; img-src 'self'; {script}form-action 'self' ");
            assert!(policy.starts_with(&expected), "{policy}");
            assert_eq!(html.matches("<script").count(), own.len(), "{html}");
            for (_, file) in own {
                assert!(html.contains(&format!("<script src=\"/v1/authorize/{file}\"></script>")), "{html}");
            }
            assert!(!html.contains(" style="), "{html}");
            assert!(html.contains("A simulator on this machine"), "{html}");
        }
        Self { status, location: location.unwrap_or_default(), html }
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> &str {
        let field = format!(r#"<input type="hidden" name="{name}" value=""#);
        let (_, rest) = self.html.split_once(&field).unwrap_or_else(|| panic!("{name} in {}", self.html));
        rest.split_once('"').unwrap().0
    }

    /// The value that stands in a read-only field under this label.
    pub(crate) fn value(&self, label: &str) -> String {
        let (_, rest) =
            self.html.split_once(&format!(">{label}</label>")).unwrap_or_else(|| panic!("{label} in {}", self.html));
        rest.split_once("value=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.html.contains(words), "{words:?} in {} {}", self.status, self.html);
        self
    }

    #[track_caller]
    pub(crate) fn does_not_say(&self, words: &str) -> &Self {
        assert!(!self.html.contains(words), "{words:?} in {}", self.html);
        self
    }
}
