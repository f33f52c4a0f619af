//! Statuses of a device, and commands to it.

use serde_json::Value;

use super::{grant_all, listed, scene};
use crate::kinds::json;

#[test]
fn a_device_is_asked_and_commanded_once() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let all = listed(&home);
    let phone = |device: &&Value| device["product"].as_str().unwrap().contains("88");
    let device = all.iter().find(|device| device["state"] == "up" && !phone(device)).unwrap();
    let (id, workspace) = (device["id"].as_str().unwrap(), device["workspace"].as_str().unwrap());
    let got = home.run(["devices", "xapi", id, "get", "Audio.Volume", "standby/state", "No.Such"]);
    assert!(got.stdout.contains("Audio.Volume") && got.stdout.contains("50"), "{got:?}");
    assert!(got.stdout.contains("Standby.State") && got.stderr.contains("has no status No.Such"), "{got:?}");
    got.ok();
    let eleven: Vec<String> = (0..11).map(|number| format!("Audio.N{number}")).collect();
    let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
    home.run([&["devices", "xapi", id, "get"], &eleven[..]].concat()).fails(2);
    home.run(["devices", "xapi", id, "get", "Audio?x"]).fails(2);

    // A watch that is mistyped is not a fault of the device.
    for words in [
        &["show", id][..],
        &["history", id],
        &["restart", id, "--yes"],
        &["alerts", "silence", id, "--for", "2h"],
        &["approve", id],
        &["list"],
    ] {
        let refused = home.run([&["devices"], words, &["--watch", "loby"]].concat());
        assert!(refused.stderr.contains("there is no watch named loby"), "{words:?}: {refused:?}");
        refused.fails(3);
    }

    // Read Only is not enough, and a person must grant more.
    let sent = || {
        webex
            .record()
            .iter()
            .filter(|call| call["method"] == "POST" && call["path"].as_str().unwrap().contains("/xapi/"))
            .count()
    };
    let command = ["devices", "xapi", id, "run", "Audio.Volume.Set", "Level=35"];
    for words in [&command[..], &[&command[..], &["--dry-run"]].concat(), &["devices", "restart", id]] {
        let refused = home.run(words);
        assert!(refused.stderr.contains("has Read Only on") && refused.stderr.contains("needs Full"), "{refused:?}");
        assert!(refused.hint().contains(&format!("change {} to Full", webex.description().bot.email)), "{refused:?}");
        refused.fails(4);
    }
    assert_eq!(sent(), 0);
    // The grant counts at once, whenever the devices were read.
    webex.grant(workspace, &webex.description().bot.email, Some("full"));
    let ran = home.run(command);
    assert!(ran.stdout.contains("Audio.Volume.Set Level=35"), "{ran:?}");
    ran.ok();
    assert_eq!(json(&home, &["devices", "xapi", id, "get", "Audio.Volume"]).1["result"]["Audio"]["Volume"], 35);
    home.run(["devices", "sweep"]).ok();
    let before = webex.record().len();
    let dry = home.run([&command[..], &["--dry-run"]].concat());
    assert!(dry.stdout.starts_with("Would send ") && dry.stderr.contains("nothing was sent"), "{dry:?}");
    assert_eq!((sent(), webex.record().len()), (1, before), "a dry run calls nothing");
    let audit = home.run(["audit"]).ok();
    let line = audit.lines().find(|line| line.contains("command Audio.Volume.Set(Level) to be sent to")).unwrap();
    let (_, what) = line.split_once("devices: ").unwrap();
    assert!(!what.contains("35"), "arguments may be secrets: {line}");
    // Webex's refusal is passed on.
    home.run(["devices", "xapi", id, "run", "No.Such"]).fails(1);
    home.run(["devices", "xapi", id, "run", "Audio.*"]).fails(2);

    // A restart is one; then the device is not connected, and nothing more is sent.
    home.run(["devices", "restart", id]).ok();
    let count = sent();
    for words in [&command[..], &["devices", "restart", id], &["devices", "xapi", id, "get", "Audio.Volume"]] {
        let refused = home.run(words);
        assert!(refused.stderr.contains("is not connected") && refused.stderr.contains("disconnected"), "{refused:?}");
        refused.fails(1);
    }
    assert_eq!(sent(), count);
}
