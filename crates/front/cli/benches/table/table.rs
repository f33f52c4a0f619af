//! The table, for people and for programs.

use std::fs::File;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::machine::Machine;

/// The results of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    machine: Machine,
    rounds: u32,
    quick: bool,
    rows: Vec<Row>,
}

/// One line of it.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// The quantity, and the circumstances of its measurement.
    pub(crate) what: String,
    /// The target, in words.
    pub(crate) target: String,
    /// The measured figure, with its unit.
    pub(crate) measured: String,
    /// The number that is held against the target, where there is one.
    pub(crate) figure: Option<f64>,
    pub(crate) verdict: Verdict,
    /// Other figures that help to understand this one.
    pub(crate) beside: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// There is no target.
    Seen,
}

/// A target: the figure is at most, or at least, so much.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn words(self, unit: &str) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {limit}{unit}"),
            Self::AtLeast(limit) => format!(">= {limit}{unit}"),
        }
    }

    fn verdict(self, figure: f64) -> Verdict {
        let met = match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
        };
        if met { Verdict::Met } else { Verdict::Missed }
    }
}

impl Row {
    /// A ratio, or a figure in a unit such as " MB", against its target.
    pub(crate) fn against(what: String, target: Target, figure: f64, unit: &str, beside: String) -> Self {
        Self {
            what,
            target: target.words(unit),
            measured: format!("{figure:.2}{unit}"),
            figure: Some(figure),
            verdict: target.verdict(figure),
            beside,
        }
    }

    /// A figure without a target.
    pub(crate) fn seen(what: String, measured: String, beside: String) -> Self {
        Self { what, target: "-".to_owned(), measured, figure: None, verdict: Verdict::Seen, beside }
    }
}

impl Table {
    pub(crate) fn new(rounds: u32, quick: bool) -> Self {
        Self { machine: Machine::here(), rounds, quick, rows: Vec::new() }
    }

    pub(crate) fn begin(&self) {
        say(&format!("{}; {} rounds, median of the rounds' ratios", self.machine, self.rounds));
        if self.quick {
            say("quick: this shows that it runs, and not how fast it is");
        }
        say("");
        say(&format!("{:<66} {:>9} {:>11}  {:<13} beside", "what", "target", "measured", ""));
    }

    /// Adds a row, and prints it at once.
    pub(crate) fn add(&mut self, row: Row) {
        let verdict = match row.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "MISSED",
            Verdict::Seen => "",
        };
        say(&format!("{:<66} {:>9} {:>11}  {verdict:<13} {}", row.what, row.target, row.measured, row.beside));
        self.rows.push(row);
    }

    pub(crate) fn end(&self) {
        let count = |verdict| self.rows.iter().filter(|row| row.verdict == verdict).count();
        say("");
        let (met, missed) = (count(Verdict::Met), count(Verdict::Missed));
        say(&format!("{met} met, {missed} missed"));
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        Ok(serde_json::to_writer_pretty(File::create(path)?, self)?)
    }
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
