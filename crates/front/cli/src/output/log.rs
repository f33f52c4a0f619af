//! The log, on stderr.

mod line_writer;

use std::borrow::Cow;
use std::fmt::Debug;
use std::io::{IsTerminal as _, Write};
use std::sync::OnceLock;
use std::time::Duration;

use lanyard_protocol::{visible, visible_json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use self::line_writer::LineWriter;

/// The reader that a log is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// People
    Human,
    /// Programs: one JSON object per line
    Json,
}

/// The thread that writes a broker's log.
static BACKGROUND: OnceLock<LineWriter> = OnceLock::new();

/// Starts the log of a broker: one fact a line, for people on a terminal and in JSON otherwise, unless `format` says so.
///
/// The broker does not wait for its log to be read.
pub(crate) fn start_broker(verbose: u8, format: Option<Format>) {
    let lost = |count| tracing::warn!(count, "log lines were dropped, because nothing was reading standard error");
    // Without a thread the log is written by those that log.
    if let Ok(writer) = LineWriter::start(std::io::stderr(), lost) {
        let _ = BACKGROUND.set(writer);
    }
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { Format::Human } else { Format::Json });
    let json = format == Format::Json;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(verbose.saturating_add(1)))
        .with_writer(move || Visible { json });
    match format {
        Format::Human => log.with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()).with_target(false).init(),
        Format::Json => log.json().flatten_event(true).init(),
    }
    // The default hook writes on standard error itself, and blocks the thread that panics while nothing reads that.
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked")));
}

/// Waits until the last lines of a broker's log are written, if they are read; whether they are.
pub(crate) fn flush() -> bool {
    /// A reader that is there needs less.
    const PATIENCE: Duration = Duration::from_secs(1);
    BACKGROUND.get().is_none_or(|writer| writer.flush(PATIENCE))
}

/// Starts the log: warnings by default, more with `-v`, or as `LANYARD_LOG` says.
pub(crate) fn start(verbose: u8) {
    let is_asked_for = verbose > 0 || std::env::var_os("LANYARD_LOG").is_some_and(|wanted| !wanted.is_empty());
    if std::io::stderr().is_terminal() && !is_asked_for {
        // A person who did not request a log sees its warnings in the form of the commands' own.
        let log = tracing_subscriber::fmt().with_env_filter(filter(verbose));
        return log.event_format(Sentence).with_writer(|| Visible { json: false }).init();
    }
    tracing_subscriber::fmt()
        .with_env_filter(filter(verbose))
        .with_writer(|| Visible { json: false })
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .without_time()
        .init();
}

fn filter(verbose: u8) -> EnvFilter {
    let default = match verbose {
        0 => {
            "lanyard=warn,lanyard_broker=warn,lanyard_client=warn,lanyard_operation=warn,lanyard_server=warn,lanyard_simulator=warn,lanyard_store=warn"
        }
        1 => {
            "lanyard=info,lanyard_broker=info,lanyard_client=info,lanyard_operation=info,lanyard_server=info,lanyard_simulator=info,lanyard_store=info"
        }
        2 => {
            "lanyard=info,lanyard_broker=debug,lanyard_client=debug,lanyard_operation=debug,lanyard_server=debug,lanyard_simulator=debug,lanyard_store=info"
        }
        _ => "trace",
    };
    let wanted = std::env::var("LANYARD_LOG").ok().filter(|wanted| !wanted.is_empty());
    wanted.and_then(|wanted| EnvFilter::try_new(wanted).ok()).unwrap_or_else(|| EnvFilter::new(default))
}

/// Writes a log event as a sentence: `warning: MESSAGE: ERROR; hint: HINT`.
struct Sentence;

impl<S, N> FormatEvent<S, N> for Sentence
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let grade = if *event.metadata().level() == Level::ERROR { "error" } else { "warning" };
        let Said { message, details, hint } = said;
        let details = if details.is_empty() { String::new() } else { format!(": {}", details.join(", ")) };
        let hint = hint.map(|hint| format!("; hint: {hint}")).unwrap_or_default();
        writeln!(out, "{}", super::pasted::for_this_home(&format!("{grade}: {message}{details}{hint}")))
    }
}

/// The fields of a line.
#[derive(Default)]
struct Said {
    message: String,
    details: Vec<String>,
    hint: Option<String>,
}

impl Said {
    fn put(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            "hint" => self.hint = Some(value),
            "error" => self.details.push(value),
            name => self.details.push(format!("{name} {value}")),
        }
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }
}

/// Standard error, for lines that may repeat names and sentences of Webex's.
struct Visible {
    json: bool,
}

impl Write for Visible {
    /// One line, which comes as a whole. It is dropped if it cannot be written: a log that nobody reads, or a full disk, must
    /// stop nothing. An error would make the logger panic, because it reports that on standard error too.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let shown = if self.json { visible_json(&text) } else { Cow::Owned(shown(&text)) };
        match BACKGROUND.get() {
            Some(writer) => writer.push(shown.into_owned().into_bytes()),
            None => drop(std::io::stderr().lock().write_all(shown.as_bytes())),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A line with its colours, which are the log's own: it writes out the escapes of others.
fn shown(line: &str) -> String {
    const ESCAPE: char = '\u{1b}';
    let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    let mut parts = line.split(ESCAPE);
    let mut out = visible(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let sequence = part.strip_prefix('[').and_then(|rest| rest.find('m').map(|at| (&rest[..at], &rest[at + 1..])));
        match sequence {
            Some((colour, rest)) if colour.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') => {
                out.extend([&ESCAPE.to_string(), "[", colour, "m", &*visible(rest)]);
            }
            _ => {
                out.push_str(&visible(&ESCAPE.to_string()));
                out.push_str(&visible(part));
            }
        }
    }
    out + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_colours_and_nothing_else_that_acts() {
        let line = "\u{1b}[32m INFO\u{1b}[0m acme\u{1b}[2J\u{1b}]52;c;x\u{7}\u{202e}\nforged\n";
        assert_eq!(shown(line), "\u{1b}[32m INFO\u{1b}[0m acme\\u{1b}[2J\\u{1b}]52;c;x\\u{7}\\u{202e}\\nforged\n");
    }
}
