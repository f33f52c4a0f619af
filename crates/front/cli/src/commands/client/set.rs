//! `lanyard client set`: another policy for a client.

use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use lanyard_broker::views::ClientView;
use lanyard_broker::{ChangeClient, Holding, Limit, ShownClient};
use lanyard_credential::{Capability, ClientName, CredentialName, Granted, MethodSet, PathPattern};
use lanyard_protocol::OrgId;

use super::expiry::Expiry;
use super::{note_tokens, organisation, warn_of_pointless};
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
#[command(override_usage = "lanyard client set [OPTIONS] <NAME>")]
pub(crate) struct Set {
    /// The client
    name: ClientName,
    #[command(flatten)]
    policy: Policy,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Policy {
    /// A credential that it may use; may be repeated, or hold several separated by commas
    #[arg(long = "credential", value_name = "NAME", value_delimiter = ',')]
    credentials: Option<Vec<CredentialName>>,
    /// It may use every credential, those that are added later too
    #[arg(long, conflicts_with = "credentials")]
    all_credentials: bool,
    /// What it may do, separated by commas: token, proxy, read, refresh, manage, metrics (see lanyard client add)
    #[arg(long = "can", value_name = "CAPABILITY", value_delimiter = ',', hide_possible_values = true,
        value_parser = PossibleValuesParser::new(Capability::ALL.map(Capability::as_str)).try_map(|word| word.parse::<Capability>()))]
    capabilities: Option<Vec<Capability>>,
    /// With proxy: the methods that it may call Webex with, separated by commas, or any
    #[arg(long, value_name = "METHODS", value_parser = any_or(MethodSet::from_str))]
    methods: Option<Given<MethodSet>>,
    /// With proxy: the paths that it may call, separated by commas, or any (that exposes no credential)
    #[arg(long, value_name = "PATHS", value_delimiter = ',', value_parser = any_or(PathPattern::from_str))]
    paths: Option<Vec<Given<PathPattern>>>,
    /// With proxy: the id of the one organisation that its calls may be about, or any
    #[arg(long, value_name = "ORGANISATION", value_parser = any_or(organisation))]
    org: Option<Given<OrgId>>,
    /// When its access expires: a duration (30d, 12h, 90m), a time (2027-01-31T18:00:00Z), or `never`
    #[arg(long, value_name = "TIME", value_parser = or("never", Expiry::from_str))]
    expires: Option<Given<Expiry>>,
}

/// A limit, or the word that lifts it.
#[derive(Clone, Debug)]
enum Given<T> {
    Lift,
    Value(T),
}

fn any_or<T, E>(parse: fn(&str) -> Result<T, E>) -> impl Fn(&str) -> Result<Given<T>, E> + Clone {
    or("any", parse)
}

fn or<T, E>(lifting: &'static str, parse: fn(&str) -> Result<T, E>) -> impl Fn(&str) -> Result<Given<T>, E> + Clone {
    move |text| if text == lifting { Ok(Given::Lift) } else { parse(text).map(Given::Value) }
}

impl<T> Given<T> {
    fn limit(given: Option<Self>) -> Limit<T> {
        match given {
            None => Limit::Keep,
            Some(Self::Lift) => Limit::Lift,
            Some(Self::Value(value)) => Limit::Set(value),
        }
    }
}

impl Set {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let Self { name, policy } = self;
        let given = policy.limits();
        let shown = common.broker().await?.perform(policy.change(name)?).await?;
        warn_of_pointless(&shown.client, given);
        if common.json {
            return output::json::view(&ClientView::of(&shown));
        }
        output::note(&format!("changed the client {}", shown.client.name));
        output::block(&output::client::show(&shown, context::parts().clock.now().wall))?;
        note_tokens(&shown.holds.iter().filter(|holding| !may_have(&shown, holding)).collect::<Vec<_>>());
        Ok(())
    }
}

impl Policy {
    /// The limits that this change is about: those that are given, or all of them if the capabilities change.
    fn limits(&self) -> [bool; 3] {
        let all = self.capabilities.is_some();
        [all || self.methods.is_some(), all || self.paths.is_some(), all || self.org.is_some()]
    }

    fn change(self, name: ClientName) -> Result<ChangeClient, Failure> {
        let now = context::parts().clock.now().wall;
        let credentials = match self.credentials {
            Some(names) => Limit::Set(names),
            None if self.all_credentials => Limit::Lift,
            None => Limit::Keep,
        };
        let expires_at = match self.expires {
            None => Limit::Keep,
            Some(Given::Lift) => Limit::Lift,
            Some(Given::Value(expiry)) => Limit::Set(expiry.from(now)?),
        };
        Ok(ChangeClient {
            name,
            capabilities: self.capabilities.map(|words| words.into_iter().collect()),
            credentials,
            methods: Given::limit(self.methods),
            paths: self.paths.map_or(Ok(Limit::Keep), paths)?,
            org: Given::limit(self.org),
            expires_at,
        })
    }
}

fn paths(given: Vec<Given<PathPattern>>) -> Result<Limit<Vec<PathPattern>>, Failure> {
    if let [Given::Lift] = given[..] {
        return Ok(Limit::Lift);
    }
    let named = given.into_iter().map(|one| match one {
        Given::Lift => None,
        Given::Value(path) => Some(path),
    });
    named.collect::<Option<Vec<_>>>().map(Limit::Set).ok_or_else(|| Failure::Usage {
        message: "--paths is either any or a list of paths".to_owned(),
        hint: "to allow every path that exposes no credential: --paths any".to_owned(),
    })
}

/// Whether the client could be given this token now.
fn may_have(shown: &ShownClient, holding: &Holding) -> bool {
    let names = &shown.credentials;
    let granted = shown.client.credentials == Granted::All || names.contains(&holding.credential);
    granted && shown.client.capabilities.contains(Capability::Token)
}
