//! Transcripts of managing credentials, for a person and for a program: names, labels, `disable` and `enable`, imports.

use std::os::unix::fs::PermissionsExt as _;

use lanyard_testkit::{Home, Webex};

use crate::snapshots::{assert_shown, furnished, transcript};

/// The moments of hand-outs and the home's surroundings vary.
fn told(home: &Home, webex: &Webex, commands: &[&[&str]]) -> String {
    transcript(home, Some(webex), commands).replace(&*home.beside().to_string_lossy(), "BESIDE")
}

#[test]
fn managing() {
    let (webex, home) = furnished();
    let commands: [&[&str]; 9] = [
        &["rename", "acme", "corp"],
        &["rename", "corp", "lobby"],
        &["label", "corp", "team=voice", "site=Zürich West"],
        &["label", "corp", "--remove", "team"],
        &["label", "corp", "Team=voice"],
        &["list", "--label", "site"],
        &["list", "--kind", "bot", "--state", "disabled"],
        &["show", "crop"],
        &["--json", "show", "crop"],
    ];
    assert_shown!("managing", told(&home, &webex, &commands));
    let commands: [&[&str]; 2] = [&["--json", "label", "corp", "team=voice"], &["--json", "rename", "corp", "acme"]];
    assert_shown!("managing-json", told(&home, &webex, &commands));
}

#[test]
fn resting() {
    let (webex, home) = furnished();
    home.run(["exec", "acme", "--", "true"]).ok();
    let commands: [&[&str]; 7] = [
        &["disable", "acme"],
        &["disable", "acme"],
        &["token", "acme"],
        &["list"],
        &["enable", "acme"],
        &["enable", "acme"],
        &["disable", "mine"],
    ];
    assert_shown!("resting", told(&home, &webex, &commands));
    let commands: [&[&str]; 2] = [&["--json", "disable", "acme"], &["--json", "enable", "acme"]];
    assert_shown!("resting-json", told(&home, &webex, &commands));
}

#[test]
fn importing() {
    let (webex, home) = furnished();
    let (bot, personal) = (&webex.description().bot.access_token, &webex.description().personal.access_token);
    let file = |name: &str, content: &str| {
        let path = home.file(name, content);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_string_lossy().into_owned()
    };
    let tokens = file("tokens.yml", &format!("access_token: {personal}\nrefresh_token: r\nscope: spark:kms\n"));
    let empty = file("empty.json", "{\"expires_in\":1}");
    let table =
        format!("name,kind,access_token,label.site\nhall,bot,{bot},Bern\nhall,bot,{bot},Bern\nx,bot,{personal},\n");
    let (table, wrong) = (file("all.csv", &table), file("wrong.csv", "name,secret\n"));
    let url = webex.url();
    let commands: [&[&str]; 5] = [
        &["import", "moved", &tokens, "--app", "desk"],
        &["import", "moved", &tokens, "--app", "desk"],
        &["import", "other", &empty, "--app", "desk"],
        &["--webex-url", url, "import", "--csv", &table],
        &["import", "--csv", &wrong],
    ];
    assert_shown!("importing", told(&home, &webex, &commands));
    let commands: [&[&str]; 1] = [&["--json", "--webex-url", url, "import", "--csv", &table]];
    assert_shown!("importing-json", told(&home, &webex, &commands));
}
