//! Metric families as values, and their text.

use std::borrow::Cow;
use std::fmt;

use lanyard_time::CountedDurations;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::Format;

/// A family of metrics with its samples. `lanyard_` comes before its name, and its unit after it.
#[derive(Debug)]
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    samples: Samples,
}

/// The labels of a sample, in the order of their names in the family.
pub(super) type Labels = Vec<(&'static str, Cow<'static, str>)>;

#[derive(Debug)]
enum Samples {
    Gauge(Vec<(Labels, f64)>),
    Counter(Vec<(Labels, u64)>),
    Durations(Vec<(Labels, CountedDurations)>),
    Info(Labels),
}

impl Family {
    /// A family of values that rise and fall.
    pub(super) fn gauge(
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) -> Self {
        Self { name, help, unit: None, samples: Samples::Gauge(samples.into_iter().collect()) }
    }

    /// A family of counts since the broker started.
    pub(super) fn counter(
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) -> Self {
        Self { name, help, unit: None, samples: Samples::Counter(samples.into_iter().collect()) }
    }

    /// A family of histograms of durations.
    pub(super) fn durations(
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels, CountedDurations)>,
    ) -> Self {
        let samples = Samples::Durations(samples.into_iter().collect());
        Self { name, help, unit: Some(Unit::Seconds), samples }
    }

    /// Fixed facts.
    pub(super) fn info(name: &'static str, help: &'static str, labels: Labels) -> Self {
        Self { name, help, unit: None, samples: Samples::Info(labels) }
    }

    /// States the unit of the values.
    pub(super) fn in_unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method holds for one lifetime only")]
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.samples {
            Samples::Gauge(_) => MetricType::Gauge,
            Samples::Counter(_) => MetricType::Counter,
            Samples::Durations(_) => MetricType::Histogram,
            Samples::Info(_) => MetricType::Info,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, self.unit.as_ref(), kind)?;
        match &self.samples {
            Samples::Gauge(samples) => each(&mut metric, samples, |metric, value| metric.encode_gauge(value)),
            Samples::Counter(samples) => {
                each(&mut metric, samples, |metric, value| metric.encode_counter::<NoLabelSet, _, f64>(value, None))
            }
            Samples::Durations(samples) => each(&mut metric, samples, |metric, counted| {
                let mut buckets: Vec<_> =
                    counted.buckets.iter().map(|(bound, count)| (bound.as_secs_f64(), *count)).collect();
                buckets.push((f64::INFINITY, counted.longer));
                metric.encode_histogram::<NoLabelSet>(counted.sum.as_secs_f64(), counted.count(), &buckets, None)
            }),
            Samples::Info(labels) => metric.encode_info(labels),
        }
    }
}

fn each<T>(
    metric: &mut MetricEncoder<'_>,
    samples: &[(Labels, T)],
    encode: impl Fn(&mut MetricEncoder<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (labels, value) in samples {
        if labels.is_empty() {
            encode(metric, value)?;
        } else {
            encode(&mut metric.encode_family(labels)?, value)?;
        }
    }
    Ok(())
}

/// All families of one scrape.
#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|family| family.encode(&mut encoder))
    }
}

/// The text of families.
pub(super) fn text_of(families: Vec<Family>, format: Format) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("lanyard");
    registry.register_collector(Box::new(Families(families)));
    let mut written = String::new();
    match format {
        Format::OpenMetrics => text::encode(&mut written, &registry)?,
        Format::Prometheus => prometheus_text::encode(&mut written, &registry)?,
    }
    Ok(written)
}
