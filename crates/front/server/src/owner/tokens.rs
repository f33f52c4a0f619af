//! The tokens of a credential, for calls that the command line makes itself.

use lanyard_broker::{Error, IssueToken};
use lanyard_client::{IssuedToken, TokenSource};
use lanyard_credential::{CredentialName, Generation};
use lanyard_operation::Problem;
use lanyard_protocol::Environment;

use super::Owner;

/// The tokens of one credential, from the broker that runs in the home.
#[derive(Clone, Debug)]
pub struct OwnerTokens<'a> {
    owner: &'a Owner,
    name: CredentialName,
    expected: Option<Environment>,
    means: String,
}

impl Owner {
    /// The tokens of a credential; `means` is their purpose, as the audit shows it. A credential of another Webex than `expected`
    /// is refused.
    pub fn tokens_of(
        &self,
        name: CredentialName,
        expected: Option<Environment>,
        means: impl Into<String>,
    ) -> OwnerTokens<'_> {
        OwnerTokens { owner: self, name, expected, means: means.into() }
    }
}

impl OwnerTokens<'_> {
    async fn ask(&self, refused: Option<Generation>) -> Result<Option<IssuedToken>, Problem> {
        let (name, expected, means) = (self.name.clone(), self.expected.clone(), self.means.clone());
        Ok(self.owner.perform(IssueToken { name, expected, refused, means }).await?.map(IssuedToken::from))
    }
}

impl TokenSource for OwnerTokens<'_> {
    type Error = Problem;

    async fn issue(&self) -> Result<IssuedToken, Problem> {
        let issued = self.ask(None).await?;
        // Only a refused token can have no successor.
        issued.ok_or_else(|| Error::NotHandingOut { name: self.name.clone(), state: "pending" }.into())
    }

    async fn replace(&self, refused: &IssuedToken) -> Result<Option<IssuedToken>, Problem> {
        self.ask(Some(Generation::new(refused.generation))).await
    }
}
