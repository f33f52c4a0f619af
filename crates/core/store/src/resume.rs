//! Resumes a paused home.

use crate::engine::sql;
use crate::event::{About, Event};
use crate::write::Purpose;
use crate::{Pause, Store, StoreError};

impl Store {
    /// Returns why the home is paused; `None` if it is not.
    pub async fn pause(&self) -> Result<Option<Pause>, StoreError> {
        Ok(self.home_row().await?.paused)
    }

    /// Resumes a paused home. Returns `false` if it was not paused. A store that is being moved, or was moved away, is refused:
    /// its other half may be active.
    pub async fn resume(&self) -> Result<bool, StoreError> {
        let resumed = self
            .write_for(Purpose::ThoughPaused, |mut tx| async move {
                if let Some(pause) = tx.sealed_home().await?.paused.filter(Pause::is_for_a_move) {
                    return tx.refuse(StoreError::Paused(pause)).await;
                }
                let was = sql(
                    "home",
                    "UPDATE home SET paused_reason = NULL, paused_since = NULL WHERE paused_since IS NOT NULL",
                );
                if tx.run(was).await? == 0 {
                    return tx.abandon(false).await;
                }
                tx.record(About::Home, Event::Resumed {});
                tx.commit::<_, StoreError>(true).await
            })
            .await?;
        if resumed {
            self.inner.set_paused(None);
        }
        Ok(resumed)
    }

    /// Returns a store that opens access tokens although the home is paused, to try them where that changes nothing.
    pub fn inspecting(&self) -> Self {
        Self { inspects: true, ..self.clone() }
    }
}

/// Pauses a copy.
pub(crate) const PAUSE: &str = "UPDATE home SET paused_reason = $1, paused_since = $2 WHERE paused_since IS NULL";
