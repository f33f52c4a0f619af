//! How a page looks.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Page;

/// The ways in which every page is looked at: width, height, and the colours that the person prefers.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    name: &'static str,
    width: u32,
    height: u32,
    colours: &'static str,
}

/// Names the directory that pictures are kept in; without it, none are taken.
const SCREENSHOTS: &str = "LANYARD_SCREENSHOTS";

impl Look {
    /// By day, by night, and on a phone in either.
    pub const ALL: [Self; 4] = [
        Self { name: "light", width: 1024, height: 720, colours: "light" },
        Self { name: "dark", width: 1024, height: 720, colours: "dark" },
        Self { name: "narrow-light", width: 360, height: 640, colours: "light" },
        Self { name: "narrow-dark", width: 360, height: 640, colours: "dark" },
    ];
}

impl Page<'_> {
    /// Looks at the page in all ways: in none does anything stick out to the side, or is any text too faint to read. Where `LANYARD_SCREENSHOTS` names a directory, each is
    /// pictured there as `NAME-LOOK.png`, from its top to its end.
    #[track_caller]
    pub fn looks_right(&self, name: &str) {
        let pictures = std::env::var_os(SCREENSHOTS).map(PathBuf::from);
        for look in Look::ALL {
            self.set(look, None);
            if let Some(directory) = &pictures {
                // In a window as high as the page: what sticks to the window's end is then at the page's.
                let height = self.ask::<serde_json::Value>("size()")["height"].as_u64();
                self.set(look, height.and_then(|height| u32::try_from(height).ok()));
                fs::create_dir_all(directory).expect("the directory of the pictures is made");
                let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
                let picture = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
                fs::write(directory.join(format!("{name}-{}.png", look.name)), picture).expect("it is written");
            }
            for question in ["sticksOut()", "faint()"] {
                let found: Vec<String> = self.ask(question);
                assert!(found.is_empty(), "{name}, {}, {question}: {found:#?}", look.name);
            }
        }
        self.set(Look::ALL[0], None);
    }

    #[track_caller]
    pub(super) fn set(&self, look: Look, height: Option<u32>) {
        let height = height.unwrap_or(look.height);
        let size = json!({ "width": look.width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let colours = json!([{ "name": "prefers-color-scheme", "value": look.colours }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": colours }));
        self.draw();
    }
}

#[cfg(test)]
mod tests {
    use crate::{Browser, Key};

    /// Everything that is wrong with this page is seen: a text, a width, a focus, and a button under something else.
    const BAD: &str = "data:text/html,<body style='color:%23bbb;background:%23fff'>hard to read\
        <p style='color:black;width:2000px'>wide</p><a href='x' style='outline:none'>link</a>\
        <p><button style='color:black;background:white'>under</button></p>\
        <div style='position:fixed;inset:0;background:rgb(0 0 0/1%25)'></div>";

    #[test]
    fn what_cannot_be_read_reached_or_found_is_seen() {
        let browser = Browser::start();
        let page = browser.open(BAD);
        let faint: Vec<String> = page.ask("faint()");
        assert_eq!(faint.len(), 1, "{faint:?}");
        assert!(faint[0].starts_with("1.") && faint[0].contains("hard to read"), "{faint:?}");
        let out: Vec<String> = page.ask("sticksOut()");
        assert_eq!(out, ["<p> wide"]);
        page.press(Key::Tab);
        let focus = page.focus().expect("the link has it");
        assert_eq!((focus.name.as_str(), focus.tag.as_str(), focus.visible), ("link", "a", false));
        let click = std::panic::AssertUnwindSafe(|| page.click("under"));
        assert!(std::panic::catch_unwind(click).is_err(), "it is under something");

        page.go("data:text/html,<label>Name <input></label> <button>over</button>");
        page.fill("Name", "somebody");
        assert_eq!(page.tab(), "over");
        assert_eq!(page.ask::<Vec<String>>("faint()"), Vec::<String>::new());
    }
}
