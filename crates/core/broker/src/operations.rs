//! The operations of the broker that another process may ask for.

use lanyard_channel::Target;
use lanyard_operation::{Door, Registry};
use lanyard_store::StoreError;
use lanyard_work::{CancelRun, Handlers, ListRuns, Runs, ShowRun, Start, add_run};
use serde_json::Value;

use crate::channels::{Channel, ChannelName, key_of};
use crate::delivery::{DELIVER, deliver};
use crate::events::{WATCH, WATCH_KEY, watch};
use crate::{Broker, HandOut, RecordHandOut, RetryRevocations, TestAll, calls};

/// Adds the work that a broker does in the background, and that its operations start.
pub fn work<D: Door>(handlers: &mut Handlers, door: &D, broker: &Broker) {
    add_run::<TestAll, _>(handlers, door, broker);
    let watching = broker.clone();
    handlers.add(WATCH, move |claim| {
        let broker = watching.clone();
        async move { watch(&broker, &claim).await }
    });
    let delivering = broker.clone();
    handlers.add(DELIVER, move |claim| {
        let broker = delivering.clone();
        async move { deliver(&broker, &claim).await }
    });
}

/// Adds the recurring units that a store is missing: the watch, and one for each channel.
pub async fn begin_work(broker: &Broker) -> Result<(), StoreError> {
    let nothing = Value::Null;
    broker.queue.ensure(WATCH, WATCH_KEY, &nothing).await?;
    for channel in &broker.channels.in_file {
        let key = key_of(&channel.name);
        broker.queue.ensure(DELIVER, &key, &nothing).await?;
        // A broker without the channel may have put it off.
        broker.queue.wake(DELIVER, &key).await?;
    }
    // One that was altered without Lanyard gets nothing; it is named where channels are listed.
    for channel in broker.store.channels().await?.into_iter().flatten() {
        broker.queue.ensure(DELIVER, &channel.id, &nothing).await?;
    }
    Ok(())
}

impl Broker {
    /// The names that a channel of the settings file and one of the store have. Nothing if the store cannot be read.
    pub async fn channels_in_both(&self) -> Vec<ChannelName> {
        let mut both = Vec::new();
        for channel in &self.channels.in_file {
            if self.store.channel_named(channel.name.as_str()).await.is_ok_and(|found| found.is_some()) {
                both.push(channel.name.clone());
            }
        }
        both
    }

    /// The programs of the settings' channels that this process does not find, with their channels, in sentences.
    pub fn missing_programs(&self) -> Vec<String> {
        let missing = |channel: &Channel| {
            let Target::Command(target) = &channel.target else { return None };
            let program = target.argv.path();
            (!target.argv.is_found())
                .then(|| format!("the channel {} cannot run {program}: there is no such program", channel.name))
        };
        self.channels.in_file.iter().filter_map(missing).collect()
    }
}

/// Adds all operations of the broker to a registry.
pub fn register<D: Door>(registry: &mut Registry<D>, broker: &Broker) {
    calls::register(registry, broker);
    let runs = Runs::new(&broker.queue);
    registry
        .add::<CancelRun>(&runs)
        .add::<ListRuns>(&runs)
        .add::<ShowRun>(&runs)
        .add::<Start<TestAll>>(broker)
        .add::<HandOut>(broker)
        .add::<RecordHandOut>(broker)
        .add::<RetryRevocations>(broker);
}

#[cfg(test)]
mod tests;
