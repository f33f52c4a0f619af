//! One tab, and the person before it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Browser, Look};

/// A tab. It stays open when dropped, as long as the browser runs.
#[derive(Debug)]
pub struct Page<'b> {
    browser: &'b Browser,
    target: String,
    session: String,
}

/// The element with the keyboard focus.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Focus {
    /// The element's name: its label, or its own text.
    pub name: String,
    /// The element's tag: `input`, `button`, `a`.
    pub tag: String,
    /// Whether a person sees that it is this one: it has a ring, and nothing covers it.
    pub visible: bool,
}

/// A key that types nothing.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// To the next field or button.
    Tab,
    /// To the one before, with Shift held.
    BackTab,
    /// Sends a form, follows a link, presses a button.
    Enter,
    /// Presses a button, ticks a box.
    Space,
}

/// The questions to a page.
const QUESTIONS: &str = include_str!("page.js");

/// Shift, among the modifiers of a key.
const SHIFT: u8 = 8;

/// Nobody presses Tab more often than that to get somewhere.
const MOST_TABS: usize = 120;

/// How many frames are waited for what a page asks to be focused.
const FRAMES: usize = 10;

impl<'b> Page<'b> {
    #[track_caller]
    pub(super) fn new(browser: &'b Browser) -> Self {
        let call = |session: Option<&str>, method: &str, params: Value| {
            browser.link.borrow_mut().call(session, method, &params).unwrap_or_else(|error| panic!("{error}"))
        };
        let target = call(None, "Target.createTarget", json!({ "url": "about:blank" }));
        let target = target["targetId"].as_str().expect("a tab has an id").to_owned();
        let attached = call(None, "Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        let session = attached["sessionId"].as_str().expect("a session has an id").to_owned();
        let page = Self { browser, target, session };
        page.call("Page.enable", &json!({}));
        page.call("Page.setLifecycleEventsEnabled", &json!({ "enabled": true }));
        // A tab in the back is drawn, and takes keys, as one in front.
        page.call("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        // Whoever goes on before the empty page is there is called back to it.
        page.wait_until_loaded(None);
        page.set(Look::ALL[0], None);
        page
    }

    /// Types an address into the tab's address bar, and waits until what is there is loaded; panics where nothing answers.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.try_go(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Like [`go`](Self::go), but returns the browser's error if nothing answers.
    #[track_caller]
    pub fn try_go(&self, url: &str) -> Result<(), String> {
        let gone = self.call("Page.navigate", &json!({ "url": url }));
        if let Some(error) = gone["errorText"].as_str() {
            return Err(error.to_owned());
        }
        self.wait_until_loaded(gone["loaderId"].as_str());
        self.draw();
        Ok(())
    }

    /// The address in the address bar, even where nothing answered.
    #[track_caller]
    pub fn url(&self) -> String {
        self.try_url().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The readable text of the page.
    #[track_caller]
    pub fn text(&self) -> String {
        self.ask("text()")
    }

    /// The readable text of each element that matches a CSS selector.
    #[track_caller]
    pub fn shown(&self, selector: &str) -> Vec<String> {
        self.ask(&format!("shown({})", json!(selector)))
    }

    /// The value of a field. Panics if no field has this name.
    #[track_caller]
    pub fn value(&self, name: &str) -> String {
        let value: Option<String> = self.ask(&format!("value({})", json!(name)));
        value.unwrap_or_else(|| panic!("there is no field {name:?}:\n{}", self.text()))
    }

    /// Waits until a page is loaded on which this can be read.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, || self.try_ask("isThere()") == Ok(true) && self.reads(text));
        self.draw();
    }

    /// Waits until the address bar shows an address that begins so, whether or not anybody answers there.
    #[track_caller]
    pub fn wait_for_url(&self, beginning: &str) -> String {
        self.wait_until(beginning, || self.try_url().is_ok_and(|url| url.starts_with(beginning)));
        self.url()
    }

    /// Clicks with the mouse what is called so: a button, a link, a field.
    #[track_caller]
    pub fn click(&self, name: &str) {
        self.click_at(name, false);
    }

    /// Clicks with the mouse the box or the button in whose name this word stands.
    #[track_caller]
    pub fn tick(&self, word: &str) {
        self.click_at(word, true);
    }

    /// Clicks a field and types into it what shall be there.
    #[track_caller]
    pub fn fill(&self, name: &str, text: &str) {
        self.click(name);
        let all = json!({ "type": "keyDown", "key": "a", "code": "KeyA", "commands": ["selectAll"] });
        self.call("Input.dispatchKeyEvent", &all);
        self.type_text(text);
        assert_eq!(self.value(name), text);
    }

    /// Types, key by key.
    #[track_caller]
    pub fn type_text(&self, text: &str) {
        for letter in text.chars() {
            self.strike(&json!({ "key": letter, "text": letter }));
        }
    }

    /// Presses a key that types nothing.
    #[track_caller]
    pub fn press(&self, key: Key) {
        let (name, code, text, modifiers) = match key {
            Key::Tab => ("Tab", 9, None, 0),
            Key::BackTab => ("Tab", 9, None, SHIFT),
            Key::Enter => ("Enter", 13, Some("\r"), 0),
            Key::Space => (" ", 32, Some(" "), 0),
        };
        let mut event = json!({ "key": name, "code": name, "windowsVirtualKeyCode": code, "modifiers": modifiers });
        if let Some(text) = text {
            event["text"] = text.into();
        }
        self.strike(&event);
    }

    /// The focused element, if there is one. Waits a few frames, because a page may take that long to set the focus.
    #[track_caller]
    pub fn focus(&self) -> Option<Focus> {
        (0..FRAMES).find_map(|_| {
            self.draw();
            self.ask("focus()")
        })
    }

    /// Presses Tab and gives the name of what has the focus then; panics where that is nothing, or cannot be seen.
    #[track_caller]
    pub fn tab(&self) -> String {
        self.press(Key::Tab);
        let focus = self.focus().unwrap_or_else(|| panic!("nothing has the focus:\n{}", self.text()));
        assert!(focus.visible, "nobody sees that {focus:?} has the focus");
        focus.name
    }

    /// Presses Tab until what is called so has the focus.
    #[track_caller]
    pub fn tab_to(&self, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..MOST_TABS {
            self.press(Key::Tab);
            // Past its end a page has no focus for one Tab.
            let Some(focus) = self.focus() else { continue };
            assert!(focus.visible, "nobody sees that {focus:?} has the focus");
            if focus.name == name {
                return;
            }
            passed.push(focus.name);
        }
        panic!("no Tab leads to {name:?}, only to {passed:?}");
    }

    /// Closes the tab.
    #[track_caller]
    pub fn close(self) {
        let closed =
            self.browser.link.borrow_mut().call(None, "Target.closeTarget", &json!({ "targetId": self.target }));
        closed.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Asks the page a question; panics where there is no answer.
    #[track_caller]
    pub(super) fn ask<T: DeserializeOwned>(&self, question: &str) -> T {
        self.try_ask(question).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    pub(super) fn call(&self, method: &str, params: &Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until a picture of what is there now has been drawn.
    #[track_caller]
    pub(super) fn draw(&self) {
        // A page that just makes room for the next one answers nothing.
        while self.try_ask("drawn()") != Ok(true) {
            self.event();
        }
    }

    #[track_caller]
    fn click_at(&self, name: &str, is_part: bool) {
        #[derive(Deserialize)]
        struct Place {
            x: f64,
            y: f64,
            free: bool,
        }
        let place: Option<Place> = self.ask(&format!("place({}, {is_part})", json!(name)));
        let Some(place) = place else {
            let names: Vec<String> = self.ask("names()");
            panic!("nothing is called {name:?} here, but {names:?}:\n{}", self.text());
        };
        assert!(place.free, "{name:?} is covered by something else");
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({ "type": kind, "x": place.x, "y": place.y, "button": button, "buttons": buttons, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    fn strike(&self, event: &Value) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = event.clone();
            event["type"] = kind.into();
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    fn reads(&self, text: &str) -> bool {
        self.try_ask::<String>("text()").is_ok_and(|found| found.contains(text))
    }

    /// Waits until a document is loaded: any, or a certain one.
    #[track_caller]
    fn wait_until_loaded(&self, document: Option<&str>) {
        let is_loaded = |event: &Value| {
            let of = &event["params"];
            let is_it = document.is_none_or(|document| of["loaderId"] == document);
            event["sessionId"] == *self.session && is_it && of["name"] == "load"
        };
        while !is_loaded(&self.event()) {}
    }

    #[track_caller]
    fn wait_until(&self, awaited: &str, condition: impl Fn() -> bool) {
        while !condition() {
            let event = self.browser.link.borrow_mut().event();
            if let Err(error) = event {
                panic!(
                    "{awaited:?} does not come: {error}\n{:?}\n{:?}",
                    self.try_url(),
                    self.try_ask::<String>("text()")
                );
            }
        }
    }

    #[track_caller]
    fn event(&self) -> Value {
        let event = self.browser.link.borrow_mut().event();
        event.unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_url(&self) -> Result<String, String> {
        let history = self.try_call("Page.getNavigationHistory", &json!({}))?;
        let current = history["currentIndex"].as_u64().and_then(|index| usize::try_from(index).ok());
        let entry = &history["entries"][current.expect("a tab is somewhere")];
        Ok(entry["url"].as_str().expect("it has an address").to_owned())
    }

    fn try_call(&self, method: &str, params: &Value) -> Result<Value, String> {
        self.browser.link.borrow_mut().call(Some(&self.session), method, params)
    }

    fn try_ask<T: DeserializeOwned>(&self, question: &str) -> Result<T, String> {
        let expression = format!("{}.{question}", QUESTIONS.trim_end());
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut reply = self.try_call("Runtime.evaluate", &params)?;
        if let Some(exception) = reply.get("exceptionDetails") {
            return Err(format!("{question}: {exception}"));
        }
        serde_json::from_value(reply["result"]["value"].take()).map_err(|error| format!("{question}: {error}"))
    }
}
