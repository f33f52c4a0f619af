//! The reports to a refresher about renewals on demand.

use lanyard_credential::rotation::Outcome;
use lanyard_credential::{Credential, TroubleKind};

use super::mint::MintEnd;
use super::rotation::RotationEnd;
use crate::error::Error;
use crate::observer::Observer;

/// A rotation on demand has ended.
pub(super) fn rotation_ended(observer: &Observer, end: &Result<RotationEnd, Error>) {
    let Some(hears) = observer.get() else { return };
    match end {
        Ok(RotationEnd { outcome: Outcome::Rotated, claimed: Some(credential), .. }) => hears.renewed(credential),
        // A grant that can be had again is: what came of that is told then.
        Ok(RotationEnd { trouble: Some(trouble), claimed: Some(credential), .. })
            if trouble.kind == TroubleKind::DeadGrant && credential.mint.is_some() => {}
        Ok(RotationEnd {
            outcome: Outcome::Failed(_),
            trouble: Some(trouble),
            asked,
            claimed: Some(credential),
            ..
        }) => hears.failed(credential, trouble, *asked),
        Err(Error::Store(error)) => hears.store_failed(error),
        Ok(_) | Err(_) => {}
    }
}

/// A grant was minted on demand, or not.
pub(super) fn mint_ended(observer: &Observer, credential: &Credential, end: &Result<MintEnd, Error>) {
    let Some(hears) = observer.get() else { return };
    match end {
        Ok(MintEnd::Minted) => hears.renewed(credential),
        Ok(MintEnd::Failed(trouble)) => hears.failed(credential, trouble, MintEnd::asked(trouble)),
        Err(Error::Store(error)) => hears.store_failed(error),
        Ok(MintEnd::Elsewhere | MintEnd::Busy | MintEnd::Erased) | Err(_) => {}
    }
}
