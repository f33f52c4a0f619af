//! A credential's row, both ways, without its secrets.

use std::collections::{BTreeMap, HashMap};

use lanyard_credential::{
    Credential, Generation, Grant, Kind, Mint, Order, Organisation, RefreshRight, Standing, Subject, SubjectIdentity,
    Trouble, TroubleKind, Validity,
};
use lanyard_protocol::{Environment, OrgId, PersonId, PersonType};
use lanyard_time::{BootId, Moment};

use crate::engine::{MomentColumns, Row, Value};
use crate::sealed::CREDENTIALS;
use crate::{Store, StoreError};

/// The columns of a credential: all but the secrets and the seal.
macro_rules! credential_columns {
    () => {
        "id, name, kind, environment, app, standing, trouble_kind, trouble_message, trouble_wall, trouble_boot, \
         trouble_elapsed, trouble_failures, trouble_pause, grant_number, generation, obtained_wall, obtained_boot, \
         obtained_elapsed, access_lifetime, refresh_right, refresh_lifetime, scopes, subject_id, subject_account, \
         subject_name, subject_email, subject_unknown, organisation_id, organisation_name, created_at, last_rotated_at, \
         labels, mint_via, mint_organisation, mint_subject, mint_display_name"
    };
}
pub(crate) use credential_columns;

const OBTAINED: MomentColumns =
    MomentColumns { wall: "obtained_wall", boot: "obtained_boot", elapsed: "obtained_elapsed" };

const TROUBLE: MomentColumns = MomentColumns { wall: "trouble_wall", boot: "trouble_boot", elapsed: "trouble_elapsed" };

impl Store {
    /// Reads the columns of [`credential_columns`] and the seal. A row that was altered without Lanyard is an error.
    pub(crate) fn read_credential(&self, row: &Row) -> Result<Credential, StoreError> {
        self.read_credential_among(row, &mut Environments::default())
    }

    /// [`read_credential`](Self::read_credential) for one of many rows.
    pub(crate) fn read_credential_among(
        &self,
        row: &Row,
        environments: &mut Environments,
    ) -> Result<Credential, StoreError> {
        self.check_seal(&CREDENTIALS, row)?;
        read_unchecked(row, environments)
    }
}

/// The environments that were met so far. A hundred thousand credentials have one or two, and to parse an address takes longer
/// than to read the rest of the row.
#[derive(Default)]
pub(crate) struct Environments(HashMap<String, Environment>);

impl Environments {
    pub(crate) fn of(&mut self, row: &Row) -> Result<Environment, StoreError> {
        let id = row.str("environment")?;
        if let Some(known) = self.0.get(id) {
            return Ok(known.clone());
        }
        let environment = read_environment(row)?;
        self.0.insert(id.to_owned(), environment.clone());
        Ok(environment)
    }
}

/// Reads a row whose seal was checked, or is not to be believed.
pub(crate) fn read_unchecked(row: &Row, environments: &mut Environments) -> Result<Credential, StoreError> {
    Ok(Credential {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        kind: row.parsed::<Kind>("kind")?,
        environment: environments.of(row)?,
        app: row.optional_parsed("app")?,
        standing: read_standing(row)?,
        grant: Grant::new(row.counter("grant_number")?),
        generation: Generation::new(row.counter("generation")?),
        validity: read_validity(row)?,
        scopes: row.optional_parsed("scopes")?,
        subject: read_subject(row)?,
        organisation: row.optional_text("organisation_id")?.map(OrgId::new).map_or(Ok(None), |id| {
            let name = row.optional_text("organisation_name")?;
            Ok::<_, StoreError>(Some(Organisation { id, name }))
        })?,
        created_at: row.timestamp("created_at")?,
        last_rotated_at: row.optional_timestamp("last_rotated_at")?,
        labels: read_labels(row.str("labels")?),
        mint: read_mint(row)?,
    })
}

pub(crate) fn read_environment(row: &Row) -> Result<Environment, StoreError> {
    Environment::at(row.str("environment")?).map_err(|_| row.impossible("environment"))
}

pub(crate) fn read_standing(row: &Row) -> Result<Standing, StoreError> {
    Ok(match row.str("standing")? {
        "pending" => Standing::Pending,
        "active" => Standing::Active,
        "stalled" => Standing::Stalled(read_trouble(row)?),
        "needs-login" => Standing::NeedsLogin(read_trouble(row)?),
        "clearing" => Standing::Clearing,
        "disabled" => Standing::Disabled,
        _ => return Err(row.impossible("standing")),
    })
}

/// `Clearing`, `Disabled`, or `Active` for anything else, a word of a newer version included. What else the row says of its standing is
/// not read: a write that does not need it must not fail because of it.
pub(crate) fn read_closed(row: &Row) -> Standing {
    match row.str("standing") {
        Ok("clearing") => Standing::Clearing,
        Ok("disabled") => Standing::Disabled,
        _ => Standing::Active,
    }
}

/// `None`, and a line in the log, for a row that cannot be read: it concerns nothing but itself.
pub(crate) fn unless_unreadable<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(error) if error.is_of_one_row() => {
            tracing::warn!(%error, hint = error.hint(), "a row cannot be read and is left out");
            Ok(None)
        }
        read => read.map(Some),
    }
}

fn read_trouble(row: &Row) -> Result<Trouble, StoreError> {
    Ok(Trouble {
        at: row.moment(TROUBLE)?,
        kind: row.parsed::<TroubleKind>("trouble_kind")?,
        message: row.text("trouble_message")?,
        failures: row.counter("trouble_failures")?,
        pause: row.duration("trouble_pause")?,
    })
}

/// The values of `standing` and the seven `trouble_` columns, in the table's order.
pub(crate) fn standing_values(standing: &Standing) -> [Value; 8] {
    let word = match standing {
        Standing::Pending => "pending",
        Standing::Active => "active",
        Standing::Stalled(_) => "stalled",
        Standing::NeedsLogin(_) => "needs-login",
        Standing::Clearing => "clearing",
        Standing::Disabled => "disabled",
    };
    let trouble = standing.trouble();
    let [wall, boot, elapsed] = moment_values(trouble.map(|trouble| &trouble.at));
    [
        word.into(),
        trouble.map(|trouble| trouble.kind.as_str()).into(),
        trouble.map(|trouble| trouble.message.as_str()).into(),
        wall,
        boot,
        elapsed,
        trouble.map(|trouble| trouble.failures).into(),
        trouble.map(|trouble| trouble.pause).into(),
    ]
}

pub(crate) fn read_validity(row: &Row) -> Result<Option<Validity>, StoreError> {
    read_validity_with(row, |boot| BootId::new(boot))
}

/// [`read_validity`] for one of many rows, where the boots are few.
pub(crate) fn read_validity_with(row: &Row, boot: impl FnOnce(&str) -> BootId) -> Result<Option<Validity>, StoreError> {
    let Some(renewable) = row.optional_flag("refresh_right")? else {
        return Ok(None);
    };
    Ok(Some(Validity {
        obtained: row.moment_with(OBTAINED, boot)?,
        access: row.optional_duration("access_lifetime")?,
        refresh: if renewable {
            RefreshRight::Lasting(row.optional_duration("refresh_lifetime")?)
        } else {
            RefreshRight::None
        },
    }))
}

/// The values of the three `obtained_` columns, `access_lifetime`, `refresh_right` and `refresh_lifetime`.
pub(crate) fn validity_values(validity: Option<&Validity>) -> [Value; 6] {
    let [wall, boot, elapsed] = moment_values(validity.map(|validity| &validity.obtained));
    let (right, lifetime) = match validity.map(|validity| validity.refresh) {
        None => (None, None),
        Some(RefreshRight::None) => (Some(false), None),
        Some(RefreshRight::Lasting(lifetime)) => (Some(true), lifetime),
    };
    let access = validity.and_then(|validity| validity.access);
    [wall, boot, elapsed, access.into(), right.into(), lifetime.into()]
}

fn read_subject(row: &Row) -> Result<Subject, StoreError> {
    let Some(id) = row.optional_text("subject_id")? else {
        return row.text("subject_unknown").map(Subject::Unknown);
    };
    let account = match row.str("subject_account")? {
        "person" => PersonType::Person,
        "bot" => PersonType::Bot,
        "appuser" => PersonType::AppUser,
        "unknown" => PersonType::Unknown,
        _ => return Err(row.impossible("subject_account")),
    };
    Ok(Subject::Known(SubjectIdentity {
        id: PersonId::new(id),
        account,
        display_name: row.text("subject_name")?,
        email: row.optional_text("subject_email")?,
    }))
}

/// The values of the five `subject_` and the two `organisation_` columns.
pub(crate) fn identity_values(subject: &Subject, organisation: Option<&Organisation>) -> [Value; 7] {
    let known = subject.known();
    let unknown = match subject {
        Subject::Known(_) => None,
        Subject::Unknown(why) => Some(why.as_str()),
    };
    [
        known.map(|known| known.id.as_str()).into(),
        known.map(|known| known.account.as_str()).into(),
        known.map(|known| known.display_name.as_str()).into(),
        known.and_then(|known| known.email.as_deref()).into(),
        unknown.into(),
        organisation.map(|organisation| organisation.id.as_str()).into(),
        organisation.and_then(|organisation| organisation.name.as_deref()).into(),
    ]
}

/// Wall clock, boot, and the boot clock's nanoseconds.
fn moment_values(moment: Option<&Moment>) -> [Value; 3] {
    [
        moment.map(|moment| moment.wall).into(),
        moment.map(|moment| moment.boot.boot.as_str()).into(),
        moment.map_or(Value::Integer(None), |moment| nanoseconds(&moment.boot)),
    ]
}

/// The boot clock's reading within its boot.
pub(crate) fn nanoseconds(reading: &lanyard_time::BootTime) -> Value {
    Value::Integer(Some(i64::try_from(reading.elapsed.as_nanos()).unwrap_or(i64::MAX)))
}

fn read_mint(row: &Row) -> Result<Option<Mint>, StoreError> {
    let Some(via) = row.optional_parsed("mint_via")? else {
        return Ok(None);
    };
    let order = match (row.optional_text("mint_organisation")?, row.optional_parsed("mint_subject")?) {
        (Some(organisation), None) => Order::ServiceApp { organisation: OrgId::new(organisation) },
        (None, Some(subject)) => Order::Guest { subject, display_name: row.text("mint_display_name")? },
        _ => return Err(row.impossible("mint_organisation")),
    };
    Ok(Some(Mint { via, order }))
}

/// The values of the four `mint_` columns.
pub(crate) fn mint_values(mint: Option<&Mint>) -> [Value; 4] {
    let (organisation, subject, display_name) = match mint.map(|mint| &mint.order) {
        None => (None, None, None),
        Some(Order::ServiceApp { organisation }) => (Some(organisation.as_str()), None, None),
        Some(Order::Guest { subject, display_name }) => (None, Some(subject.as_str()), Some(display_name.as_str())),
    };
    [mint.map(|mint| mint.via.to_string()).into(), organisation.into(), subject.into(), display_name.into()]
}

pub(crate) fn read_labels(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// One text for all labels, as in a URL's query.
pub(crate) fn labels_text(labels: &BTreeMap<String, String>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(labels).finish()
}
