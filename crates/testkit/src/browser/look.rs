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
    /// Looks at the page in all ways: nothing sticks out to the side in any. Where `LANYARD_SCREENSHOTS` names a directory, each is
    /// pictured there as `NAME-LOOK.png`, from its top to its end.
    #[track_caller]
    pub fn looks_right(&self, name: &str) {
        let pictures = std::env::var_os(SCREENSHOTS).map(PathBuf::from);
        for look in Look::ALL {
            self.set(look, None);
            let out: Vec<String> = self.ask("sticksOut()");
            assert!(out.is_empty(), "{name}, {}: {out:#?}", look.name);
            if let Some(directory) = &pictures {
                // In a window as high as the page: what sticks to the window's end is then at the page's.
                let height = self.ask::<serde_json::Value>("size()")["height"].as_u64();
                self.set(look, height.and_then(|height| u32::try_from(height).ok()));
                fs::create_dir_all(directory).expect("the directory of the pictures is made");
                let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
                let picture = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
                fs::write(directory.join(format!("{name}-{}.png", look.name)), picture).expect("it is written");
            }
        }
        self.set(Look::ALL[0], None);
    }

    #[track_caller]
    fn set(&self, look: Look, height: Option<u32>) {
        let height = height.unwrap_or(look.height);
        let size = json!({ "width": look.width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let colours = json!([{ "name": "prefers-color-scheme", "value": look.colours }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": colours }));
        self.draw();
    }
}
