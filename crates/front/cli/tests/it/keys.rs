//! The places where the home's key may be kept.

use std::fs;
use std::path::Path;
use std::process::Command;

use lanyard_testkit::{Home, Running};
use serde_json::Value;

use crate::LANYARD;
use crate::key_kills::{full_home, set_mode};

fn shown(home: &Home) -> Value {
    serde_json::from_str(&home.run(["--json", "key", "show"]).ok()).unwrap()
}

#[test]
fn a_key_is_generated_for_a_file_or_a_program_and_not_for_a_terminal() {
    let home = Home::new(LANYARD);
    let key = home.run(["key", "generate"]).ok();
    assert!(key.starts_with("lanyard-home-key-1 ") && key.lines().count() == 1, "it is one line");
    assert!(!home.path().exists(), "no home is made for it");
    // script(1) gives it a terminal.
    let mut terminal = Command::new("script");
    let line = format!("{LANYARD} key generate");
    let shown = terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("does not belong on a terminal") && !shown.contains("lanyard-home-key-1"), "{shown}");
}

fn with<'a>(command: &'a mut Command, variables: &[(&str, &Path)]) -> &'a mut Command {
    command.envs(variables.iter().copied())
}

#[test]
fn a_home_under_a_passphrase_is_opened_by_many_at_once_and_by_nobody_without_it() {
    let home = Home::new(LANYARD);
    let (first, second) =
        (home.file("first", "correct horse battery\n"), home.file("second", "staple of another kind\n"));
    for file in [&first, &second] {
        set_mode(file, 0o600);
    }
    let secret = home.file("secret", "canary-client-secret");
    let mut add = home.command(["--webex-url", "http://127.0.0.1:9/v1", "app", "add", "desk", "--kind", "integration"]);
    add.args(["--client-id", "C1", "--redirect-uri", "http://127.0.0.1:9/c", "--client-secret-file"]).arg(&secret);
    add.env("LANYARD_KEY_SOURCE", "passphrase");
    Running::start(with(&mut add, &[("LANYARD_PASSPHRASE_FILE", &first)])).end().ok();

    let refused = home.run(["app", "list"]);
    assert!(refused.hint().contains("LANYARD_PASSPHRASE_FILE"), "{}", refused.hint());
    refused.fails(6);
    let wrong = Running::start(with(&mut home.command(["app", "list"]), &[("LANYARD_PASSPHRASE_FILE", &second)])).end();
    assert!(wrong.stderr.contains("the passphrase does not open the key"), "{}", wrong.stderr);
    wrong.fails(6);
    let list = || {
        let mut list = home.command(["app", "list"]);
        Running::start(with(&mut list, &[("LANYARD_PASSPHRASE_FILE", &first)]))
    };
    let crowd: Vec<Running> = (0..10).map(|_| list()).collect();
    assert!(crowd.into_iter().all(|process| process.end().ok().contains("desk")));

    let mut change = home.command(["key", "rotate", "--to", "passphrase"]);
    let files: [(&str, &Path); 2] = [("LANYARD_PASSPHRASE_FILE", &first), ("LANYARD_NEW_PASSPHRASE_FILE", &second)];
    let changed = Running::start(with(&mut change, &files)).end();
    assert!(!format!("{}{}", changed.stdout, changed.stderr).contains("horse"));
    changed.ok();
    list().end().fails(6);
    Running::start(with(&mut home.command(["app", "list"]), &[("LANYARD_PASSPHRASE_FILE", &second)])).end().ok();
}

#[test]
fn a_source_in_the_settings_that_is_not_the_keys_own_is_warned_of() {
    let (home, _) = full_home(1);
    let words = home.file("words", "correct horse battery staple");
    set_mode(&words, 0o600);
    let settings = home.path().join("lanyard.toml");
    fs::write(&settings, "key_source = \"file\"\n").unwrap();
    assert!(!home.run(["doctor"]).ok().contains("key_source"));
    assert_eq!(shown(&home)["key_source_without_effect"], Value::Null);

    fs::write(&settings, "key_source = \"passphrase\"\n").unwrap();
    let said = format!(
        "lanyard.toml sets key_source = \"passphrase\", but the key is kept in {}",
        home.path().join("home.key").display()
    );
    let hint = "hint: lanyard key rotate --to passphrase";
    let doctor = home.run(["doctor"]).ok();
    assert!(doctor.contains(&format!("?   key          {said}")) && doctor.contains(hint), "{doctor}");
    let facts = home.run(["key", "show"]).ok();
    assert!(facts.contains(&said) && facts.contains("lanyard key rotate --to passphrase"), "{facts}");
    assert_eq!(shown(&home)["key_source_without_effect"], "passphrase");

    let with_words = |arguments: &[&str]| {
        let variables = [("LANYARD_NEW_PASSPHRASE_FILE", &*words), ("LANYARD_PASSPHRASE_FILE", &*words)];
        Running::start(with(&mut home.command(arguments), &variables)).end().ok()
    };
    with_words(&["key", "rotate", "--to", "passphrase"]);
    assert!(!with_words(&["doctor"]).contains("key_source"));
}

#[test]
fn a_slip_in_the_settings_stops_only_what_needs_them() {
    let (home, _) = full_home(1);
    let settings = home.path().join("lanyard.toml");
    let write = |text: &str| {
        fs::write(&settings, text).unwrap();
        // As every editor makes it.
        set_mode(&settings, 0o644);
    };
    for text in ["key_sauce = \"file\"\n", "[serve]\nkey_sauce = 1\n", "key_sauce"] {
        write(text);
        let listed = home.run(["app", "list"]);
        assert!(listed.stderr.starts_with("warning: ") && listed.stderr.contains("lanyard.toml"), "{}", listed.stderr);
        assert!(listed.stderr.contains("there is no app yet"), "{}", listed.stderr);
        listed.ok();
        let refused = home.run(["serve"]);
        assert!(refused.stderr.contains("lanyard.toml is invalid"), "{}", refused.stderr);
        assert!(refused.hint().contains("key_source"), "{}", refused.hint());
        refused.fails(2);
        let examined = home.run(["doctor"]);
        assert_eq!(examined.stdout.matches("lanyard.toml").count(), 1, "{}", examined.stdout);
        assert!(examined.stdout.contains("!!  settings "), "{}", examined.stdout);
        examined.fails(2);
    }
    write("[serve]\nsockets = 3\n");
    home.run(["app", "list"]).fails(2);
    set_mode(&settings, 0o646);
    let exposed = home.run(["app", "list"]);
    assert!(exposed.hint().contains("chmod go-w"), "{}", exposed.stderr);
    exposed.fails(2);
}

#[test]
fn a_command_delivers_the_key_and_what_it_says_beside_is_shown_where_it_fails_alone() {
    let home = Home::new(LANYARD);
    let key = home.file("key", &format!("{}\n", home.run(["key", "generate"]).ok()));
    fs::create_dir(home.path()).unwrap();
    set_mode(&home.path(), 0o700);
    let settings = home.path().join("lanyard.toml");
    let script = format!("echo looking >&2; test -z \"$LANYARD_HOME\" && cat {}", key.display());
    fs::write(&settings, format!("key_source = \"command\"\nkey_command = [\"sh\", \"-c\", {script:?}]\n")).unwrap();
    set_mode(&settings, 0o600);
    let secret = home.file("secret", "canary-client-secret");
    let add = |name: &str| {
        let mut add =
            home.command(["--webex-url", "http://127.0.0.1:9/v1", "app", "add", name, "--kind", "integration"]);
        add.args(["--client-id", "C1", "--redirect-uri", "http://127.0.0.1:9/c", "--client-secret-file"]).arg(&secret);
        add.env_remove("LANYARD_KEY_SOURCE");
        Running::start(&mut add).end()
    };
    let added = add("desk");
    assert!(!added.stderr.contains("looking"), "{}", added.stderr);
    added.ok();
    assert_eq!(shown(&home)["place"]["source"], "command");
    assert!(!home.path().join("home.key").exists());
    fs::rename(&key, key.with_extension("away")).unwrap();
    let failed = add("other");
    assert!(failed.hint().contains("No such file"), "{}", failed.hint());
    failed.fails(6);
}

#[test]
fn a_key_moves_to_the_file_that_a_variable_names_once_that_has_another() {
    let (home, _) = full_home(1);
    let old = fs::read_to_string(home.path().join("home.key")).unwrap();
    let file = home.file("provided", &old);
    set_mode(&file, 0o600);
    let with_file = |arguments: &[&str]| Running::start(home.command(arguments).env("LANYARD_KEY_FILE", &file)).end();
    let rotate = ["key", "rotate", "--to", "key-file"];
    let unnamed = home.run(rotate);
    assert!(unnamed.hint().contains("LANYARD_KEY_FILE="), "{}", unnamed.stderr);
    unnamed.fails(6);
    let lacking = with_file(&rotate);
    assert!(lacking.hint().contains(&format!("lanyard key generate >> {}", file.display())), "{}", lacking.stderr);
    lacking.fails(6);
    fs::write(&file, format!("{old}{}\n", home.run(["key", "generate"]).ok())).unwrap();
    with_file(&rotate).ok();
    let shown: Value = serde_json::from_str(&with_file(&["--json", "key", "show"]).ok()).unwrap();
    assert_eq!((&shown["place"]["source"], &shown["offered"]), (&"key-file".into(), &Value::Null));
    assert!(!home.path().join("home.key").exists());
    with_file(&["doctor"]).ok();
}

#[cfg(target_os = "linux")]
#[test]
fn a_secret_that_root_provides_for_a_user_opens_that_users_home() {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    let home = match Home::on_a_disk(LANYARD) {
        Ok(home) => home,
        Err(why) => return lanyard_testkit::left_out(&format!("it takes root, to give files away: {why}")),
    };
    let key = home.file("key", &format!("{}\n", home.run(["key", "generate"]).ok()));
    let group = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&key).unwrap());
    // As systemd gives a service its credentials, and as a container is given a secret.
    chown(&key, Some(0), Some(group)).unwrap();
    let secret = home.file("secret", "canary-client-secret");
    let add = || {
        let mut add =
            home.command(["--webex-url", "http://127.0.0.1:9/v1", "app", "add", "desk", "--kind", "integration"]);
        add.args(["--client-id", "C1", "--redirect-uri", "http://127.0.0.1:9/c", "--client-secret-file"]).arg(&secret);
        add.env_remove("LANYARD_KEY_SOURCE").env("LANYARD_KEY_FILE", &key);
        Running::start(&mut add).end()
    };
    for (mode, said) in
        [(0o444, "others can read or write"), (0o460, "others can read or write"), (0o400, "cannot use")]
    {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let refused = add();
        assert!(refused.stderr.contains(said), "{mode:o}: {}", refused.stderr);
        refused.fails(6);
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o440)).unwrap();
    add().ok();
    let mut show = home.command(["--json", "key", "show"]);
    let shown: Value = serde_json::from_str(&Running::start(show.env("LANYARD_KEY_FILE", &key)).end().ok()).unwrap();
    assert_eq!((&shown["place"]["source"], shown["place"]["path"].as_str()), (&"key-file".into(), key.to_str()));
    let without = home.run(["app", "list"]);
    assert!(without.hint().contains("LANYARD_KEY_FILE"), "{}", without.hint());
    without.fails(6);
}
