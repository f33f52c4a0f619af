//! A token that Webex may not accept any more.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::rotation::Outcome;
use lanyard_credential::{Credential, Renewal, Standing, Trouble, TroubleKind};
use lanyard_secret::AccessToken;
use lanyard_store::{AuditAction, AuditRecord, Check};

use crate::mint::MintEnd;
use crate::rotation::{Fault, RotationEnd};
use crate::{Broker, Error};

/// What a 401 turned out to mean.
#[derive(Clone, Debug)]
pub(crate) enum Doubt {
    /// Webex accepts the token: the call itself was refused.
    Accepted,
    /// It does not, and there is a new one.
    Renewed,
    /// It does not, and no new one is to be had now.
    Refused(Trouble),
}

/// A rotation because of a 401 comes at most this often: tokens that Webex ends as soon as it gives them would otherwise fill the
/// account's 750.
const AT_MOST_EVERY: Duration = Duration::from_hours(1);

impl Broker {
    /// Finds out whether a token that a call was refused with is refused everywhere, and gets a new one where that can be had.
    /// `/people/me` decides: what it answers with anything but 401 is accepted.
    pub(crate) async fn doubt(&self, credential: &Credential, token: &AccessToken) -> Result<Doubt, Error> {
        match self.transport.me(&credential.environment, token).await {
            Err(error) if error.is_unauthorized() => self.replace_refused(credential).await,
            // Whatever else it is, it says nothing against the token.
            Ok(_) | Err(_) => Ok(Doubt::Accepted),
        }
    }

    /// The token of this generation is refused for certain.
    pub(crate) async fn replace_refused(&self, credential: &Credential) -> Result<Doubt, Error> {
        let now = self.clock.now();
        let since = now.wall.checked_sub(AT_MOST_EVERY).unwrap_or(Timestamp::MIN);
        let rested = !self.store.has_happened(credential.id, AuditAction::TokenRefused, since).await?;
        self.note_refusal(credential).await?;
        let disabled = matches!(credential.standing, Standing::Disabled | Standing::Clearing);
        match (credential.renewal(), &credential.mint) {
            (Renewal::Rotate, _) if rested && !disabled => {
                match self.rotate(credential.id, credential.generation).await? {
                    RotationEnd { outcome: Outcome::Rotated | Outcome::RotatedElsewhere, .. } => Ok(Doubt::Renewed),
                    RotationEnd { trouble: Some(trouble), .. } => Ok(Doubt::Refused(trouble)),
                    RotationEnd { .. } => Err(Error::Busy { name: credential.name.clone() }),
                }
            }
            (Renewal::Mint, Some(mint)) if rested && !disabled => match self.mint(credential, mint).await? {
                MintEnd::Minted | MintEnd::Elsewhere => Ok(Doubt::Renewed),
                MintEnd::Failed(trouble) => Ok(Doubt::Refused(trouble)),
                MintEnd::Busy | MintEnd::Erased => Err(Error::Busy { name: credential.name.clone() }),
            },
            (Renewal::None, _) => {
                let fault = Fault::new(TroubleKind::DeadToken, "Webex does not accept this token any more");
                let trouble = fault.after(credential.standing.trouble(), now, &*self.entropy);
                let check = Check {
                    subject: credential.subject.clone(),
                    organisation: credential.organisation.clone(),
                    standing: Standing::NeedsLogin(trouble.clone()),
                };
                self.store.record_check(credential.id, credential.generation, &check).await?;
                Ok(Doubt::Refused(trouble))
            }
            _ => {
                let fault = Fault::new(
                    TroubleKind::DeadToken,
                    "Webex does not accept this token, and did not accept the one before it less than an hour ago",
                );
                Ok(Doubt::Refused(fault.after(credential.standing.trouble(), now, &*self.entropy)))
            }
        }
    }

    async fn note_refusal(&self, credential: &Credential) -> Result<(), Error> {
        let record = AuditRecord {
            at: self.clock.now().wall,
            action: AuditAction::TokenRefused,
            credential: Some((credential.id, credential.name.clone())),
            actor: self.actor.clone(),
            detail: format!("generation {}", credential.generation),
        };
        Ok(self.store.append_audit(&record).await?)
    }
}
