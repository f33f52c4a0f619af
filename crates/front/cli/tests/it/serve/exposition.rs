//! Reads a page of metrics, and holds it against the rules of its format.

use std::collections::{BTreeMap, BTreeSet};

/// A page of metrics.
#[derive(Debug)]
pub(super) struct Page(BTreeMap<String, Family>);

/// A family, as its lines describe it.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) help: String,
    pub(super) kind: String,
    unit: Option<String>,
    pub(super) samples: Vec<Sample>,
}

/// A line with a value.
#[derive(Debug)]
pub(super) struct Sample {
    name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

impl Page {
    /// Reads a page in Prometheus's own format.
    #[track_caller]
    pub(super) fn prometheus(text: &str) -> Self {
        let page = Self::read(text);
        page.obeys(|name, family| match family.kind.as_str() {
            "counter" => assert!(name.ends_with("_total"), "{name}"),
            "gauge" => assert!(!name.ends_with("_total"), "{name}"),
            "histogram" => assert!(name.ends_with("_seconds"), "{name}"),
            other => panic!("{name} has the type {other:?}"),
        });
        page
    }

    /// Reads a page of `OpenMetrics`.
    #[track_caller]
    pub(super) fn open_metrics(text: &str) -> Self {
        let text = text.strip_suffix("# EOF\n").expect("its end is marked");
        let page = Self::read(text);
        page.obeys(|name, family| {
            assert!(["counter", "gauge", "histogram", "info"].contains(&family.kind.as_str()), "{name}: {family:?}");
            if let Some(unit) = &family.unit {
                assert!(name.ends_with(&format!("_{unit}")), "{name} is in {unit}");
            }
            assert_eq!(name.ends_with("_seconds"), family.unit.as_deref() == Some("seconds"), "{name}");
        });
        page
    }

    #[track_caller]
    fn read(text: &str) -> Self {
        let mut families = BTreeMap::<String, Family>::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let (word, rest) = comment.split_once(' ').expect(line);
                let (name, rest) = rest.split_once(' ').expect(line);
                if word == "HELP" {
                    assert!(!families.contains_key(name), "{name} is described twice");
                    name.clone_into(&mut current);
                }
                assert_eq!(name, current, "{line}");
                let family = families.entry(name.to_owned()).or_default();
                match word {
                    "HELP" => rest.clone_into(&mut family.help),
                    "TYPE" => rest.clone_into(&mut family.kind),
                    "UNIT" => family.unit = Some(rest.to_owned()),
                    other => panic!("{other} in {line}"),
                }
            } else {
                families.get_mut(&current).expect("it is described first").samples.push(Sample::read(line));
            }
        }
        Self(families)
    }

    #[track_caller]
    fn obeys(&self, rule: impl Fn(&str, &Family)) {
        for (name, family) in &self.0 {
            assert!(name.starts_with("lanyard_"), "{name}");
            assert!(family.help.ends_with('.') && family.help.len() > 15, "{name}: {}", family.help);
            rule(name, family);
            let suffixes: &[&str] = match family.kind.as_str() {
                "counter" if name.ends_with("_total") => &[""],
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                "info" => &["_info"],
                _ => &[""],
            };
            let mut seen = BTreeSet::new();
            for sample in &family.samples {
                let suffix = sample.name.strip_prefix(name.as_str()).expect("it belongs to its family");
                assert!(suffixes.contains(&suffix), "{} in {name}", sample.name);
                assert!(seen.insert((&sample.name, &sample.labels)), "{sample:?} is there twice");
            }
            if family.kind == "histogram" {
                family.adds_up(name);
            }
        }
    }

    /// The names of the families.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    #[track_caller]
    pub(super) fn family(&self, name: &str) -> &Family {
        self.0.get(name).unwrap_or_else(|| panic!("{name} is not among {:?}", self.names()))
    }

    /// The sum of the samples that have these labels; those of a histogram are its counts.
    #[track_caller]
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let family = self.family(name);
        let wanted = if family.kind == "histogram" { format!("{name}_count") } else { name.to_owned() };
        let has = |sample: &Sample, (label, value): &(&str, &str)| {
            sample.labels.get(*label).is_some_and(|found| found == value)
        };
        let samples = family.samples.iter().filter(|sample| sample.name == wanted);
        samples.filter(|sample| labels.iter().all(|label| has(sample, label))).map(|sample| sample.value).sum()
    }

    /// Like [`value`](Self::value), for what is counted.
    #[track_caller]
    pub(super) fn count(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        format!("{}", self.value(name, labels)).parse().expect("a whole number")
    }

    /// The values of a label in a family.
    #[track_caller]
    pub(super) fn labels(&self, name: &str, label: &str) -> BTreeSet<&str> {
        self.family(name).samples.iter().filter_map(|sample| sample.labels.get(label)).map(String::as_str).collect()
    }
}

impl Family {
    /// The buckets of each histogram ascend to its count.
    #[track_caller]
    fn adds_up(&self, name: &str) {
        let mut last = BTreeMap::<BTreeMap<String, String>, f64>::new();
        for sample in self.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let mut labels = sample.labels.clone();
            assert!(labels.remove("le").is_some(), "{sample:?}");
            let before = last.insert(labels, sample.value).unwrap_or_default();
            assert!(before <= sample.value, "{name}: {sample:?}");
        }
        for sample in self.samples.iter().filter(|sample| sample.name.ends_with("_count")) {
            assert_eq!(last.get(&sample.labels), Some(&sample.value), "{name}: {sample:?}");
        }
    }
}

impl Sample {
    #[track_caller]
    fn read(line: &str) -> Self {
        let (head, value) = line.rsplit_once(' ').expect(line);
        let value = value.parse().expect(line);
        let Some((name, labels)) = head.split_once('{') else {
            return Self { name: head.to_owned(), labels: BTreeMap::new(), value };
        };
        let mut rest = labels.strip_suffix('}').expect(line);
        let mut found = BTreeMap::new();
        while !rest.is_empty() {
            let (label, after) = rest.split_once("=\"").expect(line);
            let (text, after) = quoted(after);
            assert!(found.insert(label.to_owned(), text).is_none(), "{line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        Self { name: name.to_owned(), labels: found, value }
    }
}

/// A quoted text without its escapes, and what follows its end.
fn quoted(text: &str) -> (String, &str) {
    let (mut read, mut letters) = (String::new(), text.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (read, &text[at + 1..]),
            '\\' => match letters.next().expect("something is escaped").1 {
                'n' => read.push('\n'),
                other => read.push(other),
            },
            other => read.push(other),
        }
    }
    panic!("{text:?} has no end");
}
