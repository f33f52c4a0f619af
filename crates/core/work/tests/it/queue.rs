//! Claims, take-overs, and rows that Lanyard did not write.

use std::future::{Future as _, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use lanyard_operation::Starter;
use lanyard_store::{About, Event, StoreError};
use lanyard_work::{Claim, Halt, Next, State, Unit};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::world::{World, on_both_engines};

on_both_engines!(
    a_recurring_unit_is_added_once_and_is_due_again,
    a_unit_that_is_woken_while_it_is_worked_on_is_due_again_at_once,
    what_is_due_is_counted_by_kind,
    a_dead_process_loses_its_unit_and_cannot_write_any_more,
    work_that_is_cancelled_stops_at_its_next_step,
    a_run_that_ends_its_processes_fails,
    a_row_that_lanyard_did_not_write_is_left_alone,
    two_workers_do_each_unit_once,
    a_unit_is_replaced_before_its_process_writes_or_not_at_all,
    plans_that_are_made_at_the_same_time_are_one,
);

fn owner() -> Starter {
    Starter { client: None, actor: "uid 1000".to_owned() }
}

async fn start(world: &World, request: Value) -> Unit {
    world.queue.start("rooms.sweep", &request, &owner()).await.unwrap().unwrap()
}

async fn now(world: &World, unit: &Unit) -> Unit {
    world.queue.unit(&unit.id).await.unwrap().unwrap()
}

async fn what_is_due_is_counted_by_kind(world: World) {
    assert_eq!(world.queue.due().await.unwrap(), []);
    assert_eq!(world.queue.last_look(), None);
    for key in ["acme", "other"] {
        world.queue.ensure("rooms.poll", key, &Value::Null).await.unwrap();
    }
    start(&world, Value::Null).await;
    let due = [("rooms.poll".to_owned(), 2), ("rooms.sweep".to_owned(), 1)];
    assert_eq!(world.queue.due().await.unwrap(), due);
    let (did, mut done) = mpsc::unbounded_channel();
    let worker = world.worker("rooms.poll", move |_: Claim| {
        let did = did.clone();
        async move {
            did.send(()).unwrap();
            Ok(Next::Again(Duration::from_hours(1)))
        }
    });
    for _ in 0..2 {
        done.recv().await.unwrap();
    }
    while world.queue.due().await.unwrap() != due[1..] {
        tokio::task::yield_now().await;
    }
    // The look that found no more of this kind.
    while world.queue.last_look().is_none() {
        tokio::task::yield_now().await;
    }
    worker.abort();
}

async fn a_recurring_unit_is_added_once_and_is_due_again(world: World) {
    for _ in 0..2 {
        world.queue.ensure("rooms.poll", "acme", &json!(3)).await.unwrap();
    }
    let (did, mut done) = mpsc::unbounded_channel();
    let worker = world.worker("rooms.poll", move |claim: Claim| {
        let did = did.clone();
        async move {
            let times: u32 = claim.earlier().unwrap();
            claim.progress(&(times + 1)).await?;
            did.send(times).unwrap();
            Ok(Next::Again(Duration::from_hours(1)))
        }
    });
    assert_eq!(done.recv().await.unwrap(), 3, "it begins there");
    // It is due in an hour, or when it is woken. The first attempt may still be on its way to the store.
    let waiting = loop {
        let unit = world.queue.recurring("rooms.poll", "acme").await.unwrap().unwrap();
        if unit.document.state == State::Waiting {
            break unit;
        }
        tokio::task::yield_now().await;
    };
    assert!(waiting.due > Some(world.store.time().await.unwrap()) && waiting.holder.is_none(), "{waiting:?}");
    world.queue.wake("rooms.poll", "acme").await.unwrap();
    assert_eq!(done.recv().await.unwrap(), 4, "the second time");
    assert!(done.try_recv().is_err());
    world.queue.remove("rooms.poll", "acme").await.unwrap();
    assert!(world.queue.recurring("rooms.poll", "acme").await.unwrap().is_none());
    worker.abort();
}

async fn a_unit_that_is_woken_while_it_is_worked_on_is_due_again_at_once(world: World) {
    world.queue.ensure("rooms.poll", "acme", &json!(0)).await.unwrap();
    let (began, mut started) = mpsc::unbounded_channel();
    let (go_on, may_go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let worker = world.worker("rooms.poll", {
        let (began, wait, reported) = (began.clone(), Arc::clone(&go_on), Arc::clone(&may_go_on));
        move |claim: Claim| {
            let (began, wait, reported) = (began.clone(), Arc::clone(&wait), Arc::clone(&reported));
            async move {
                let times: u32 = claim.earlier().unwrap();
                began.send(times).unwrap();
                wait.notified().await;
                // Progress that is reported after it was woken does not hide that.
                claim.progress(&(times + 1)).await?;
                reported.notify_one();
                Ok(Next::Again(Duration::from_hours(1)))
            }
        }
    });
    assert_eq!(started.recv().await, Some(0));
    // Twice in the same millisecond: the clock stands still.
    for _ in 0..2 {
        world.queue.wake("rooms.poll", "acme").await.unwrap();
    }
    go_on.notify_one();
    may_go_on.notified().await;
    world.clock.advance(Duration::from_millis(10));
    world.queue.wake("rooms.other", "acme").await.unwrap();
    assert_eq!(started.recv().await, Some(1), "what it read before it was woken may be old");
    // Nobody woke it this time.
    go_on.notify_one();
    let waiting = loop {
        let unit = world.queue.recurring("rooms.poll", "acme").await.unwrap().unwrap();
        if unit.document.state == State::Waiting {
            break unit;
        }
        tokio::task::yield_now().await;
    };
    assert!(waiting.due > Some(world.store.time().await.unwrap()), "{waiting:?}");
    worker.abort();
}

async fn a_dead_process_loses_its_unit_and_cannot_write_any_more(world: World) {
    let run = start(&world, json!(["a", "b", "c"])).await;
    let (began, mut started) = mpsc::unbounded_channel();
    let dead = world.worker("rooms.sweep", move |claim: Claim| {
        let began = began.clone();
        async move {
            claim.progress(&json!({ "done": 1 })).await?;
            began.send(claim).unwrap();
            pending().await
        }
    });
    let stale = started.recv().await.unwrap();
    // While its claim holds, nobody else does it.
    let (took, mut taken) = mpsc::unbounded_channel();
    let heir = world.worker("rooms.sweep", move |claim: Claim| {
        let took = took.clone();
        async move {
            took.send(claim.earlier::<Value>()).unwrap();
            claim.progress(&json!({ "done": 3 })).await?;
            Ok(Next::Done(json!("swept")))
        }
    });
    world.queue.wake("rooms.sweep", run.id.as_str()).await.unwrap();
    tokio::task::yield_now().await;
    assert!(taken.try_recv().is_err());
    dead.abort();
    world.expire_claims().await;
    world.queue.wake("rooms.sweep", run.id.as_str()).await.unwrap();
    assert_eq!(taken.recv().await.unwrap(), Some(json!({ "done": 1 })), "it continues from what was reported");
    let ended = loop {
        let run = now(&world, &run).await;
        if run.document.state.is_end() {
            break run;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((ended.document.state, ended.document.result), (State::Done, Some(json!("swept"))));
    // The dead one was only slow.
    assert!(matches!(stale.progress(&json!({ "done": 2 })).await, Err(Halt::Lost)));
    assert_eq!(now(&world, &run).await.document.progress, json!({ "done": 3 }));
    heir.abort();
}

async fn work_that_is_cancelled_stops_at_its_next_step(world: World) {
    let (began, mut started) = mpsc::unbounded_channel();
    let (go, went) = tokio::sync::watch::channel(false);
    let worker = world.worker("rooms.sweep", move |claim: Claim| {
        let (began, mut went) = (began.clone(), went.clone());
        async move {
            claim.progress(&1).await?;
            began.send(()).unwrap();
            went.wait_for(|went| *went).await.unwrap();
            claim.progress(&2).await?;
            Ok(Next::Done(Value::Null))
        }
    });
    let run = start(&world, Value::Null).await;
    started.recv().await.unwrap();
    let cancelled = world.queue.cancel(&run.id).await.unwrap().unwrap();
    assert_eq!(cancelled.document.state, State::Cancelling);
    go.send_replace(true);
    let ended = loop {
        let run = now(&world, &run).await;
        if run.document.state.is_end() {
            break run;
        }
        tokio::task::yield_now().await;
    };
    // The step that was done is kept.
    assert_eq!((ended.document.state, ended.document.progress), (State::Cancelled, json!(2)));
    worker.abort();
    let _ = worker.await;
    // One that no process works on ends at once, and a run that ended stays as it is.
    let run = start(&world, Value::Null).await;
    for _ in 0..2 {
        assert_eq!(world.queue.cancel(&run.id).await.unwrap().unwrap().document.state, State::Cancelled);
    }
    let told: Vec<_> = world.store.audit(9).await.unwrap().iter().map(|entry| entry.record.event.to_string()).collect();
    assert_eq!(told[0], format!("rooms.sweep, run {}: cancelled", run.id));
    assert_eq!(told[1], format!("rooms.sweep, run {}", run.id));
}

async fn a_run_that_ends_its_processes_fails(world: World) {
    let run = start(&world, Value::Null).await;
    let times = Arc::new(AtomicU32::new(0));
    for _ in 0..9 {
        let (began, mut started) = mpsc::unbounded_channel();
        let times = Arc::clone(&times);
        let worker = world.worker("rooms.sweep", move |_| {
            times.fetch_add(1, Ordering::Relaxed);
            began.send(()).unwrap();
            pending()
        });
        loop {
            if started.try_recv().is_ok() || now(&world, &run).await.document.state.is_end() {
                break;
            }
            tokio::task::yield_now().await;
        }
        worker.abort();
        let _ = worker.await;
        world.expire_claims().await;
    }
    let ended = now(&world, &run).await.document;
    assert_eq!((ended.state, times.load(Ordering::Relaxed)), (State::Failed, 5));
    assert_eq!(ended.problem.unwrap().to_string(), "5 processes ended while they worked on it");
}

async fn a_row_that_lanyard_did_not_write_is_left_alone(world: World) {
    // Altered, moved to another row, made to run again, or made up.
    let (altered, ended, other) =
        (start(&world, json!(1)).await, start(&world, json!(2)).await, start(&world, json!(3)).await);
    world.queue.cancel(&ended.id).await.unwrap();
    let (altered, ended, other) = (altered.id.as_str(), ended.id.as_str(), other.id.as_str());
    for statement in [
        format!("UPDATE work SET kind = 'rooms.wipe' WHERE id = '{altered}'"),
        format!("UPDATE work SET due = 0, ended = NULL WHERE id = '{ended}'"),
        format!(
            "INSERT INTO work (id, kind, key, due, fence, document) SELECT '{:032}', kind, 'copy', due, fence, document FROM work WHERE id = '{other}'",
            7
        ),
    ] {
        world.tamper(statement).await;
    }
    let (did, mut done) = mpsc::unbounded_channel();
    let mut handlers = lanyard_work::Handlers::default();
    for kind in ["rooms.sweep", "rooms.wipe"] {
        let did = did.clone();
        handlers.add(kind, move |claim: Claim| {
            let did = did.clone();
            async move {
                did.send(claim.document().request.clone()).unwrap();
                Ok(Next::Done(Value::Null))
            }
        });
    }
    let worker = world.worker_with(handlers);
    assert_eq!(done.recv().await.unwrap(), json!(3));
    start(&world, json!(4)).await;
    assert_eq!(done.recv().await.unwrap(), json!(4));
    assert!(done.try_recv().is_err());
    let runs = world.queue.runs().await.unwrap();
    let left = runs.iter().find(|run| run.id.as_str() == ended).unwrap();
    assert_eq!((runs.len(), left.document.state), (3, State::Cancelled), "what ended is not done again");
    worker.abort();
}

async fn two_workers_do_each_unit_once(world: World) {
    for number in 0..20 {
        start(&world, json!(number)).await;
    }
    let (did, mut done) = mpsc::unbounded_channel();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let did = did.clone();
            world.worker("rooms.sweep", move |claim: Claim| {
                let did = did.clone();
                async move {
                    did.send(claim.document().request.as_u64().unwrap()).unwrap();
                    Ok(Next::Done(Value::Null))
                }
            })
        })
        .collect();
    let mut numbers = Vec::new();
    while numbers.len() < 20 {
        numbers.push(done.recv().await.unwrap());
    }
    loop {
        let runs = world.queue.runs().await.unwrap();
        if runs.iter().all(|run| run.document.state == State::Done) {
            break;
        }
        tokio::task::yield_now().await;
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    assert!(done.try_recv().is_err(), "each was done once");
    for worker in workers {
        worker.abort();
    }
}

/// A process writes "sending" while another one replaces what was planned, beginning after each number of polls.
async fn a_unit_is_replaced_before_its_process_writes_or_not_at_all(world: World) {
    let (began, mut started) = mpsc::unbounded_channel();
    let worker = world.worker("rooms.restart", move |claim: Claim| {
        let began = began.clone();
        async move {
            began.send(claim).unwrap();
            pending().await
        }
    });
    let about = About::Home;
    let event = Event::JobChanged { job: "rooms".to_owned(), what: "planned".to_owned() };
    let (mut first, mut second) = (0, 0);
    // At the two ends nothing happens at the same time.
    for polls in (0..40).chain([usize::MAX]) {
        let key = format!("room-{polls}");
        world.queue.ensure("rooms.restart", &key, &json!("planned")).await.unwrap();
        let claim = started.recv().await.unwrap();
        let replace =
            world.queue.replace::<Box<dyn std::error::Error>>("rooms.restart", &key, (&about, &event), |progress| {
                match progress.and_then(Value::as_str) {
                    Some("planned") => Ok(None),
                    other => Err(format!("{other:?}").into()),
                }
            });
        let mut replace = pin!(replace);
        let mut left = polls;
        let early = poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            replace.as_mut().poll(context).map(Some)
        })
        .await;
        let progress = json!("sending");
        let sending = claim.progress(&progress);
        let (replaced, sent) = match early {
            None if polls == 0 => {
                let sent = sending.await;
                (replace.await, sent)
            }
            Some(replaced) => (replaced, sending.await),
            None => tokio::join!(replace, sending),
        };
        match (replaced, sent) {
            (Ok(was), Err(Halt::Lost)) => {
                assert_eq!(was, Some(json!("planned")));
                assert!(world.queue.recurring("rooms.restart", &key).await.unwrap().is_none());
                first += 1;
            }
            (Err(error), Ok(())) => {
                assert!(error.to_string().contains("sending"), "{error}");
                second += 1;
            }
            both => panic!("after {polls} polls: {both:?}"),
        }
    }
    assert!(first > 0 && second > 0, "{first} {second}");
    worker.abort();
}

async fn plans_that_are_made_at_the_same_time_are_one(world: World) {
    let about = About::Home;
    let event = Event::JobChanged { job: "rooms".to_owned(), what: "planned".to_owned() };
    let plan = |number: u32| {
        let (queue, about, event) = (&world.queue, &about, &event);
        async move {
            let next = |_: Option<&Value>| Ok::<_, StoreError>(Some(json!(number)));
            queue.replace("rooms.restart", "room", (about, event), next).await.unwrap()
        }
    };
    let mut seen = futures_util::future::join_all((1..=4).map(plan)).await;
    let last = world.queue.recurring("rooms.restart", "room").await.unwrap().unwrap().document.progress;
    seen.push(Some(last));
    seen.sort_by_key(|progress| progress.as_ref().and_then(Value::as_u64));
    assert_eq!(
        seen,
        [None, Some(json!(1)), Some(json!(2)), Some(json!(3)), Some(json!(4))],
        "each has replaced another"
    );
}
