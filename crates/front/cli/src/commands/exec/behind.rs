//! `lanyard exec --proxy`: a program that calls Webex through us.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, ExitStatus};

use futures_util::future::FusedFuture as _;
use lanyard_broker::CheckCalls;
use lanyard_credential::CredentialName;
use lanyard_server::{Passage, Way};
use rustix::process::Pid;

use super::forward::Forwarding;
use super::{not_run, without_ours};
use crate::access::Access;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::{hardening, output, signals};

/// Where the program finds the proxy.
const BASE_URL: &str = "WEBEX_BASE_URL";
/// Where it finds the key, in place of a token.
const KEY: &str = "WEBEX_ACCESS_TOKEN";

/// Runs the program to its end, and the proxy for as long. Gives the program's exit code.
pub(super) async fn run(
    access: Access,
    name: CredentialName,
    means: String,
    program: &OsStr,
    arguments: &[OsString],
    common: &Common,
) -> Result<ExitCode, Failure> {
    // A wrong name, a paused home, or a credential without a token is an error before anything is started.
    access.perform(CheckCalls { name: name.clone() }).await?;
    let way = match &access {
        Access::Local(broker) => Way::Here(broker.clone()),
        Access::Remote(owner) => Way::Broker(owner.socket().to_owned()),
    };
    let passage = Passage::open(way, name, means, &*context::parts().entropy)
        .await
        .map_err(Failure::io("cannot listen on a loopback port"))?;
    let mut command = Command::new(program);
    command.args(arguments).env(KEY, passage.key().expose_secret()).env(BASE_URL, passage.base_url());
    without_ours(&mut command);
    let ended = supervise(command, passage.serve()).await?;
    if ended.is_ok()
        && let Err(error) = passage.finish().await
    {
        output::note(&format!("warning: the last calls are missing from the audit: {error}"));
    }
    Ok(ended.unwrap_or_else(|error| not_run(program, error, common)))
}

/// Runs a program until it exits, with `beside` alongside it, and forwards signals to it. Returns the program's exit code, or the
/// reason why it could not be started.
pub(crate) async fn supervise(
    command: Command,
    beside: impl Future<Output = ()>,
) -> Result<Result<ExitCode, std::io::Error>, Failure> {
    // Before the program starts: a signal that arrives in between must not end this process and orphan the program.
    signals::hand_over();
    signals::unless_stopping().await;
    let mut forwarding = Forwarding::begin()?;
    hardening::restore_core_limit();
    let spawned = tokio::process::Command::from(command).spawn();
    hardening::no_core_dumps();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Ok(Err(error)),
    };
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut beside = std::pin::pin!(futures_util::FutureExt::fuse(beside));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = &mut beside, if !beside.is_terminated() => {}
            signal = forwarding.next() => forwarding.forward(signal, pid),
        }
    };
    let status = status.map_err(Failure::io("the program cannot be waited for"))?;
    Ok(Ok(code(status)))
}

/// The program's code, or 128 and the number of the signal that ended it, as a shell has it.
fn code(status: ExitStatus) -> ExitCode {
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(number & 0xff).unwrap_or(1))
}
