//! The names of the statuses that a product is asked for.

use lanyard_protocol::XapiName;

/// What kind of product it is, as far as its statuses are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// A room device. Its sensors are those of an attached Room Navigator.
    Room,
    /// A device with sensors of its own: Board, Desk.
    Sensing,
    /// A Room Navigator that stands alone: sensors, and neither camera nor calls.
    Panel,
    /// A desk phone with the xAPI.
    Phone,
    /// A device without the xAPI.
    None,
}

/// The statuses, by the families that have them. Names and shapes: roomos.cisco.com/xapi.
///
/// A branch (`Peripherals.ConnectedDevice`) counts as one name, and brings the sensors of an attached Room Navigator with it. People are
/// counted by a camera, so not by a panel.
const NAMES: [(&str, &[Family]); 10] = [
    ("Standby.State", &[Family::Room, Family::Sensing, Family::Panel]),
    // Counts calls of every kind, on room devices and phones.
    ("SystemUnit.State.NumberOfActiveCalls", &[Family::Room, Family::Sensing, Family::Phone]),
    // -1 while nothing is counted.
    ("RoomAnalytics.PeopleCount.Current", &[Family::Room, Family::Sensing]),
    ("Audio.Volume", &[Family::Room, Family::Sensing, Family::Phone]),
    ("RoomAnalytics.AmbientTemperature", &[Family::Sensing, Family::Panel]),
    ("RoomAnalytics.RelativeHumidity", &[Family::Sensing, Family::Panel]),
    // A text in some versions of the software: "2.1".
    ("RoomAnalytics.AirQuality.Index", &[Family::Panel]),
    ("Peripherals.ConnectedDevice", &[Family::Room, Family::Sensing]),
    ("Network[*].ActiveInterface", &[Family::Room, Family::Sensing, Family::Panel, Family::Phone]),
    ("Network[*].IPv4.Address", &[Family::Room, Family::Sensing, Family::Panel, Family::Phone]),
];

/// The desk phones that have the xAPI, from `PhoneOS` 3.5 on (developer.webex.com, xAPI).
const PHONE_OS: [&str; 5] = ["9841", "9851", "9861", "9871", "8875"];

/// The names that a product is asked for, in one call; none for a product without the xAPI. A product that is not known is asked as a room
/// device is.
pub(super) fn names_of(product: &str) -> Vec<XapiName> {
    let family = family(product);
    let names = NAMES.iter().filter(|(_, families)| families.contains(&family));
    names.map(|(name, _)| name.parse().expect("a name of the table")).collect()
}

fn family(product: &str) -> Family {
    let words: Vec<String> = product.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase).collect();
    let has = |word: &str| words.iter().any(|other| other == word);
    if PHONE_OS.iter().any(|model| has(model)) {
        return Family::Phone;
    }
    let is_model = |word: &String| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    if words.last().is_some_and(is_model) || has("ata") || has("dect") {
        return Family::None;
    }
    if has("navigator") {
        return Family::Panel;
    }
    if has("board") || has("desk") { Family::Sensing } else { Family::Room }
}

#[cfg(test)]
mod tests {
    use lanyard_protocol::XapiAnswer;

    use super::*;

    #[test]
    fn each_product_is_asked_in_one_call_for_what_it_has() {
        let cases = [
            ("Cisco Room Bar", Family::Room),
            ("Cisco Room Kit Pro", Family::Room),
            ("Cisco Board Pro 75", Family::Sensing),
            ("Cisco Desk Mini", Family::Sensing),
            ("Cisco Room Navigator", Family::Panel),
            ("Cisco 9871", Family::Phone),
            ("DMS Cisco 8845", Family::None),
            ("Something new", Family::Room),
            ("", Family::Room),
        ];
        for (product, expected) in cases {
            assert_eq!(family(product), expected, "{product}");
            let names = names_of(product);
            assert!(names.len() <= XapiAnswer::MOST_NAMES, "{product}");
            assert_eq!(names.is_empty(), expected == Family::None, "{product}");
        }
    }
}
