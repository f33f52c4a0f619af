//! `lanyard devices manifest`.

use std::process::ExitCode;

use clap::Args;
use lanyard_credential::Job;
use lanyard_protocol::XapiName;
use serde_json::{Value, json};

use crate::context;
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Manifest {
    /// The address that administrators see as the contact
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The name that administrators see
    #[arg(long, value_name = "NAME", default_value = "Lanyard")]
    display_name: String,
    /// The id of the integration; an update must have that of the first upload [default: a random one]
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    /// The version of the manifest; an update must have a higher one
    #[arg(long = "manifest-version", value_name = "NUMBER", default_value_t = 1)]
    version: u32,
    /// Also ask to send this command to devices, for example SystemUnit.Boot; may be repeated
    #[arg(long = "command", value_name = "NAME", value_parser = command)]
    commands: Vec<XapiName>,
}

/// The name of a command.
fn command(text: &str) -> Result<XapiName, String> {
    let name: XapiName = text.parse().map_err(|error| format!("{error}"))?;
    if name.is_command() { Ok(name) } else { Err("expected a command, for example SystemUnit.Boot".to_owned()) }
}

/// The statuses that Webex pushes when something happens to a device. An administrator may leave them out: the devices are also read.
const STATUSES: [&str; 3] = ["Diagnostics.*", "Standby.State", "SystemUnit.State.*"];

impl Manifest {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let id = self.id.clone().unwrap_or_else(random_id);
        output::json::print(&self.written(&id))?;
        output::note("upload it in Control Hub (Management, Apps, Workspace Integrations), and activate it there");
        if self.email.is_none() {
            output::note("enter a contact in \"email\" before the upload, or add --email ADDRESS");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn written(&self, id: &str) -> Value {
        json!({
            "id": id,
            "manifestVersion": self.version,
            "displayName": self.display_name,
            "vendor": "Lanyard",
            "email": self.email.as_deref().unwrap_or_default(),
            "description": self.description(),
            "descriptionUrl": "",
            "availability": "org_private",
            "tocUrl": "",
            "apiAccess": self.scopes().map(access).collect::<Vec<_>>(),
            "xapiAccess": {
                "status": STATUSES.map(|path| json!({ "path": path, "access": "optional" })),
                "commands": self.commands.iter().map(|name| json!({ "path": name.as_str(), "access": "required" })).collect::<Vec<_>>(),
                "events": [],
            },
            "provisioning": { "type": "manual" },
        })
    }

    /// The scopes with which a watch reads, and those of commands if there are any: a watch sends none.
    fn scopes(&self) -> impl Iterator<Item = &'static str> {
        let first = Job::Devices.needs().iter().filter_map(|need| need.scopes.first().copied());
        first.filter(|scope| *scope != "spark:xapi_commands" || !self.commands.is_empty())
    }

    fn description(&self) -> String {
        let does = if self.commands.is_empty() {
            "It reads and changes nothing.".to_owned()
        } else {
            let names: Vec<_> = self.commands.iter().map(XapiName::as_str).collect();
            format!("It reads, and sends devices the commands {}.", names.join(", "))
        };
        format!("Watches the room and desk devices of the organisation. {does}")
    }
}

fn access(scope: &str) -> Value {
    let mut access = json!({ "scope": scope, "access": "required" });
    if scope.starts_with("spark-admin:") {
        access["role"] = json!("id_readonly_admin");
    }
    access
}

/// A random UUID (RFC 9562, version 4).
fn random_id() -> String {
    let mut bytes = [0; 16];
    context::parts().entropy.fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_asks_to_read_and_for_nothing_else() {
        let manifest = Manifest {
            email: Some("rooms@acme.example".to_owned()),
            display_name: "Lanyard".to_owned(),
            id: None,
            version: 2,
            commands: Vec::new(),
        };
        let written = manifest.written("0a1b2c3d-0000-4000-8000-00000000000a");
        let scopes: Vec<_> = written["apiAccess"].as_array().unwrap().iter().map(|access| &access["scope"]).collect();
        assert_eq!(scopes, ["spark-admin:devices_read", "spark-admin:workspaces_read", "spark:xapi_statuses"]);
        assert_eq!((&written["manifestVersion"], &written["xapiAccess"]["commands"]), (&json!(2), &json!([])));
        let manifest = Manifest { commands: vec!["SystemUnit.Boot".parse().unwrap()], ..manifest };
        let written = manifest.written("0a1b2c3d-0000-4000-8000-00000000000a");
        assert_eq!(written["xapiAccess"]["commands"], json!([{ "path": "SystemUnit.Boot", "access": "required" }]));
        let scopes: Vec<_> = written["apiAccess"].as_array().unwrap().iter().map(|access| &access["scope"]).collect();
        assert!(scopes.contains(&&json!("spark:xapi_commands")), "{scopes:?}");
    }

    #[test]
    fn a_random_id_is_a_uuid() {
        let id = random_id();
        let parts: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!((parts.as_slice(), &id[14..15]), (&[8, 4, 4, 4, 12][..], "4"), "{id}");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b") && id != random_id());
    }
}
