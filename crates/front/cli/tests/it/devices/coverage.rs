//! What a watch sees, compared with what there is.

use serde_json::{Value, json as value};

use super::{grant_all, listed, scene};
use crate::kinds::{add, administrator, json};

#[test]
fn coverage_is_compared_with_an_exported_list() {
    let (webex, home) = scene();
    let email = &webex.description().bot.email;
    let workspaces = webex.workspaces();
    webex.grant(workspaces[0]["id"].as_str().unwrap(), email, Some("read"));
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let seen = listed(&home);
    let row = |device: &Value| {
        format!("{},{},Bern,Board,roomdesk\r\n", device["name"].as_str().unwrap(), device["serial"].as_str().unwrap())
    };
    let mut export = "Display Name,Serial Number,Location,Product,Type\r\n".to_owned();
    export.extend(seen.iter().map(row));
    export += "=1+1,FOC00000000,Bern,Desk Pro,roomdesk\r\nReception,FOC00000001,Bern,Phone 8845,phone\r\n";
    let file = home.file("export.csv", &export);
    let (file, missing) = (file.to_str().unwrap(), home.beside().join("missing.csv"));
    let coverage = ["devices", "coverage", "lobby", "--against", file];
    let (code, view) = json(&home, &coverage);
    assert_eq!((code, &view["devices"], &view["not_compared"]), (4, &value!(seen.len() + 1), &value!(1)), "{view}");
    assert_eq!(view["missing"], value!([{ "workspace": "=1+1", "location": "Bern", "devices": ["Desk Pro"] }]));
    let missing = missing.to_str().unwrap();
    let shown = home.run([&coverage[..], &["--csv", missing]].concat());
    assert!(shown.stdout.contains("LOCATION") && shown.stdout.contains("Desk Pro"), "{shown:?}");
    shown.fails(4);
    let written = std::fs::read_to_string(missing).unwrap();
    assert_eq!(written, "workspace,location,devices\r\n'=1+1,Bern,Desk Pro\r\n", "no formula");
    home.run([&coverage[..], &["--csv", missing]].concat()).fails(2);
    home.run(["devices", "coverage", "lobby", "--against", "no-such.csv"]).fails(2);
    // The rooms of another customer.
    let others = home.file("others.csv", "Display Name,Serial Number\r\nCouncil Chamber,FOC99999999\r\n");
    let refused = home.run(["devices", "coverage", "lobby", "--against", others.to_str().unwrap(), "--letter"]);
    assert!(!refused.stdout.contains("Council Chamber"), "{}", refused.stdout);
    refused.fails(2);
    home.run(["devices", "coverage", "lobby", "--against", "Not A Name"]).fails(2);
}

#[test]
fn coverage_is_not_compared_with_a_credential_that_sees_only_its_own_devices() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    // The scope shows only the devices of its own person.
    administrator(&webex, &home, &["spark:people_read", "spark:devices_read", "spark-admin:workspaces_read"]);
    let refused = home.run(["devices", "coverage", "lobby", "--against", "admin"]);
    assert!(refused.stderr.contains("it was not granted spark-admin:devices_read"), "{refused:?}");
    refused.fails(4);
    // A bot sees what it was granted, and no more.
    let other = webex.new_bot("Other");
    add(&webex, &home, &["bot", "other", "--token-file", "-"], &other.access_token).ok();
    let refused = home.run(["devices", "coverage", "lobby", "--against", "other"]);
    assert!(refused.stderr.contains("because it is a bot"), "{refused:?}");
    refused.fails(2);
}
