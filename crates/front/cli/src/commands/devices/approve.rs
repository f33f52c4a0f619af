//! `lanyard devices approve`: new devices of watches that were added with `--approve-new`.

use std::process::ExitCode;

use clap::Args;
use lanyard_devices::{ApproveDevices, WatchName};

use super::devices;
use crate::context::Common;
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The devices, each by its name, serial number, MAC address or id; all that wait if none is given
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
    /// Only devices of this watch
    #[arg(long)]
    watch: Option<WatchName>,
}

impl Approve {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let approved =
            common.broker().await?.perform(ApproveDevices { devices: self.devices, watch: self.watch }).await?;
        if common.json {
            output::json::print(&approved)?;
        } else if approved.is_empty() {
            output::note("no device waits for approval");
        } else {
            let names: Vec<_> = approved.iter().map(|device| device.facts.name.as_str()).collect();
            output::note(&format!("approved {}: {}", devices(approved.len()), names.join(", ")));
        }
        Ok(ExitCode::SUCCESS)
    }
}
