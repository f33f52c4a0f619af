//! The examples of the README and of the user's guide, run as a reader would run them.
//!
//! Blocks tagged `sh` run, all those of a file in one shell; a block tagged `text` right after one is what it prints, with `…` for
//! anything. What a person must do, or what must not run here, is tagged `shell`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lanyard_testkit::{Home, Options, Postgres, Running, Terminal, Webex, free_redirect_uris, left_out};
use serde_json::json;
use url::Url;

use crate::LANYARD;

/// A block of a file.
struct Block {
    line: usize,
    commands: String,
    /// The expected output, if the file has one.
    expected: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("the workspace is above").to_owned()
}

/// The blocks that run.
fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut lines, mut after_block) = (Vec::<Block>::new(), text.lines().enumerate(), false);
    while let Some((number, line)) = lines.next() {
        let Some(tag) = line.trim_start().strip_prefix("```") else {
            after_block &= line.trim().is_empty();
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.trim_start().starts_with("```"));
        let inside = inside.fold(String::new(), |text, line| text + line.get(indent..).unwrap_or_default() + "\n");
        match tag {
            "sh" => blocks.push(Block { line: number + 1, commands: inside, expected: None }),
            "text" if after_block => blocks.last_mut().expect("a block was before").expected = Some(inside),
            _ => {}
        }
        after_block = tag == "sh";
    }
    blocks
}

/// Whether what was printed is as the file says.
fn is_as(printed: &str, expected: &str) -> bool {
    let fits = |line: &str, pattern: &str| {
        let mut parts = pattern.trim_end().split('…');
        let Some(mut rest) = line.trim_end().strip_prefix(parts.next().unwrap_or_default()) else { return false };
        let parts: Vec<&str> = parts.collect();
        for (number, part) in parts.iter().enumerate() {
            let last = number + 1 == parts.len();
            let found = if last && rest.ends_with(part) { Some(rest.len() - part.len()) } else { rest.find(part) };
            let Some(at) = found else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.is_empty()
    };
    let (printed, expected): (Vec<_>, Vec<_>) = (printed.trim().lines().collect(), expected.trim().lines().collect());
    printed.len() == expected.len() && printed.iter().zip(&expected).all(|(line, pattern)| fits(line, pattern))
}

/// A reader of one file: a Webex, a home, and a browser that reports where it is sent.
struct Reader {
    file: String,
    blocks: Vec<Block>,
    webex: Webex,
    home: Home,
    opened: PathBuf,
    /// The address of a database, for the page that needs one.
    database: Option<String>,
}

impl Reader {
    fn of(file: &str) -> Self {
        let database = (file == ON_A_DATABASE).then(|| Postgres::shared().expect("it was looked for").database());
        let text = fs::read_to_string(root().join(file)).expect("the file is there");
        let blocks = blocks(&text);
        assert!(!blocks.is_empty(), "{file} has examples");
        let redirect_uris = free_redirect_uris();
        let webex = Webex::with(Options { redirect_uris: redirect_uris.clone(), ..Options::default() });
        let home = Home::new(LANYARD);
        let mut description = serde_json::to_value(webex.description()).expect("it is JSON");
        // Ports of this test's own come first.
        description["integration"]["redirect_uris"] = json!(redirect_uris);
        home.file("webex.json", &format!("{description}\n"));
        let opened = home.beside().join("opened");
        assert!(Command::new("mkfifo").arg(&opened).status().expect("mkfifo runs").success());
        Self { file: file.to_owned(), blocks, webex, home, opened, database }
    }

    /// A shell that runs the blocks, each after its mark, and then `last`.
    fn shell(&self, last: &str) -> Command {
        let browser = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" > '{}'\n", self.opened.display());
        let browser = self.home.file("browser", &browser);
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o700)).expect("it is ours");
        // What a page starts in the background ends with it, wherever it fails.
        let marked = self.blocks.iter().map(|block| format!("printf '%s\\n' {MARK}{}\n{}", block.line, block.commands));
        let script = ["set -euo pipefail\ntrap 'jobs -p | xargs -r kill' EXIT\n".to_owned()]
            .into_iter()
            .chain(marked)
            .chain([last.to_owned()])
            .collect::<String>();
        let script = self.home.file("examples.sh", &script);
        let binary = Path::new(LANYARD).parent().expect("a binary is in a directory").display();
        let path = format!("{binary}:{}", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("bash");
        command
            .arg(&script)
            .env_clear()
            .envs([("PATH", path.as_ref()), ("BROWSER", browser.as_os_str())])
            .env("HOME", self.home.beside())
            .env("TMPDIR", self.home.beside())
            .env("LANYARD_KEY_SOURCE", "file")
            .envs(self.database.as_ref().map(|database| ("DATABASE", database)))
            .current_dir(self.home.beside())
            .stdin(Stdio::null());
        command
    }

    /// Does something while a person signs in wherever the browser is sent.
    fn beside_a_person<T>(&self, act: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            scope.spawn(|| person(&self.webex, &self.opened));
            let done = act();
            // Whoever waits for the next address hears that there is none.
            let mut opened = fs::OpenOptions::new().write(true).open(&self.opened).expect("the person reads");
            opened.write_all(b"end\n").expect("the person reads");
            done
        })
    }

    /// Runs the blocks with pipes, as a script does, and compares what they print.
    fn follow(&self) {
        let ended = self.beside_a_person(|| Running::start(&mut self.shell("")).end());
        let printed: Vec<(usize, &str)> = ended
            .stdout
            .split(MARK)
            .skip(1)
            .filter_map(|part| {
                let (line, rest) = part.split_once('\n')?;
                Some((line.parse().ok()?, rest))
            })
            .collect();
        let at = printed.last().map_or(0, |(line, _)| *line);
        assert_eq!(ended.code(), 0, "{}:{at} failed\n{}\n{}", self.file, ended.stdout, ended.stderr);
        for (block, (line, printed)) in self.blocks.iter().zip(&printed) {
            assert_eq!(block.line, *line);
            let expected = block.expected.as_deref();
            assert!(expected.is_none_or(|expected| is_as(printed, expected)), "{}:{line} prints\n{printed}", self.file);
        }
    }

    /// Runs the blocks at a terminal: nothing asks what the page does not show an answer to.
    fn follow_at_a_terminal(&self) {
        const TYPED: &str = "nobody asked for this";
        let shell = self.shell(&format!("read -r typed\n[ \"$typed\" = '{TYPED}' ]\n"));
        let (shown, code) = self.beside_a_person(|| Terminal::run_typing(shell, 100, &format!("{TYPED}\n")));
        assert_eq!(code, 0, "{} failed at a terminal:\n{shown}", self.file);
    }
}

/// The page for readers who have a PostgreSQL server.
const ON_A_DATABASE: &str = "docs/guide/several-brokers.md";

/// Stands before each block's output.
const MARK: &str = "@@example:";

/// Signs in at every address that the browser is given.
pub(crate) fn person(webex: &Webex, opened: &Path) {
    loop {
        let addresses = BufReader::new(fs::File::open(opened).expect("the pipe is there"));
        for address in addresses.lines().map_while(Result::ok) {
            if address == "end" {
                return;
            }
            let arrived: Url = webex.person_signs_in(&address, true);
            webex.browse(&arrived);
        }
    }
}

#[test]
fn the_readmes_guides_hold_word_for_word() {
    Reader::of("README.md").follow();
}

#[test]
fn the_user_guides_examples_hold() {
    for file in pages() {
        Reader::of(&file).follow();
    }
}

#[test]
fn every_page_can_be_followed_at_a_terminal() {
    for file in pages().into_iter().chain(["README.md".to_owned()]) {
        Reader::of(&file).follow_at_a_terminal();
    }
}

/// The pages of the user's guide.
fn pages() -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(root().join("docs/guide"))
        .expect("there is a guide")
        .map(|entry| entry.expect("it is there").file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"))
        .map(|name| format!("docs/guide/{name}"))
        .filter(|file| file != ON_A_DATABASE || Postgres::shared().map_err(left_out).is_ok())
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    files
}

#[test]
fn what_is_printed_is_compared_line_by_line() {
    assert!(is_as("a b c\nd\n", "a … c\nd"));
    assert!(is_as("token 1, token 2", "token …, token …"));
    for (printed, expected) in [("a b", "a"), ("a\nb", "a"), ("x a", "a"), ("abc", "a…d")] {
        assert!(!is_as(printed, expected), "{printed:?} {expected:?}");
    }
    let found = blocks(
        "x\n```sh\none\n```\n\n```text\nout\n```\n   ```sh\n   two\n   ```\nwords\n```text\nno\n```\n```shell\nnot\n```\n",
    );
    let found: Vec<_> =
        found.iter().map(|block| (block.line, block.commands.as_str(), block.expected.as_deref())).collect();
    assert_eq!(found, [(2, "one\n", Some("out\n")), (9, "two\n", None)]);
}
