//! One run of the unit that reads statuses: as many devices as the budget allows, the one that was asked the longest ago first.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use lanyard_client::{ApiClient, ApiError, CallError, CallOptions};
use lanyard_credential::Credential;
use lanyard_operation::Problem;
use lanyard_protocol::{DeviceId, Scope, XapiAnswer, XapiName};
use lanyard_store::StoreError;
use lanyard_time::Moment;
use lanyard_work::{CredentialSource, JobContext};
use serde_json::Value;

use super::answer::statuses;
use super::names::names_of;
use super::stored::{self, Asked, Due, LEARNED, Unsupported};
use crate::outcome::called;
use crate::seen;
use crate::statuses::Statuses;
use crate::watch::{LONGEST_INTERVAL, StoredWatch, credential_of};

/// The kind of the unit. Its key is the id of the watch.
pub(crate) const UNIT: &str = "devices.readings";

/// The scope that a credential needs, unless it is a bot's.
const SCOPE: &str = "spark:xapi_statuses";

/// How long one run waits for the next while devices are due.
const BETWEEN: Duration = Duration::from_secs(15);
/// How long one waits after a run that ended because nothing could be read.
const AFTER_FAILURE: Duration = Duration::from_mins(5);
/// How many devices a run asks at most, and how many at the same time.
const MOST: usize = 25;
const AT_ONCE: usize = 4;
/// After so many calls that were not answered, or forbidden, a run ends: it is not the devices.
const MOST_FAILURES: usize = 4;
/// The longest answer that is read.
const LONGEST: usize = 1024 * 1024;

/// Whether a credential may read statuses, as far as its scopes are known; otherwise the reason.
pub(crate) fn may_read(credential: &Credential) -> Result<(), String> {
    let has = |scope: Result<Scope, _>| {
        scope.is_ok_and(|scope| credential.scopes.as_ref().is_none_or(|granted| granted.contains(&scope)))
    };
    if has(SCOPE.parse()) { Ok(()) } else { Err(format!("{} was not granted {SCOPE}", credential.name)) }
}

/// Whose limit the calls of a credential count against: Webex limits each account, through whichever token.
pub(super) fn subject_of(credential: &Credential) -> String {
    match credential.subject.known() {
        Some(subject) => format!("{} {}", credential.environment.id(), subject.id),
        None => credential.id.to_string(),
    }
}

/// Asks the devices of a watch that are due at `now`, as far as the budget goes, and writes what they answered. Returns how long the next run
/// waits.
pub async fn read_statuses(job: &JobContext, stored: &StoredWatch, now: Timestamp) -> Result<Duration, StoreError> {
    let StoredWatch { id, watch, .. } = stored;
    let Some(every) = watch.readings() else { return Ok(LONGEST_INTERVAL) };
    let credential = credential_of(&job.store, watch.credential).await?;
    let Some(credential) = credential.filter(|credential| may_read(credential).is_ok()) else { return Ok(every) };
    let (reading, _) = seen::reading_of(&job.store, id).await?;
    if reading.blind.is_some() {
        // Whether devices are up comes first; until that can be read, no call is spent on anything else.
        return Ok(watch.interval().max(BETWEEN));
    }
    let before = now - SignedDuration::try_from(every).unwrap_or(SignedDuration::ZERO);
    let due = stored::due(&job.store, id, (before, now), MOST).await?;
    let unsupported = stored::unsupported(&job.store, now).await?;
    let (silent, mut due): (Vec<_>, Vec<_>) =
        due.into_iter().map(|due| (names(&due, &unsupported), due)).partition(|(names, _)| names.is_empty());
    let silent: Vec<Asked> = silent.into_iter().map(|(_, due)| refused(&due, NO_XAPI, false)).collect();
    let subject = subject_of(&credential);
    let taken = stored::with_budget(&job.store, &subject, now, |budget| budget.take(due.len(), now)).await?;
    due.truncate(taken);
    let mut run = Run { asked: silent, learned: Vec::new(), failures: 0, limited: None, ended: false };
    let calls = Calls { job, client: job.client(&credential), subject: &subject, begun: (job.clock.now(), now) };
    let mut answers = futures_util::stream::iter(due)
        .map(|(names, due)| {
            let calls = &calls;
            async move { (calls.ask(&due, &names).await, due) }
        })
        .buffer_unordered(AT_ONCE);
    while let Some((answer, due)) = answers.next().await {
        run.take_in(answer?, &due);
        if run.ended {
            break;
        }
    }
    drop(answers);
    let at = calls.now();
    if let Some(limited) = run.limited {
        stored::with_budget(&job.store, &subject, at, |budget| match limited {
            Limited::Now(wait) => budget.lower(wait, at),
            Limited::Before(wait) => budget.hold(Some(wait), at),
        })
        .await?;
    }
    run.ask_again();
    if !run.asked.is_empty() {
        stored::put(&job.store, id, (&run.asked, &run.learned), at).await?;
    }
    let wait = next(job, id, every, (&subject, at)).await?;
    let has_failed = run.ended && run.limited.is_none();
    Ok(if has_failed { wait.max(AFTER_FAILURE.min(every)) } else { wait })
}

/// How long the next run waits.
async fn next(
    job: &JobContext,
    watch: &str,
    every: Duration,
    (subject, now): (&str, Timestamp),
) -> Result<Duration, StoreError> {
    let interval = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    let online = stored::online_in(&job.store, watch, now).await?;
    let left = match online.oldest {
        _ if online.unasked > 0 || online.ahead > 0 => SignedDuration::ZERO,
        Some(oldest) => (interval - now.duration_since(oldest)).clamp(SignedDuration::ZERO, interval),
        // No device is online; the unit is woken when one is.
        None => interval,
    };
    let pause = stored::budget(&job.store, subject, now).await?.pause(now).unwrap_or_default();
    Ok(Duration::try_from(left.max(pause)).unwrap_or_default().max(BETWEEN))
}

/// The names that a device is asked for.
fn names(due: &Due, unsupported: &HashSet<Unsupported>) -> Vec<XapiName> {
    let mut names = names_of(&due.product);
    names.retain(|name| !unsupported.contains(&(due.product.clone(), due.software.clone(), name.as_str().to_owned())));
    names
}

fn refused(due: &Due, reason: &str, probed: bool) -> Asked {
    let answer = Err(reason.chars().take(LONGEST_REASON).collect());
    Asked { device: due.device.clone(), answer, probed, of: product_of(due) }
}

fn product_of(due: &Due) -> (String, String) {
    (due.product.clone(), due.software.clone())
}

/// How Webex limits the calls of an account.
#[derive(Clone, Copy, Debug)]
enum Limited {
    /// By the answer to this call.
    Now(Option<Duration>),
    /// By an answer to an earlier one, so that this one was not sent.
    Before(Duration),
}

/// What came of asking one device.
#[derive(Debug)]
enum Answer {
    Statuses {
        statuses: Box<Statuses>,
        unsupported: Vec<String>,
        probed: bool,
    },
    /// It did not answer, for a reason of its own.
    Refused {
        reason: String,
        probed: bool,
    },
    /// No answer came, or the account may not ask.
    Failed(String),
    Limited(Limited),
    /// The credential cannot be used.
    Ended,
}

/// What came of a run so far.
struct Run {
    asked: Vec<Asked>,
    learned: Vec<Unsupported>,
    failures: usize,
    limited: Option<Limited>,
    /// Whether no further device is asked. Those that were not asked remain the first.
    ended: bool,
}

impl Run {
    fn take_in(&mut self, answer: Answer, due: &Due) {
        match answer {
            Answer::Statuses { statuses, unsupported, probed } => {
                let of = |name| (due.product.clone(), due.software.clone(), name);
                self.learned.extend(unsupported.into_iter().map(of));
                let (device, answer, of) = (due.device.clone(), Ok(*statuses), product_of(due));
                self.asked.push(Asked { device, answer, probed, of });
            }
            Answer::Refused { reason, probed } => self.asked.push(refused(due, &reason, probed)),
            Answer::Failed(reason) => {
                self.failures += 1;
                self.ended = self.failures >= MOST_FAILURES;
                self.asked.push(refused(due, &reason, false));
            }
            Answer::Limited(limited) => {
                self.limited = Some(limited);
                self.ended = true;
            }
            Answer::Ended => self.ended = true,
        }
    }
}

impl Run {
    /// Leaves the devices due that were refused before it was learned what their product does not support.
    fn ask_again(&mut self) {
        let Self { asked, learned, .. } = self;
        let is_learned = |(product, software): &(String, String)| {
            learned.iter().any(|(of, version, _)| of == product && version == software)
        };
        asked.retain(|asked| asked.answer.is_ok() || asked.probed || !is_learned(&asked.of));
    }
}

struct Calls<'a> {
    job: &'a JobContext,
    client: ApiClient<'a, CredentialSource>,
    subject: &'a str,
    /// When the run began, by this process's clock and by the store's.
    begun: (Moment, Timestamp),
}

impl Calls<'_> {
    /// The present moment, by the store's clock.
    fn now(&self) -> Timestamp {
        let (begun, at) = &self.begun;
        at.checked_add(self.job.clock.now().since(begun)).unwrap_or(*at)
    }

    /// Asks a device. If Webex refuses the call, a name may be the reason: then each is asked for alone, as far as the budget goes.
    async fn ask(&self, due: &Due, names: &[XapiName]) -> Result<Answer, StoreError> {
        let error = match self.read(due, names).await {
            Ok(tree) => return Ok(read(&[tree], Vec::new(), false)),
            Err(error) => error,
        };
        let now = self.now();
        let was_probed = due.probed_at.is_some_and(|at| now.duration_since(at).abs() < LEARNED);
        if !is_bad_request(&error) || names.len() < 2 || was_probed {
            return Ok(judge(error));
        }
        let taken = stored::with_budget(&self.job.store, self.subject, now, |budget| {
            let mut tried = *budget;
            let is_enough = tried.take(names.len(), now) == names.len();
            if is_enough {
                *budget = tried;
            }
            is_enough
        });
        if !taken.await? {
            return Ok(judge(error));
        }
        let (mut trees, mut unsupported) = (Vec::new(), Vec::new());
        for name in names {
            match self.read(due, std::slice::from_ref(name)).await {
                Ok(tree) => trees.push(tree),
                Err(error) if is_bad_request(&error) => unsupported.push(name.as_str().to_owned()),
                Err(error) => return Ok(judge(error)),
            }
        }
        if trees.is_empty() {
            // It is the device that does not answer, and not the names.
            return Ok(Answer::Refused { reason: called(error).detail(), probed: true });
        }
        Ok(read(&trees, unsupported, true))
    }

    async fn read(&self, due: &Due, names: &[XapiName]) -> Result<Value, ApiError<Problem>> {
        let device = DeviceId::new(due.device.as_str());
        let options = CallOptions { longest: LONGEST, ..CallOptions::once() };
        let request = |environment: &_| XapiAnswer::status(environment, &device, names);
        let answer: XapiAnswer = self.client.resource(request, &options).await?;
        Ok(answer.result)
    }
}

/// The statuses in answers to parts of the question.
fn read(trees: &[Value], unsupported: Vec<String>, probed: bool) -> Answer {
    let mut all = Statuses::default();
    for found in trees.iter().map(statuses) {
        all = Statuses {
            standby: all.standby.or(found.standby),
            calls: all.calls.or(found.calls),
            people: all.people.or(found.people),
            volume: all.volume.or(found.volume),
            temperature: all.temperature.or(found.temperature),
            humidity: all.humidity.or(found.humidity),
            air_quality: all.air_quality.or(found.air_quality),
            peripherals: all.peripherals.or(found.peripherals),
            network: match (all.network, found.network) {
                (Some(mut all), Some(found)) => {
                    all.interface = all.interface.or(found.interface);
                    all.address = all.address.or(found.address);
                    Some(all)
                }
                (all, found) => all.or(found),
            },
        };
    }
    Answer::Statuses { statuses: Box::new(all), unsupported, probed }
}

fn is_bad_request(error: &ApiError<Problem>) -> bool {
    matches!(error, ApiError::Call(CallError::Resource(error)) if error.status().is_some_and(|status| status.as_u16() == 400))
}

fn judge(error: ApiError<Problem>) -> Answer {
    match &error {
        ApiError::NoToken(_) => Answer::Ended,
        ApiError::Call(error) if error.is_unauthorized() => Answer::Ended,
        ApiError::Call(CallError::Limited(wait)) => Answer::Limited(Limited::Before(*wait)),
        ApiError::Call(error) if error.is_limited() => Answer::Limited(Limited::Now(error.retry_after())),
        ApiError::Call(CallError::Send(_)) => Answer::Failed(called(error).detail()),
        ApiError::Call(CallError::Resource(refusal))
            if refusal.status().is_some_and(|status| status.as_u16() == 403) =>
        {
            Answer::Failed(called(error).detail())
        }
        ApiError::Call(_) => Answer::Refused { reason: called(error).detail(), probed: false },
    }
}

/// How many characters of a reason are kept.
const LONGEST_REASON: usize = 300;
const NO_XAPI: &str = "the product has no xAPI, or Webex supports none of the statuses";

#[cfg(test)]
mod tests {
    use lanyard_credential::Kind;
    use lanyard_protocol::Environment;

    use super::*;

    #[test]
    fn a_credential_reads_statuses_unless_it_is_known_to_lack_the_scope() {
        let of = |kind, scopes: Option<&str>| {
            let mut found = lanyard_testkit::credential("mine", kind, &Environment::commercial());
            found.scopes = scopes.map(|scopes| scopes.parse().unwrap());
            may_read(&found)
        };
        assert_eq!(of(Kind::Bot, None), Ok(()));
        assert_eq!(of(Kind::Integration, Some("spark-admin:devices_read spark:xapi_statuses")), Ok(()));
        let reason = "mine was not granted spark:xapi_statuses".to_owned();
        assert_eq!(of(Kind::Integration, Some("spark-admin:devices_read")), Err(reason));
    }

    #[test]
    fn devices_that_were_refused_before_something_was_learned_stay_due() {
        let due = |device: &str, software: &str| Due {
            device: device.to_owned(),
            product: "Room Kit".to_owned(),
            software: software.to_owned(),
            probed_at: None,
        };
        let mut run = Run { asked: Vec::new(), learned: Vec::new(), failures: 0, limited: None, ended: false };
        for (device, software) in [("a", "1"), ("b", "1"), ("c", "2")] {
            let reason = "400".to_owned();
            run.take_in(Answer::Refused { reason, probed: false }, &due(device, software));
        }
        let unsupported = vec!["Audio.Volume".to_owned()];
        run.take_in(Answer::Statuses { statuses: Box::default(), unsupported, probed: true }, &due("d", "1"));
        run.ask_again();
        let asked: Vec<_> = run.asked.iter().map(|asked| asked.device.as_str()).collect();
        assert_eq!(asked, ["c", "d"]);
        assert_eq!(run.learned, [("Room Kit".to_owned(), "1".to_owned(), "Audio.Volume".to_owned())]);
    }

    #[test]
    fn a_run_ends_when_several_calls_bring_nothing() {
        let due = Due { device: "a".to_owned(), product: String::new(), software: String::new(), probed_at: None };
        let mut run = Run { asked: Vec::new(), learned: Vec::new(), failures: 0, limited: None, ended: false };
        for number in 1..=MOST_FAILURES {
            assert!(!run.ended);
            run.take_in(Answer::Failed("no answer".to_owned()), &due);
            assert_eq!(run.asked.len(), number, "it goes to the end of the line");
        }
        assert!(run.ended);
    }
}
