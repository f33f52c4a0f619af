//! Registration for a meeting: the form, and the registrants.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use super::Meeting;

/// The registration form of a meeting: its required fields and its limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct Form {
    pub(crate) auto_accept_request: bool,
    require_first_name: bool,
    require_last_name: bool,
    require_email: bool,
    require_job_title: bool,
    require_company_name: bool,
    require_address1: bool,
    require_address2: bool,
    require_city: bool,
    require_state: bool,
    require_zip_code: bool,
    require_country_region: bool,
    require_work_phone: bool,
    require_fax: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_register_num: Option<usize>,
}

/// Whether a registrant may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    Approved,
    Pending,
    Rejected,
}

/// A person who has registered.
#[derive(Clone, Debug)]
pub(crate) struct Registrant {
    pub(crate) id: Uuid,
    pub(crate) status: Status,
    pub(crate) at: Timestamp,
    pub(crate) email: String,
    /// The answers under their wire names, the address among them.
    pub(crate) answers: Map<String, Value>,
}

/// Why a person is not registered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RegistrationError {
    /// In the words of live replies [C: `webexpythonsdk`].
    #[error("Registration is not supported for this meeting series.")]
    NotSupported,
    #[error("{0} is required.")]
    Missing(&'static str),
    #[error("The meeting has reached the maximum number of registrants.")]
    Full,
    #[error("{0} is registered already.")]
    Twice(String),
}

impl Form {
    /// This form as Webex keeps it: names and an address are always asked for (the reference's words).
    pub(crate) fn complete(self) -> Self {
        Self { require_first_name: true, require_last_name: true, require_email: true, ..self }
    }

    /// The questions, and whether they must be answered.
    fn questions(&self) -> [(&'static str, bool); 13] {
        [
            ("firstName", true),
            ("lastName", true),
            ("email", true),
            ("jobTitle", self.require_job_title),
            ("companyName", self.require_company_name),
            ("address1", self.require_address1),
            ("address2", self.require_address2),
            ("city", self.require_city),
            ("state", self.require_state),
            ("zipCode", self.require_zip_code),
            ("countryRegion", self.require_country_region),
            ("workPhone", self.require_work_phone),
            ("fax", self.require_fax),
        ]
    }
}

impl Meeting {
    /// Registers a person under a new id.
    pub(crate) fn register(
        &mut self,
        id: Uuid,
        said: &Map<String, Value>,
        at: Timestamp,
    ) -> Result<&Registrant, RegistrationError> {
        let form = self.form.as_ref().ok_or(RegistrationError::NotSupported)?;
        let mut answers = Map::new();
        for (question, required) in form.questions() {
            match said.get(question).filter(|answer| !answer.is_null() && *answer != "") {
                Some(answer) => {
                    answers.insert(question.to_owned(), answer.clone());
                }
                None if required => return Err(RegistrationError::Missing(question)),
                None => {}
            }
        }
        let email = answers["email"].as_str().and_then(super::super::address);
        let email = email.ok_or(RegistrationError::Missing("email"))?;
        if self.registrants.iter().any(|known| known.email == email) {
            return Err(RegistrationError::Twice(email));
        }
        if form.max_register_num.is_some_and(|most| self.registrants.iter().count() >= most) {
            return Err(RegistrationError::Full);
        }
        let status = if form.auto_accept_request { Status::Approved } else { Status::Pending };
        self.registrants.put(id, Registrant { id, status, at, email, answers });
        self.registrants.get(id).ok_or(RegistrationError::NotSupported)
    }
}
