//! The observer of renewals that a refresher did not begin: programs ask for tokens, and people renew by hand.

use std::fmt::Debug;
use std::sync::{Arc, Weak};
use std::time::Duration;

use lanyard_credential::{Credential, Trouble};
use lanyard_store::StoreError;

/// Something that hears of them: a refresher.
pub(crate) trait Hears: Debug + Send + Sync {
    /// A credential has a new token set.
    fn renewed(&self, credential: &Credential);

    /// It has none, and Webex itself `asked` to wait so long.
    fn failed(&self, credential: &Credential, trouble: &Trouble, asked: Duration);

    /// The store did not take what was to be renewed.
    fn store_failed(&self, error: &StoreError);
}

/// The way to the refresher of this process, where there is one. Without one nothing is said: a command tells its own failures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer(Option<Weak<dyn Hears>>);

impl Observer {
    /// The way to this one, as long as it lives.
    pub(crate) fn of<H: Hears + 'static>(hears: &Arc<H>) -> Self {
        let hears: Weak<H> = Arc::downgrade(hears);
        Self(Some(hears))
    }

    /// It, if there is one.
    pub(crate) fn get(&self) -> Option<Arc<dyn Hears>> {
        self.0.as_ref()?.upgrade()
    }
}
