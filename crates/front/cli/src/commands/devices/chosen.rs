//! The labels by which watches and their devices are chosen.

use clap::Args;
use lanyard_credential::LabelValue;
use lanyard_devices::WantedLabel;

#[derive(Debug, Default, Args)]
pub(crate) struct Chosen {
    /// Only watches with this label, their own or their credential's; if repeated, with all of them
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    labels: Vec<WantedLabel>,
    /// Short for --label customer=NAME
    #[arg(long, value_name = "NAME")]
    customer: Option<LabelValue>,
}

impl Chosen {
    /// All labels that a watch must have.
    pub(super) fn labels(self) -> Vec<WantedLabel> {
        let Self { mut labels, customer } = self;
        labels.extend(customer.map(WantedLabel::customer));
        labels
    }
}
