//! `lanyard devices rules`: of what people are told, after how long, and where.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use lanyard_devices::{
    AlertRule, AlertSeverity, BusinessHours, Limit, ListDevices, ListRules, ListWatches, RemoveRule, Rule, RuleChanges,
    RuleName, RulesView, SetRule, Threshold, WantedLabel,
};

use super::chosen::Chosen;
use super::zone;
use crate::access::Access;
use crate::context::Common;
use crate::exit::Failure;
use crate::output::{duration, table};
use crate::{numbers, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// List the rules for alerts
    List,
    /// Change a rule, or add one
    Set(Box<Set>),
    /// Remove a rule, or reset one of the five to its defaults
    Remove(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The rule
    name: RuleName,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Set {
    /// The rule: down, degraded, flapping, coverage or blind, or a name of your own
    name: RuleName,
    /// What a new rule looks at
    #[arg(long, value_enum, value_name = "STATE")]
    when: Option<When>,
    /// Only devices that report an error that contains this text; a new rule then looks at degraded devices
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Only devices that report a number above this, for example temperature=28, humidity=60, air-quality=3, people=10 or calls=1
    #[arg(long, value_name = "WHAT=NUMBER", conflicts_with_all = ["when", "error", "below"])]
    above: Option<Limit>,
    /// Only devices that report a number below this
    #[arg(long, value_name = "WHAT=NUMBER", conflicts_with_all = ["when", "error"])]
    below: Option<Limit>,
    /// How long it must last (90, 5m, 2h)
    #[arg(long = "for", value_name = "TIME", value_parser = numbers::seconds)]
    lasts: Option<u64>,
    /// How urgent its alerts are
    #[arg(long, value_enum)]
    severity: Option<Urgency>,
    #[command(flatten)]
    chosen: Chosen,
    /// Only devices with this tag of Control Hub; if repeated, with one of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Look at the devices of all watches again
    #[arg(long, conflicts_with_all = ["labels", "customer", "tags"])]
    everywhere: bool,
    /// Begin its alerts only in these hours, for example 'Mon-Fri 8-18'
    #[arg(long, value_name = "HOURS")]
    hours: Option<BusinessHours>,
    /// The time zone of the hours, for example Europe/Zurich [default: the rule's, or this machine's]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Begin its alerts at any time again
    #[arg(long, conflicts_with_all = ["hours", "time_zone"])]
    always: bool,
    /// Switch the rule off
    #[arg(long, conflicts_with = "on")]
    off: bool,
    /// Switch the rule on again
    #[arg(long)]
    on: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    Down,
    Degraded,
    Flapping,
    Coverage,
    Blind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Urgency {
    Critical,
    Warning,
    Info,
}

impl Rules {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        match self {
            Self::List => {
                let view = broker.perform(ListRules {}).await?;
                if common.json { output::json::print(&view)? } else { list(&view)? }
            }
            Self::Set(set) => {
                let (name, mut changes) = set.parts();
                if changes.hours.as_ref().is_some_and(|hours| !hours.is_empty()) && changes.time_zone.is_none() {
                    changes.time_zone = zone_of(&broker, &name).await?;
                }
                let (labels, tags) = (changes.labels.clone().unwrap_or_default(), changes.tags.clone());
                let rule = broker.perform(SetRule { name, changes }).await?;
                if common.json {
                    output::json::print(&rule)?;
                } else {
                    output::note(&format!("the rule {}: {}", rule.name, words(&rule)));
                    output::note("Takes effect at the next reading of each watch.");
                }
                note_unknown(&broker, &labels, &tags.unwrap_or_default()).await?;
            }
            Self::Remove(Named { name }) => {
                broker.perform(RemoveRule { name: name.clone() }).await?;
                output::note(&match Rule::of_built_in(name.as_str()) {
                    Some(rule) => {
                        format!("reset the rule {name} to its defaults: {}", words(&AlertRule::built_in(rule)))
                    }
                    None => format!("removed the rule {name}; its open alerts end with the next reading"),
                });
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Set {
    fn parts(self) -> (RuleName, RuleChanges) {
        let labels = self.chosen.labels();
        let when = self.when.or(self.error.as_ref().map(|_| When::Degraded));
        let passed = |is_above| move |Limit { what, limit }| Threshold { what, is_above, limit };
        let threshold = self.above.map(passed(true)).or(self.below.map(passed(false)));
        let changes = RuleChanges {
            rule: threshold.map(|_| Rule::Threshold).or(when.map(|when| match when {
                When::Down => Rule::Down,
                When::Degraded => Rule::Degraded,
                When::Flapping => Rule::Flapping,
                When::Coverage => Rule::Coverage,
                When::Blind => Rule::Blind,
            })),
            error: self.error,
            threshold,
            lasts_seconds: self.lasts,
            severity: self.severity.map(|severity| match severity {
                Urgency::Critical => AlertSeverity::Critical,
                Urgency::Warning => AlertSeverity::Warning,
                Urgency::Info => AlertSeverity::Info,
            }),
            labels: (self.everywhere || !labels.is_empty()).then_some(labels),
            tags: (self.everywhere || !self.tags.is_empty()).then_some(self.tags),
            hours: if self.always { Some(String::new()) } else { self.hours.map(|hours| hours.to_string()) },
            time_zone: self.time_zone,
            is_off: (self.off || self.on).then_some(self.off),
        };
        (self.name, changes)
    }
}

fn list(view: &RulesView) -> Result<(), Failure> {
    let rows = view.rules.iter().map(|rule| {
        vec![
            rule.name.to_string(),
            if rule.is_off { "off".to_owned() } else { when(rule) },
            rule.severity.as_str().to_owned(),
            place(rule).unwrap_or_else(|| "everywhere".to_owned()),
            time(rule).unwrap_or_else(|| "always".to_owned()),
        ]
    });
    output::block(&table::render(&["RULE", "WHEN", "SEVERITY", "WHERE", "HOURS"], rows.collect()))?;
    for altered in &view.altered {
        output::note(&format!("a rule does not count: {altered}"));
    }
    Ok(())
}

/// A rule in one line.
pub(super) fn words(rule: &AlertRule) -> String {
    if rule.is_off {
        return "off".to_owned();
    }
    let parts = [Some(when(rule)), Some(rule.severity.as_str().to_owned()), place(rule), time(rule)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Rules in one line, as in "down > 5 min, flapping". One that is limited to devices or hours, or was added, says so.
pub(super) fn line(rules: &[AlertRule]) -> String {
    let one = |rule: &AlertRule| {
        let own = if rule.is_built_in() { String::new() } else { format!("{}: ", rule.name) };
        let parts = [Some(format!("{own}{}", when(rule))), place(rule), time(rule)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let all: Vec<_> = rules.iter().map(one).collect();
    let is_simple = all.iter().all(|rule| !rule.contains(", "));
    if all.is_empty() { "none".to_owned() } else { all.join(if is_simple { ", " } else { "; " }) }
}

/// The time zone of hours for which none is named: the rule's own, which it keeps, or that of this machine.
async fn zone_of(broker: &Access, name: &RuleName) -> Result<Option<String>, Failure> {
    let view = broker.perform(ListRules {}).await?;
    let has_zone = view.rules.iter().any(|rule| rule.name == *name && rule.time_zone.is_some());
    if has_zone { Ok(None) } else { zone::named(None).map(Some) }
}

/// Says which labels no watch has, and which tags no device has: they may be mistyped, or come later.
async fn note_unknown(broker: &Access, labels: &[WantedLabel], tags: &[String]) -> Result<(), Failure> {
    if !labels.is_empty() {
        let watches = broker.perform(ListWatches { labels: Vec::new() }).await?;
        for label in labels.iter().filter(|label| !watches.iter().any(|watch| label.is_in(&watch.labels))) {
            output::note(&format!("no watch has the label {label}"));
        }
    }
    if !tags.is_empty() {
        let list =
            ListDevices { watch: None, labels: Vec::new(), location: None, tags: Vec::new(), availability: false };
        let devices = broker.perform(list).await?.devices;
        let has =
            |tag: &str| devices.iter().flat_map(|device| &device.facts.tags).any(|held| held.eq_ignore_ascii_case(tag));
        for tag in tags.iter().filter(|tag| !has(tag)) {
            output::note(&format!("no device has the tag {tag}"));
        }
    }
    Ok(())
}

fn when(rule: &AlertRule) -> String {
    let lasts = match rule.lasts_seconds {
        0 => String::new(),
        seconds => format!(" > {}", duration::words(Duration::from_secs(seconds))),
    };
    if let Some(threshold) = rule.threshold {
        let lasts = lasts.replacen(" > ", " for ", 1);
        return format!("{threshold}{lasts}");
    }
    match (rule.rule, &rule.error) {
        (Rule::Blind, _) => format!("watch blind{lasts}"),
        (Rule::Coverage, _) => "coverage fell".to_owned(),
        (Rule::Degraded, Some(error)) => format!("error {error:?}{lasts}"),
        (rule, _) => format!("{rule}{lasts}"),
    }
}

fn place(rule: &AlertRule) -> Option<String> {
    let labels = rule.labels.iter().map(ToString::to_string);
    let tags = (!rule.tags.is_empty()).then(|| format!("tag {}", rule.tags.join(" or ")));
    let all: Vec<_> = labels.chain(tags).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn time(rule: &AlertRule) -> Option<String> {
    Some(format!("{} ({})", rule.hours.as_ref()?, rule.time_zone.as_deref().unwrap_or("UTC")))
}
