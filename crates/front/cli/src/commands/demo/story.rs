//! The story, step by step; each ends only where what was promised was seen to hold.

use std::process::Stdio;

use lanyard_broker::{Clear, RevocationOutcome, Test, TestReport};
use lanyard_credential::{Job, State};
use lanyard_protocol::Method;
use serde_json::json;

use super::stage::{Stage, check, failed, named, say, step};
use super::{crash, kinds, live};
use crate::context;
use crate::exit::Failure;

pub(super) async fn tell(stage: &Stage, watched: bool) -> Result<(), Failure> {
    let webex = &stage.webex;
    step(&format!("A local Webex listens at {}", webex.base_url));
    say(&format!(
        "  organisation {}; its refresh tokens rotate, and access tokens last {} s",
        webex.organisation.name,
        stage.life.as_secs()
    ));

    // A guest's token has a life of its own at Webex; here it is to end with the others.
    let life = u64::try_from(stage.life.as_millis()).unwrap_or(u64::MAX);
    stage.control(Method::POST, "/behaviour", Some(json!({ "guest_token_ttl_ms": life }))).await?;

    step("One credential of each kind");
    kinds::integration(stage).await?;
    kinds::others(stage).await?;
    stage.say_table().await?;
    let now = context::parts().clock.now();
    let mut alive = 0;
    for name in ["admin", "lobby", "me", "fleet", "visitor"] {
        alive += usize::from(matches!(stage.show(name).await?.state(&now), State::Active | State::Expiring));
    }
    check(alive == 5, "all five work")?;

    step("The bot sees nothing until it is granted a workspace");
    bot(stage).await?;

    step("A program runs with a token in its environment, and sees nothing else of Lanyard");
    child(stage)?;

    if watched {
        step("Tokens expire, and are renewed before they do");
        live::introduce();
        live::watch(stage).await?;
    } else {
        step(&format!("{} s later the tokens have expired, and programs ask again", stage.life.as_secs()));
        live::pass(stage).await?;
    }

    step("A process is killed during a renewal");
    crash::kill_and_recover(stage).await?;

    step("A credential is cleared");
    clear(stage).await
}

async fn bot(stage: &Stage) -> Result<(), Failure> {
    let test = async || -> Result<TestReport, Failure> {
        let (name, against) = (named("lobby")?, Some(named("admin")?));
        let test = Test { name, jobs: vec![Job::Devices], against, expected: None };
        Ok(stage.broker.perform(test).await?)
    };
    let seen = |report: &TestReport| report.sight.as_ref().and_then(|sight| sight.devices);
    let report = test().await?;
    check(
        seen(&report) == Some(0),
        "its token is accepted, and its list of devices is empty: the most common mistake",
    )?;
    let coverage = report.coverage.ok_or_else(|| failed("the bot was compared with nothing"))?;
    let missing = coverage.not_granted.first().ok_or_else(|| failed("there is no workspace to grant"))?;
    check(
        coverage.granted == 0,
        "lanyard test lobby --for devices --against admin names every workspace that is missing:",
    )?;
    for room in coverage.not_granted.iter().take(3) {
        say(&format!("      {} ({} devices)", room.name, room.devices));
    }
    say(&format!("      … {} workspaces in all", coverage.not_granted.len()));
    let grant = json!({ "email": stage.webex.bot.email, "access": "full" });
    let id = &missing.id;
    stage.control(Method::POST, &format!("/workspaces/{id}/grants"), Some(grant)).await?;
    say(&format!("  an administrator adds the bot in Control Hub: Workspaces, {}, Device API access", missing.name));
    let report = test().await?;
    check(seen(&report) == Some(missing.devices), &format!("now it sees {} devices", missing.devices))
}

/// Runs this very binary as `lanyard exec`.
fn child(stage: &Stage) -> Result<(), Failure> {
    let script = "test -n \"$WEBEX_ACCESS_TOKEN\" && echo \"  a shell holds a token of ${#WEBEX_ACCESS_TOKEN} \
                  characters\" && ! env | grep -q ^LANYARD_";
    let mut command = stage.lanyard(&["exec", "admin", "--", "sh", "-c", script])?;
    let output = command.stderr(Stdio::inherit()).output().map_err(Failure::io("cannot run lanyard exec"))?;
    // Said here, not by the shell: a reader that went away would end it.
    say(String::from_utf8_lossy(&output.stdout).trim_end());
    check(output.status.success(), "lanyard exec admin -- sh -c … exited with 0")
}

async fn clear(stage: &Stage) -> Result<(), Failure> {
    let last = stage.hand_out("admin").await?;
    let cleared = stage.broker.perform(Clear { name: named("admin")?, expected: None }).await?;
    let revoked = |outcome: &RevocationOutcome| *outcome == RevocationOutcome::Revoked;
    let all = !cleared.revocations.is_empty() && cleared.revocations.iter().all(|one| revoked(&one.outcome));
    check(all, "Webex confirmed that its tokens are revoked")?;
    check(!stage.accepted(&last.token).await, "Webex rejects the last token")?;
    stage.say_table().await?;
    check(
        stage.table().await?.lines().all(|line| !line.starts_with("  admin ")),
        "and nothing of it is left in the home",
    )
}
