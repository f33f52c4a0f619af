//! What a watch sees, compared with what there is.

use serde_json::{Value, json as value};

use super::{ADMINISTRATOR, grant_all, listed, scene};
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
    let said = shown.stderr.clone();
    shown.fails(4);
    let written = std::fs::read_to_string(missing).unwrap();
    assert_eq!(written, "workspace,location,devices\r\n'=1+1,Bern,Desk Pro\r\n", "no formula");
    home.run([&coverage[..], &["--csv", missing]].concat()).fails(2);
    assert!(said.contains("wrote 1 missing workspace to "), "{said}");
    let rows = seen.len() + 2;
    assert!(said.contains(&format!("compared with {rows} rows of {file}")), "{said}");
    // A file that was cut off looks like one in which nothing is missing.
    let cut = home.file("cut off.csv", &export[..export.len() - 20]);
    let refused = home.run(["devices", "coverage", "lobby", "--against", cut.to_str().unwrap()]);
    assert!(refused.stderr.contains("is cut off"), "{refused:?}");
    refused.fails(2);
    // A name with a space is one word of the command that is printed.
    let spaced = home.file("my export.csv", &export);
    let shown = home.run(["devices", "coverage", "lobby", "--against", spaced.to_str().unwrap()]);
    assert!(shown.stderr.contains(&format!("--against '{}' --letter", spaced.display())), "{shown:?}");
    // Nothing is missing: no letter.
    let own: String = std::iter::once("Display Name,Serial Number,Location,Product,Type\r\n".to_owned())
        .chain(seen.iter().map(row))
        .collect();
    let own = home.file("own.csv", &own);
    let letter = home.run(["devices", "coverage", "lobby", "--against", own.to_str().unwrap(), "--letter"]);
    assert!(letter.stderr.contains("nothing is missing"), "{letter:?}");
    assert_eq!(letter.ok(), "");
    home.run(["devices", "coverage", "lobby", "--against", "no-such.csv"]).fails(2);
    // The rooms of another customer.
    let others = home.file("others.csv", "Display Name,Serial Number\r\nCouncil Chamber,FOC99999999\r\n");
    let refused = home.run(["devices", "coverage", "lobby", "--against", others.to_str().unwrap(), "--letter"]);
    assert!(!refused.stdout.contains("Council Chamber"), "{}", refused.stdout);
    refused.fails(2);
    home.run(["devices", "coverage", "lobby", "--against", "Not A Name"]).fails(2);
}

#[test]
fn the_coverage_of_all_watches_is_a_line_each_and_calls_nobody() {
    let (webex, home) = scene();
    assert!(home.run(["devices", "coverage"]).stderr.contains("there is no watch"));
    administrator(&webex, &home, &ADMINISTRATOR);
    let other = webex.new_bot("Other");
    add(&webex, &home, &["bot", "other", "--token-file", "-"], &other.access_token).ok();
    home.run(["label", "lobby", "customer=fennwick"]).ok();
    let workspaces = webex.workspaces();
    webex.grant(workspaces[0]["id"].as_str().unwrap(), &webex.description().bot.email, Some("read"));
    home.run(["devices", "watch", "add", "lobby", "--against", "admin"]).ok();
    home.run(["devices", "watch", "add", "other"]).ok();
    let (code, one) = json(&home, &["devices", "coverage", "lobby"]);
    let before = webex.record().len();
    let (all_code, rows) = json(&home, &["devices", "coverage"]);
    let table = home.run(["devices", "coverage"]);
    assert_eq!(webex.record().len(), before, "what was stored is enough");
    assert_eq!((code, all_code), (4, 4), "{rows}");
    let [nothing, some] = &**rows.as_array().unwrap() else { panic!("{rows}") };
    assert_eq!(
        (&nothing["watch"], &nothing["devices"], &nothing["workspaces"], &nothing["against"]),
        (&value!("other"), &value!(0), &Value::Null, &Value::Null),
        "what sees nothing is the first: {rows}"
    );
    assert_eq!((&some["customer"], &some["against"]), (&value!("fennwick"), &value!("admin")));
    // The same as the comparison that asks Webex.
    let names: Vec<_> = one["missing"].as_array().unwrap().iter().map(|missing| missing["workspace"].clone()).collect();
    let mut sorted = names.clone();
    sorted.sort_by_key(|name| name.as_str().unwrap().to_owned());
    assert_eq!((&some["workspaces"], &some["missing"]), (&one["workspaces"], &value!(sorted)), "{some} {one}");
    let total = one["workspaces"].as_u64().unwrap();
    let granted = format!("{} of {total}", total - names.len() as u64);
    let line = table.stdout.lines().find(|line| line.starts_with("fennwick")).unwrap();
    assert!(line.contains(&granted) && line.contains("admin"), "{line}");
    assert!(
        table.stdout.contains("0 of ?") && table.stdout.contains("nothing") && table.stdout.contains("  LOST\n"),
        "{table:?}"
    );
    assert!(table.stderr.contains("2 watches: 1 sees nothing, 1 misses rooms"), "{table:?}");
    assert!(table.stderr.contains("Next: lanyard devices coverage other --letter"), "{table:?}");

    for workspace in &workspaces {
        for email in [&webex.description().bot.email, &other.email] {
            webex.grant(workspace["id"].as_str().unwrap(), email, Some("read"));
        }
    }
    home.run(["devices", "sweep"]).ok();
    let (code, rows) = json(&home, &["devices", "coverage", "--customer", "fennwick"]);
    assert_eq!((code, rows.as_array().unwrap().len(), &rows[0]["missing"]), (0, 1, &value!([])), "{rows}");
    // A grant is withdrawn.
    webex.grant(workspaces[0]["id"].as_str().unwrap(), &webex.description().bot.email, None);
    home.run(["devices", "sweep"]).ok();
    let table = home.run(["devices", "coverage", "--customer", "fennwick"]);
    assert!(table.stdout.contains("admin          2\n"), "two devices: {table:?}");
    table.fails(4);
    home.run(["devices", "coverage", "--letter"]).fails(2);
    home.run(["devices", "coverage", "--customer", "nobody"]).fails(3);
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
