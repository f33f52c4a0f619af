//! The table, alive: drawn again every second, while what falls due is renewed before the eyes.

use std::io::Write as _;
use std::time::Duration;

use tokio::sync::oneshot;

use super::stage::{Stage, check, say};
use crate::context;
use crate::exit::Failure;
use crate::output::style;

/// The credentials whose tokens end soon.
const SHORT_LIVED: [&str; 3] = ["admin", "fleet", "visitor"];

/// How many of the latest renewals stand under the table.
const MOST_NEWS: usize = 4;

/// Draws until the user presses Enter.
pub(super) async fn watch(stage: &Stage) -> Result<(), Failure> {
    let mut entered = enter();
    let (mut drawn, mut renewals) = (0, Vec::new());
    let mut before = generations(stage).await?;
    loop {
        for name in SHORT_LIVED {
            stage.hand_out(name).await?;
        }
        let now = generations(stage).await?;
        let names = SHORT_LIVED.iter().zip(before.iter().zip(&now));
        let renewed = names.filter(|(_, (before, now))| before != now);
        renewals.extend(renewed.map(|(name, (_, now))| format!("  {name} was renewed: generation {now}")));
        before = now;

        let mut lines: Vec<String> = stage.table().await?.lines().map(ToOwned::to_owned).collect();
        lines.push(String::new());
        let skipped = renewals.len().saturating_sub(MOST_NEWS);
        lines.extend(renewals.iter().skip(skipped).cloned());
        lines.push(format!("  tokens of {} s, renewed when a fifth of that is left.", stage.life.as_secs()));
        // A line of its own: a narrow terminal cuts long ones off.
        lines.push("  Press Enter to continue.".to_owned());
        drawn = draw(&lines, drawn);
        tokio::select! {
            _ = &mut entered => break,
            () = context::parts().sleep.sleep(Duration::from_secs(1)) => {}
        }
    }
    let token = stage.hand_out("admin").await?.token;
    check(stage.accepted(&token).await, "a program that asks gets a token that Webex accepts")
}

/// Waits until the tokens have ended, and shows that the next request gets another one.
pub(super) async fn pass(stage: &Stage) -> Result<(), Failure> {
    let first = stage.hand_out("admin").await?;
    context::parts().sleep.sleep(stage.life + Duration::from_millis(200)).await;
    stage.say_table().await?;
    let second = stage.hand_out("admin").await?;
    let (before, after) = (first.credential.generation.number(), second.credential.generation.number());
    check(after == before + 1, &format!("admin is renewed when a program asks: generation {before}, then {after}"))?;
    check(second.token.expose_secret() != first.token.expose_secret(), "it is another token")?;
    check(stage.accepted(&second.token).await, "and Webex accepts it")?;
    for name in ["fleet", "visitor"] {
        let token = stage.hand_out(name).await?.token;
        check(stage.accepted(&token).await, &format!("{name} too"))?;
    }
    stage.say_table().await
}

async fn generations(stage: &Stage) -> Result<Vec<u32>, Failure> {
    let mut all = Vec::with_capacity(SHORT_LIVED.len());
    for name in SHORT_LIVED {
        all.push(stage.show(name).await?.generation.number());
    }
    Ok(all)
}

/// Puts the lines in place of those that were drawn before. None of them wraps, so that their number is known.
fn draw(lines: &[String], before: usize) -> usize {
    const NO_WRAP: &str = "\x1b[?7l";
    const WRAP: &str = "\x1b[?7h";
    const CLEAR_BELOW: &str = "\x1b[J";
    let up = if before > 0 { format!("\x1b[{before}A\r") } else { String::new() };
    let text = format!("{NO_WRAP}{up}{CLEAR_BELOW}{}\n{WRAP}", style::for_stdout(lines.join("\n")));
    let mut out = std::io::stdout().lock();
    // A terminal that went away sends a signal; there is nobody to tell.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    lines.len()
}

/// Completes when a line is entered. On a thread of its own, which the end of the process need not wait for.
fn enter() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Where nothing can be read any more, nobody waits either.
        let _ = std::io::stdin().read_line(&mut line);
        let _ = sender.send(());
    });
    receiver
}

/// Says what the keyboard is for.
pub(super) fn introduce() {
    say("  Every program asks Lanyard for its token and none of them renews one.");
}
