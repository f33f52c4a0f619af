//! Offering the next key before it is in force.
//!
//! Several homes may share a store, and each has its keys from a place of its own. So the home's row names a next key as offered first.
//! Nothing is wrapped under an offered key, and a process that does not have it works on. Once every running broker [has
//! it](super::brokers), it is taken up: it becomes the next key, and replaces the home's. Until then the offer can be withdrawn, and costs
//! nothing.

use lanyard_vault::{HomeKey, KeyId, KeySource};

use super::brokers::{RunningBroker, running};
use crate::engine::sql;
use crate::event::{About, Event};
use crate::in_flight::{InFlight, Observer, intents};
use crate::write::Purpose;
use crate::{NextKey, Store, StoreError};

/// The outcome of taking up an offered key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenUp {
    /// It is the next key, and replaces the home's.
    Yes,
    /// These running brokers do not have it: it stays an offer.
    Lacking(Vec<RunningBroker>),
    /// A process of another home is renewing a credential, and could not write the answer without the key: it stays an offer.
    InFlight(InFlight),
    /// It is not offered any more.
    Withdrawn,
}

impl Store {
    /// Offers `next` as the key that is to replace `current`. `false` if another replacement is under way. `put`, which gets the keys that
    /// are needed still, puts the key where it is to be kept: within the transaction, because the last one of a replacement that was given
    /// up may still be on its way, and no key that it names may be overwritten.
    pub async fn offer_key<E: From<StoreError>>(
        &self,
        current: KeyId,
        (next, source): (&HomeKey, KeySource),
        home_id: &str,
        put: impl Fn(&[KeyId]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let put = &put;
        self.write_for(Purpose::Keys, |mut tx| async move {
            let now = tx.sealed_home().await?.keys;
            if now.next.is_some() || now.offered.is_some() || now.key != current {
                return tx.abandon(false).await;
            }
            put(&now.keys().collect::<Vec<_>>())?;
            let offer = sql("home", OFFER)
                .bind(current.to_string())
                .bind(next.id().to_string())
                .bind(source.as_str())
                .bind(tx.now().wall)
                .bind(home_id);
            if tx.run(offer).await? != 1 {
                return tx.abandon(false).await;
            }
            let (key, next) = (current.to_string(), next.id().to_string());
            tx.record(About::Home, Event::KeyOffered { key, next, kept_in: source.to_string() });
            tx.commit::<_, E>(true).await
        })
        .await
    }

    /// Makes the offered key `offered` the next one, unless a running broker lacks it. No broker reports itself meanwhile.
    pub async fn take_up_offered_key(&self, offered: &HomeKey) -> Result<TakenUp, StoreError> {
        let id = offered.id();
        let taken_up = self
            .write_for(Purpose::Keys, |mut tx| async move {
                let keys = tx.sealed_home().await?.keys;
                let Some(named) = keys.offered.clone().filter(|named| named.id == id) else {
                    // The transaction of an earlier attempt was on its way still, or another process was faster.
                    let is_next = keys.key == id || keys.next.is_some_and(|next| next.id == id);
                    return tx.abandon(if is_next { TakenUp::Yes } else { TakenUp::Withdrawn }).await;
                };
                let brokers =
                    if self.is_shared() { tx.rows(running(Some(&named), &self.now())).await? } else { Vec::new() };
                let (having, lacking): (Vec<_>, Vec<_>) =
                    self.authentic(&brokers)?.into_iter().partition(|broker| broker.has(id));
                if !lacking.is_empty() {
                    return tx.abandon(TakenUp::Lacking(lacking)).await;
                }
                if self.is_shared() {
                    let rows = tx.rows(intents()).await?;
                    let is_broker = |writer: &str| having.iter().any(|broker| broker.id == writer);
                    let observer = Observer::new(&self.inner.directory, &self.inner.parts);
                    if let Some(found) = observer.unseen(&rows, is_broker)? {
                        return tx.abandon(TakenUp::InFlight(found)).await;
                    }
                }
                let take_up = sql("home", TAKE_UP).bind(id.to_string()).bind(named.source.as_str()).bind(tx.now().wall);
                tx.run(take_up).await?;
                let (key, next) = (keys.key.to_string(), id.to_string());
                tx.record(About::Home, Event::KeyRotationBegun { key, next, kept_in: named.source.to_string() });
                tx.commit::<_, StoreError>(TakenUp::Yes).await
            })
            .await?;
        if taken_up == TakenUp::Yes {
            self.inner.keys.add(offered);
        }
        Ok(taken_up)
    }

    /// Withdraws the offer of a key, and returns it; `None` if none is offered. The home's key stays in force.
    pub async fn withdraw_offered_key(&self) -> Result<Option<NextKey>, StoreError> {
        self.write_for(Purpose::Keys, |mut tx| async move {
            let keys = tx.sealed_home().await?.keys;
            let Some(offered) = keys.offered else { return tx.abandon(None).await };
            tx.run(sql("home", WITHDRAW)).await?;
            let (key, next) = (keys.key.to_string(), offered.id.to_string());
            tx.record(About::Home, Event::KeyOfferWithdrawn { key, next });
            tx.commit(Some(offered)).await
        })
        .await
    }
}

const OFFER: &str = "UPDATE home SET offered_key_id = $2, offered_key_source = $3, offered_key_since = $4, \
     home_id = COALESCE(home_id, $5) WHERE key_id = $1 AND next_key_id IS NULL AND offered_key_id IS NULL";

const TAKE_UP: &str = "UPDATE home SET next_key_id = $1, next_key_source = $2, next_key_since = $3, offered_key_id = NULL, \
     offered_key_source = NULL, offered_key_since = NULL";

const WITHDRAW: &str = "UPDATE home SET offered_key_id = NULL, offered_key_source = NULL, offered_key_since = NULL";
