//! Licences: what the organisation has, and what an administrator gives somebody of it.

use askama::Template;

use crate::routes::desk::{Frame, SignedIn};
use crate::routes::page::Page;
use crate::webex::Webex;
use crate::world::{Account, Directory, Licence, Units};

#[derive(Template)]
#[template(path = "hub/licenses.html")]
struct Licences {
    frame: Frame,
    licences: Vec<(String, Units)>,
}

/// A licence that somebody has.
pub(super) struct Held {
    pub(super) id: String,
    pub(super) name: String,
    /// Of one for calling: the number, the extension and the location.
    pub(super) line: String,
}

/// A licence that somebody could get.
pub(super) struct Offered {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) left: usize,
}

pub(super) async fn list(webex: Webex, person: SignedIn) -> Page {
    let state = webex.state();
    let licences = Licence::all().map(|licence| (name(licence), state.directory.units(person.home(), licence)));
    let licences = licences.collect();
    Page::new(&Licences { frame: Frame::hub(person, "/hub/licenses"), licences })
}

/// The licences that a person has.
pub(super) fn held(directory: &Directory, account: &Account) -> Vec<Held> {
    let line = |licence: Licence| {
        let calling = account.calling.as_ref().filter(|calling| calling.licence == licence);
        calling.map_or_else(String::new, |calling| {
            let extension = calling.extension.as_ref().map(|extension| format!("extension {extension}"));
            let place = directory.location(account.organisation, calling.location).map(|place| place.name.clone());
            [calling.number.clone(), extension, place].into_iter().flatten().collect::<Vec<_>>().join(", ")
        })
    };
    let held = account.licences.iter();
    held.map(|licence| Held { id: licence.id(account.organisation), name: name(licence), line: line(licence) })
        .collect()
}

/// The licences that a person does not have.
pub(super) fn offered(directory: &Directory, account: &Account) -> Vec<Offered> {
    let others = Licence::all().filter(|licence| !account.licences.has(*licence));
    others
        .map(|licence| {
            let units = directory.units(account.organisation, licence);
            let left = units.total.saturating_sub(units.consumed);
            Offered { id: licence.id(account.organisation), name: name(licence), left }
        })
        .collect()
}

/// Two subscriptions may sell the same licence.
fn name(licence: Licence) -> String {
    let namesakes = Licence::all().filter(|other| other.name() == licence.name()).count();
    if namesakes > 1 { format!("{} ({})", licence.name(), licence.subscription()) } else { licence.name().to_owned() }
}
