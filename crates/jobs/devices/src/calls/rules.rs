//! The rules for alerts: listed, changed, added and removed.

use jiff::tz::TimeZone;
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_store::Event;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calls::watch::JOB;
use crate::hours::BusinessHours;
use crate::labels::WantedLabel;
use crate::names::RuleName;
use crate::rules::{self, AlertRule, AlertSeverity, Rule, StoredRule, Threshold};
use crate::watch::stored;

/// The rules of a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RulesView {
    /// The rules, the five first.
    pub rules: Vec<AlertRule>,
    /// The names of those that were altered without Lanyard, and do not count.
    pub altered: Vec<String>,
}

/// Lists the rules.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRules {}

impl Operation for ListRules {
    const DECLARED: Declaration = Declaration::read("devices.rules.list");

    type Context = JobContext;
    type Reply = RulesView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<RulesView, Problem> {
        let mut view = RulesView { rules: Rule::BUILT_IN.map(AlertRule::built_in).into(), altered: Vec::new() };
        for rule in rules::rules(&job.store).await.map_err(|error| stored(&error))? {
            match rule {
                Ok(rule) => match view.rules.iter_mut().find(|built_in| built_in.name == rule.name) {
                    Some(built_in) => *built_in = rule,
                    None => view.rules.push(rule),
                },
                Err(error) => view.altered.push(error.to_string()),
            }
        }
        Ok(view)
    }
}

/// What changes of a rule. What is omitted stays as it is; of a rule that is added, it is as in the one of the five that looks at the same.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleChanges {
    /// What it looks at; only for a rule that is added.
    pub rule: Option<Rule>,
    /// The text of an error that the device must report; only for a rule that is added.
    pub error: Option<String>,
    /// The number that a device must have passed.
    pub threshold: Option<Threshold>,
    /// How long it must last, in seconds.
    pub lasts_seconds: Option<u64>,
    /// How urgent its alerts are.
    pub severity: Option<AlertSeverity>,
    /// The labels that a watch must have; an empty list is every watch.
    pub labels: Option<Vec<WantedLabel>>,
    /// The tags of which a device must have one; an empty list is every device.
    pub tags: Option<Vec<String>>,
    /// The hours in which its alerts begin; an empty text is every hour.
    pub hours: Option<String>,
    /// The time zone of the hours.
    pub time_zone: Option<String>,
    /// Whether it is switched off.
    pub is_off: Option<bool>,
}

/// Changes a rule, or adds one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRule {
    /// Its name.
    pub name: RuleName,
    /// The changes.
    pub changes: RuleChanges,
}

/// How many rules there may be: each is compared with each device.
const MOST: usize = 100;
/// How many characters the text of an error or a tag may have.
const LONGEST: usize = 200;
/// How many labels and tags a rule may have.
const MOST_SELECTORS: usize = 20;
/// The longest time, in seconds: 30 days.
const LONGEST_TIME: u64 = 30 * 24 * 60 * 60;

impl Operation for SetRule {
    const DECLARED: Declaration = Declaration::change("devices.rules.set");

    type Context = JobContext;
    type Reply = AlertRule;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<AlertRule, Problem> {
        let Self { name, changes } = self;
        loop {
            let found = rules::rule(&job.store, &name).await.map_err(|error| {
                let remove = format!("remove it, and set it again: lanyard devices rules remove {name}");
                if error.is_of_one_row() { Problem::of(Code::Store, &error).hint(remove) } else { stored(&error) }
            })?;
            let before = found.as_ref().map(|found| found.rule.clone());
            let rule = changed(&name, before, &changes)?;
            let new = match found {
                Some(found) if found.rule == rule => return Ok(rule),
                Some(found) => StoredRule { version: found.version + 1, rule, ..found },
                None => {
                    let others = rules::rules(&job.store).await.map_err(|error| stored(&error))?;
                    if others.len() >= MOST {
                        return Err(bad(format!("there are {MOST} rules already"))
                            .hint("remove one: lanyard devices rules list"));
                    }
                    let mut id = [0; 16];
                    job.entropy.fill(&mut id);
                    StoredRule { id: format!("{:032x}", u128::from_be_bytes(id)), version: 0, rule }
                }
            };
            let event = Event::JobChanged { job: JOB.to_owned(), what: format!("rule {name} set") };
            if rules::write(&job.store, &new, &event).await.map_err(|error| stored(&error))? {
                return Ok(new.rule);
            }
        }
    }
}

/// The rule after the changes.
fn changed(name: &RuleName, before: Option<AlertRule>, changes: &RuleChanges) -> Result<AlertRule, Problem> {
    let built_in = Rule::of_built_in(name.as_str());
    let is_new = before.is_none();
    let mut rule = match (before, built_in, changes.rule) {
        (Some(before), ..) => before,
        (None, Some(rule), _) => AlertRule::built_in(rule),
        (None, None, Some(rule)) => AlertRule { name: name.clone(), ..AlertRule::built_in(rule) },
        (None, None, None) => {
            return Err(Problem::new(Code::NoSuchName, format!("there is no rule named {name}")).hint(
                "list the rules: lanyard devices rules list; a new one needs --when, --error, --above or --below",
            ));
        }
    };
    if changes.rule.is_some_and(|wanted| wanted != rule.rule)
        || !is_new && changes.error.is_some() && changes.error != rule.error
    {
        return Err(bad(format!("what the rule {name} looks at cannot be changed"))
            .hint("add a rule with another name, or remove this one first"));
    }
    if built_in.is_some() && changes.error.is_some() {
        return Err(bad(format!("the rule {name} looks at every error"))
            .hint("add one for some errors: lanyard devices rules set NAME --error TEXT"));
    }
    rule.error = changes.error.clone().or(rule.error);
    if let Some(error) = &rule.error {
        let is_text = (1..=LONGEST).contains(&error.trim().chars().count());
        if rule.rule != Rule::Degraded || !is_text {
            return Err(bad("the text of an error has 1 to 200 characters, and only a degraded device reports errors"));
        }
    }
    let looks_at = |threshold: Threshold| (threshold.what, threshold.is_above);
    let is_other = rule.threshold.zip(changes.threshold).is_some_and(|(old, new)| looks_at(old) != looks_at(new));
    if is_other {
        return Err(bad(format!("of the rule {name}, only the number can be changed"))
            .hint("add a rule with another name, or remove this one first"));
    }
    rule.threshold = changes.threshold.or(rule.threshold);
    if rule.threshold.is_some() != (rule.rule == Rule::Threshold) {
        return Err(bad("a rule about a threshold looks at one number, and no other rule does")
            .hint("add one: lanyard devices rules set NAME --above temperature=28"));
    }
    rule.lasts_seconds = changes.lasts_seconds.unwrap_or(rule.lasts_seconds);
    if rule.lasts_seconds > LONGEST_TIME {
        return Err(bad("a rule waits for 30 days at most"));
    }
    if changes.lasts_seconds.is_some() && matches!(rule.rule, Rule::Coverage | Rule::Flapping) {
        return Err(bad(format!("the rule {name} has no time of its own")));
    }
    rule.severity = changes.severity.unwrap_or(rule.severity);
    rule.labels = changes.labels.clone().unwrap_or(rule.labels);
    rule.tags = changes.tags.clone().unwrap_or(rule.tags);
    if rule.labels.len().max(rule.tags.len()) > MOST_SELECTORS
        || rule.tags.iter().any(|tag| tag.chars().count() > LONGEST)
    {
        return Err(bad("a rule has 20 labels and 20 tags at most, and a tag has 200 characters at most"));
    }
    if rule.rule == Rule::Blind && !rule.tags.is_empty() {
        return Err(
            bad("a watch that cannot read has no tags").hint("select watches by label instead: --label KEY=VALUE")
        );
    }
    if let Some(hours) = &changes.hours {
        rule.hours = (!hours.is_empty()).then(|| hours.clone());
    }
    rule.time_zone = changes.time_zone.clone().or(rule.time_zone).filter(|_| rule.hours.is_some());
    if let Some(hours) = &rule.hours {
        hours.parse::<BusinessHours>().map_err(|error| bad(error.to_string()))?;
        let zone = rule.time_zone.get_or_insert_with(|| "UTC".to_owned());
        TimeZone::get(zone)
            .map_err(|_| bad(format!("there is no time zone {zone:?}")).hint("for example: Europe/Zurich"))?;
    } else if changes.time_zone.is_some() {
        return Err(bad("a time zone belongs to hours").hint("add them: --hours 'Mon-Fri 8-18'"));
    }
    rule.is_off = changes.is_off.unwrap_or(rule.is_off);
    Ok(rule)
}

/// Removes a rule; one of the five is again as it was at first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveRule {
    /// Its name.
    pub name: RuleName,
}

impl Operation for RemoveRule {
    const DECLARED: Declaration = Declaration::change("devices.rules.remove");

    type Context = JobContext;
    type Reply = ();
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<(), Problem> {
        let Self { name } = self;
        let event = Event::JobChanged { job: JOB.to_owned(), what: format!("rule {name} removed") };
        if rules::remove(&job.store, &name, &event).await.map_err(|error| stored(&error))? {
            return Ok(());
        }
        Err(match Rule::of_built_in(name.as_str()) {
            Some(_) => bad(format!("the rule {name} is as it was at first"))
                .hint(format!("switch it off: lanyard devices rules set {name} --off")),
            None => Problem::new(Code::NoSuchName, format!("there is no rule named {name}"))
                .hint("list the rules: lanyard devices rules list"),
        })
    }
}

fn bad(what: impl Into<String>) -> Problem {
    Problem::new(Code::BadRequest, what)
}
