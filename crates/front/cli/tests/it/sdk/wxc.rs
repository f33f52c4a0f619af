//! `wxc-sdk` with each kind of token.

use std::process::Command;

use lanyard_testkit::{Home, Method, Options, Running, Webex};

use super::wxc_sdk;
use crate::{LANYARD, signed_in};

/// Lists everyone, `MAX` at a time, and prints who asks, how many there are, and how many of them differ.
const SCRIPT: &str = "
import os
from wxc_sdk import WebexSimpleApi
from wxc_sdk.rest import RestSession

RestSession.BASE = os.environ['SDK_BASE']
with WebexSimpleApi() as api:
    people = list(api.people.list(max=int(os.environ['MAX'])))
    print(api.people.me().emails[0], len(people), len({person.person_id for person in people}))
";

#[test]
fn wxc_sdk_lists_everyone_across_pages() {
    let python = wxc_sdk();
    let webex = Webex::with(Options { people: 250, ..Options::default() });
    let home = signed_in(&webex);
    let script = home.file("people.py", SCRIPT);
    let expected = format!("{} 250 250", webex.description().admin.email);
    for (max, pages) in [(100, 3), (33, 8)] {
        webex.control(Method::DELETE, "/record", None);
        let mut command = home.command(["exec", "acme", "--"]);
        command.arg(&python).arg(&script).env("SDK_BASE", webex.url()).env("MAX", max.to_string());
        assert_eq!(Running::start(&mut command).end().ok(), expected);
        let lists = webex.record().iter().filter(|call| call["path"] == "/v1/people").count();
        assert_eq!(lists, pages, "{max} at a time");
    }
}

/// The SDK's own example for service apps: an `Integration` with only an id and a secret refreshes the one token that the portal shows.
/// Then it looks around.
const SERVICE_APP: &str = "
import os
from wxc_sdk import WebexSimpleApi
from wxc_sdk.integration import Integration
from wxc_sdk.rest import RestSession
from wxc_sdk.tokens import Tokens

base = RestSession.BASE = os.environ['SDK_BASE']
integration = Integration(client_id=os.environ['CLIENT_ID'], client_secret=os.environ['CLIENT_SECRET'], scopes=[],
                          redirect_url=None, auth_service=f'{base}/authorize', token_service=f'{base}/access_token')
tokens = Tokens(refresh_token=os.environ['REFRESH_TOKEN'])
integration.refresh(tokens=tokens)
assert tokens.remaining > 0
with WebexSimpleApi(tokens=tokens) as api:
    print(api.people.me().display_name, len(list(api.devices.list())), len(list(api.workspaces.list())), len(list(api.licenses.list())) > 0,
          len(list(api.locations.list())) > 0)
";

/// Prints the caller's address and the number of devices, with the token from the environment.
const LOOK_AROUND: &str = "
import os
from wxc_sdk import WebexSimpleApi
from wxc_sdk.rest import RestSession

RestSession.BASE = os.environ['SDK_BASE']
with WebexSimpleApi() as api:
    devices = list(api.devices.list())
    print(api.people.me().emails[0], len(devices), len({device.device_id for device in devices}))
";

#[test]
fn wxc_sdks_own_refresh_of_a_service_app_works_and_sees_what_lanyards_does() {
    let python = wxc_sdk();
    let webex = Webex::with(Options { devices: 30, ..Options::default() });
    let home = signed_in(&webex);
    let app = &webex.description().service_app;
    let script = home.file("service_app.py", SERVICE_APP);
    let mut command = Command::new(&python);
    command.arg(script).env("SDK_BASE", webex.url()).env("CLIENT_ID", &app.client_id);
    command.env("CLIENT_SECRET", &app.client_secret).env("REFRESH_TOKEN", &app.refresh_token);
    let workspaces = webex.workspaces().len();
    assert_eq!(Running::start(&mut command).end().ok(), format!("Fleet Service App 30 {workspaces} True True"));
}

#[test]
fn wxc_sdk_sees_with_a_bots_token_what_the_bot_was_granted() {
    let python = wxc_sdk();
    let webex = Webex::with(Options { devices: 30, ..Options::default() });
    let home = signed_in(&webex);
    let bot = &webex.description().bot;
    let file = home.file("bot", &bot.access_token);
    let mut add = home.command(["--webex-url", webex.url(), "add", "bot", "lobby", "--token-file"]);
    Running::start(add.arg(file)).end().ok();
    let script = home.file("look.py", LOOK_AROUND);
    let look = || {
        let mut command = home.command(["exec", "lobby", "--"]);
        command.arg(&python).arg(&script).env("SDK_BASE", webex.url());
        Running::start(&mut command).end().ok()
    };
    assert_eq!(look(), format!("{} 0 0", bot.email));
    let granted =
        webex.workspaces().into_iter().find(|workspace| workspace["devices"] == 2).expect("one has two devices");
    webex.grant(granted["id"].as_str().expect("an id"), &bot.email, Some("read"));
    assert_eq!(look(), format!("{} 2 2", bot.email));
}

#[test]
fn wxc_sdk_sees_a_thousand_devices_fail_exactly_as_scripted() {
    let python = wxc_sdk();
    let webex = Webex::with(Options { devices: 1500, ..Options::default() });
    let home = Home::new(LANYARD);
    let knows = webex.description();
    let token = home.file("personal", &knows.personal.access_token);
    let mut add = home.command(["--webex-url", webex.url(), "add", "personal", "mine", "--token-file"]);
    Running::start(add.arg(token)).end().ok();
    let mut command = home.command(["exec", "mine", "--"]);
    command.arg(python).arg(home.file("devices.py", include_str!("wxc_devices.py"))).env("SDK_BASE", webex.url());
    command.env("CONTROL_URL", &knows.control_url).env("CONTROL_KEY", &knows.control_key);
    assert_eq!(Running::start(&mut command).end().ok(), "1000");
}
