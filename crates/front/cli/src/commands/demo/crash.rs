//! A process is killed while Webex has spent its refresh token and its answer is on the way.

use std::process::Stdio;
use std::time::Duration;

use lanyard_broker::Refresh;
use lanyard_protocol::Method;
use serde_json::{Value, json};

use super::stage::{Stage, check, failed, named, say};
use crate::context;
use crate::exit::Failure;

/// How often, and how long apart, the local Webex is asked whether the call has arrived.
const LOOKS: usize = 200;
const APART: Duration = Duration::from_millis(25);

pub(super) async fn kill_and_recover(stage: &Stage) -> Result<(), Failure> {
    let before = stage.show("admin").await?.generation.number();
    stage.control(Method::DELETE, "/record", None).await?;
    let held_back = json!({ "path": "/v1/access_token", "action": { "delay_after_ms": 60_000 } });
    stage.control(Method::POST, "/faults", Some(held_back)).await?;

    let mut command = stage.lanyard(&["refresh", "admin", "--force"])?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(Failure::io("cannot run lanyard refresh"))?;
    let spent = wait_for_exchange(stage).await;
    // Killed in any case: a child is not left behind.
    let killed = child.kill().and_then(|()| child.wait());
    spent?;
    let killed = killed.map_err(Failure::io("cannot kill the child"))?;
    say(&format!(
        "  process {} had sent the refresh token, Webex had spent it, the answer was on its way: kill -9",
        child.id()
    ));
    check(killed.code().is_none(), "the signal killed it before it stored anything")?;
    let after = stage.show("admin").await?.generation.number();
    check(
        after == before,
        &format!("the store still holds generation {before}, and the note that a renewal was about to start"),
    )?;

    stage.broker.perform(Refresh { name: named("admin")?, force: true, take_over: false, expected: None }).await?;
    let after = stage.show("admin").await?.generation.number();
    check(
        after == before + 1,
        &format!(
            "the next process finds its writer gone and sends the same refresh token once more: generation {after}"
        ),
    )?;
    let exchanges = exchanges(stage).await?;
    let same = |exchange: &Value| exchange["refresh_token_fingerprint"] == exchanges[0]["refresh_token_fingerprint"];
    check(exchanges.len() == 2 && exchanges.iter().all(same), "Webex saw the same token exchanged twice")?;
    let token = stage.hand_out("admin").await?.token;
    check(stage.accepted(&token).await, "and the grant is alive: nothing was lost")
}

/// The exchanges that had an effect at Webex.
async fn exchanges(stage: &Stage) -> Result<Vec<Value>, Failure> {
    let record = stage.control(Method::GET, "/record", None).await?;
    let all = record.as_array().cloned().unwrap_or_default();
    Ok(all.into_iter().filter(|call| call["grant_type"] == "refresh_token" && call["effect"] == true).collect())
}

async fn wait_for_exchange(stage: &Stage) -> Result<(), Failure> {
    for _ in 0..LOOKS {
        if !exchanges(stage).await?.is_empty() {
            return Ok(());
        }
        context::parts().sleep.sleep(APART).await;
    }
    Err(failed("the child never asked Webex for new tokens"))
}
