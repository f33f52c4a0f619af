//! Where a person looks after what an API does not: the pages of one Webex.

use crate::Environment;

/// The pages of an environment, for hints. No token and no request ever goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// The developer portal, where a person is signed in.
    pub portal: String,
    /// Its list of a person's apps: bots, integrations, service apps.
    pub apps: String,
    /// Where a person copies an access token of their own.
    pub personal_token: String,
    /// Where an administrator authorises and withdraws service apps.
    pub service_apps: String,
    /// Where an administrator says which workspaces a bot sees, up to the workspace itself.
    pub workspaces: String,
    /// Where a person ends an integration's access; `None` where there is no such page.
    pub connected_apps: Option<String>,
    /// Whether they are at an address of its own, so that its Control Hub is not Cisco's.
    pub are_local: bool,
}

impl Environment {
    /// The pages that belong to it. A Webex at an address of its own has them beside its API, as the simulator does.
    pub fn pages(&self) -> Pages {
        if *self == Self::commercial() {
            return Pages::of_cisco("https://developer.webex.com", "/my-apps");
        }
        if *self == Self::fedramp() {
            // Apps are made through the API there; the portal has the guide to that.
            return Pages::of_cisco("https://developer-usgov.webex.com", "");
        }
        let origin = self.token().origin().ascii_serialization();
        let portal = format!("{origin}/portal");
        Pages {
            apps: portal.clone(),
            personal_token: portal.clone(),
            portal,
            service_apps: format!("Control Hub, {origin}/hub/apps/service-apps"),
            workspaces: format!("Control Hub, {origin}/hub/workspaces"),
            connected_apps: None,
            are_local: true,
        }
    }
}

impl Pages {
    fn of_cisco(portal: &str, apps: &str) -> Self {
        Self {
            portal: portal.to_owned(),
            apps: format!("{portal}{apps}"),
            personal_token: format!("{portal}/docs/getting-started"),
            service_apps: "Control Hub, Management, Apps, Service Apps".to_owned(),
            workspaces: "Control Hub, Management, Workspaces".to_owned(),
            connected_apps: Some("https://idbroker.webex.com/idb/profile, Connected Apps".to_owned()),
            are_local: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_a_local_webex_are_its_own() {
        let pages = Environment::at("http://127.0.0.1:7000/v1").unwrap().pages();
        assert_eq!(pages.apps, "http://127.0.0.1:7000/portal");
        assert_eq!(pages.personal_token, "http://127.0.0.1:7000/portal");
        assert_eq!(pages.service_apps, "Control Hub, http://127.0.0.1:7000/hub/apps/service-apps");
        assert_eq!(pages.connected_apps, None);
    }

    #[test]
    fn the_pages_of_ciscos_are_ciscos() {
        let pages = Environment::commercial().pages();
        assert_eq!(pages.apps, "https://developer.webex.com/my-apps");
        assert_eq!(pages.workspaces, "Control Hub, Management, Workspaces");
        let pages = Environment::fedramp().pages();
        assert_eq!(pages.apps, "https://developer-usgov.webex.com");
    }
}
