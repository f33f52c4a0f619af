//! Names that are an attack on their reader.

use lanyard_testkit::Served;

use super::{ADMINISTRATOR, grant_all, listed, scene};
use crate::kinds::administrator;

/// Names that act on a terminal, a spreadsheet, a page or a reader, and names in several scripts, which are left as they are.
const HOSTILE: [&str; 9] = [
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd",
    "<script>alert(1)</script>",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "a\nup  1 d  forged  row",
    "\u{202e}gnp.moor",
    "+\u{200b}1\",\"2",
    "\u{ff1d}HYPERLINK(\"http://x\")",
    "Zürich 会议室 غرفة חדר Зал 👩",
];

#[test]
fn no_name_acts_on_a_terminal_a_spreadsheet_a_page_or_the_metrics() {
    let (webex, home) = scene();
    grant_all(&webex);
    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "add", "lobby", "--against", "admin"]).ok();
    let devices = listed(&home);
    assert!(devices.len() >= HOSTILE.len(), "{devices:?}");
    for (device, name) in devices.iter().zip(HOSTILE) {
        let (id, workspace) = (device["id"].as_str().unwrap(), device["workspace"].as_str().unwrap());
        let name = name.replace('\'', "''");
        let of_device =
            format!("'$.name', '{name}', '$.product', '{name}', '$.serial', '{name}', '$.errors[0]', '{name}'");
        let of_place =
            format!("'$.room', '{name}', '$.location', '{name}', '$.issues[0]', json_object('title', '{name}')");
        crate::client::rewrite(
            &home,
            &format!(
                "UPDATE devices_seen SET facts = json_set(facts, {of_device}) WHERE device = '{id}'; \
                 UPDATE devices_places SET facts = json_set(facts, {of_place}) WHERE workspace = '{workspace}'"
            ),
        );
    }
    let is_plain = |text: &str| !text.contains(|character| character != '\n' && lanyard_protocol::is_hidden(character));
    let list = home.run(["devices", "list", "--all"]).ok();
    assert!(is_plain(&list) && list.lines().count() == devices.len() + 1, "{list}");
    assert!(list.contains(HOSTILE[8]), "what is harmless stays as it is: {list}");
    // Programs get what Webex said.
    let names: Vec<_> = listed(&home).iter().map(|device| device["name"].as_str().unwrap().to_owned()).collect();
    let month = &devices[0]["since"].as_str().unwrap()[..7];
    for ((device, name), by) in devices.iter().zip(HOSTILE).zip(["device", "workspace", "location"].iter().cycle()) {
        assert!(names.iter().any(|found| found == name), "{name:?}: {names:?}");
        let shown = home.run(["devices", "show", device["id"].as_str().unwrap()]).ok();
        assert!(is_plain(&shown), "{shown:?}");
        let report = ["devices", "report", "--month", month, "--by", by];
        let table = home.run(report).ok();
        assert!(is_plain(&table), "{table:?}");
        let csv = home.run([&report[..], &["--csv"]].concat()).ok();
        for line in csv.lines() {
            let begins = |text: &str| text.starts_with(['=', '+', '-', '@', '\u{ff1d}']);
            let fields = line.split(',').map(|field| field.trim_start_matches('"'));
            // A quoted field goes on after its commas; none of these names has a formula there.
            assert!(is_plain(line) && !fields.into_iter().any(begins), "{line:?}");
        }
        let page = home.run([&report[..], &["--html"]].concat()).ok();
        assert!(
            is_plain(&page) && !["<script", "<a ", "<img", " href="].iter().any(|tag| page.contains(tag)),
            "{page:?}"
        );
    }
    let broker = Served::start(&home, [] as [&str; 0]);
    let metrics = broker.ask("GET", "/metrics").body;
    assert!(metrics.contains("lanyard_watched_devices{"), "{metrics}");
    assert!(
        is_plain(&metrics) && !["cmd", "script", "owned", "forged", "会议室"].iter().any(|word| metrics.contains(word))
    );
}
