//! The settings of a meeting that Webex only keeps, with the defaults of a site.

use serde_json::{Map, Value, json};

use super::Refusal;

/// The settings of a meeting about which nothing was said.
pub(super) fn defaults() -> Map<String, Value> {
    let Value::Object(settings) = json!({
        "enabledAutoRecordMeeting": false,
        "allowAnyUserToBeCoHost": false,
        "enabledJoinBeforeHost": false,
        "enableConnectAudioBeforeHost": false,
        "joinBeforeHostMinutes": 0,
        "excludePassword": false,
        "publicMeeting": false,
        "reminderTime": 15,
        "unlockedMeetingJoinSecurity": "allowJoin",
        "sessionTypeId": 3,
        "enableAutomaticLock": false,
        "automaticLockMinutes": 0,
        "allowFirstUserToBeCoHost": false,
        "allowAuthenticatedDevices": true,
        "enabledBreakoutSessions": false,
        "enabledAudioWatermark": false,
        "enabledVisualWatermark": false,
        "meetingOptions": {
            "enabledChat": true,
            "enabledVideo": true,
            "enabledPolling": false,
            "enabledNote": true,
            "noteType": "allowAll",
            "enabledFileTransfer": false,
            "enabledUCFRichMedia": false,
        },
        "attendeePrivileges": {
            "enabledShareContent": true,
            "enabledSaveDocument": false,
            "enabledPrintDocument": false,
            "enabledAnnotate": false,
            "enabledViewParticipantList": true,
            "enabledViewThumbnails": false,
            "enabledRemoteControl": true,
            "enabledViewAnyDocument": false,
            "enabledViewAnyPage": false,
            "enabledContactOperatorPrivately": false,
            "enabledChatHost": true,
            "enabledChatPresenter": true,
            "enabledChatOtherParticipants": true,
        },
        "audioConnectionOptions": {
            "audioConnectionType": "webexAudio",
            "enabledTollFreeCallIn": false,
            "enabledGlobalCallIn": true,
            "enabledAudienceCallBack": false,
            "entryAndExitTone": "noTone",
            "allowHostToUnmuteParticipants": false,
            "allowAttendeeToUnmuteSelf": true,
            "muteAttendeeUponEntry": false,
        },
    }) else {
        return Map::new();
    };
    settings
}

/// The words that a setting can hold.
const WORDS: [(&str, &[&str]); 4] = [
    ("unlockedMeetingJoinSecurity", &["allowJoin", "allowJoinWithLobby", "blockFromJoin"]),
    ("noteType", &["allowAll", "allowOne"]),
    ("audioConnectionType", &["webexAudio", "VoIP", "other", "none"]),
    ("entryAndExitTone", &["beep", "announceName", "noTone"]),
];

/// The most and the longest keys of an integration (the reference's words).
const MOST_TAGS: usize = 3;
const LONGEST_TAG: usize = 64;

/// Takes over what a call says of the settings; fields that are none are passed over, as Webex does.
pub(super) fn adopt(settings: &mut Map<String, Value>, said: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, known) in defaults() {
        if let Some(value) = said.get(&name).filter(|value| !value.is_null()) {
            take(settings.entry(&name).or_insert(known), value, &name)?;
        }
    }
    if let Some(tags) = said.get("integrationTags").filter(|tags| !tags.is_null()) {
        let short = |tag: &Value| tag.as_str().is_some_and(|tag| tag.chars().count() <= LONGEST_TAG);
        if !tags.as_array().is_some_and(|tags| tags.len() <= MOST_TAGS && tags.iter().all(short)) {
            let reason = format!("integrationTags has at most {MOST_TAGS} texts of {LONGEST_TAG} characters.");
            return Err(Refusal::Invalid(reason));
        }
        settings.insert("integrationTags".to_owned(), tags.clone());
    }
    match said.get("trackingCodes") {
        None => {}
        Some(Value::Null) => drop(settings.remove("trackingCodes")),
        Some(codes) => {
            let pair = |code: &Value| code["name"].is_string() && code["value"].is_string();
            if !codes.as_array().is_some_and(|codes| codes.iter().all(pair)) {
                return Err(Refusal::Invalid("trackingCodes is a list of names and values.".to_owned()));
            }
            settings.insert("trackingCodes".to_owned(), codes.clone());
        }
    }
    Ok(())
}

/// Puts a value in place of one of its own kind.
fn take(known: &mut Value, value: &Value, name: &str) -> Result<(), Refusal> {
    let fits = match (&*known, value) {
        (Value::Object(_), Value::Object(parts)) => {
            for (part, value) in parts.iter().filter(|(_, value)| !value.is_null()) {
                if let Some(known) = known.get_mut(part) {
                    take(known, value, part)?;
                }
            }
            return Ok(());
        }
        (Value::String(_), Value::String(word)) => {
            WORDS.iter().filter(|(setting, _)| *setting == name).all(|(_, words)| words.contains(&word.as_str()))
        }
        (Value::Bool(_), Value::Bool(_)) => true,
        (Value::Number(_), Value::Number(number)) => number.as_u64().is_some(),
        _ => false,
    };
    if !fits {
        return Err(Refusal::Invalid(format!("{value} is not a value of {name}.")));
    }
    *known = value.clone();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_keeps_its_kind_and_its_neighbours() {
        let mut settings = defaults();
        let said = json!({ "reminderTime": 5, "meetingOptions": { "enabledChat": false }, "unknown": 1, "publicMeeting": null });
        adopt(&mut settings, said.as_object().unwrap()).unwrap();
        assert_eq!(settings["reminderTime"], 5);
        assert_eq!(
            (&settings["meetingOptions"]["enabledChat"], &settings["meetingOptions"]["enabledVideo"]),
            (&json!(false), &json!(true))
        );
        assert!(!settings.contains_key("unknown"));
        for wrong in [
            json!({ "reminderTime": "soon" }),
            json!({ "reminderTime": -1 }),
            json!({ "publicMeeting": "yes" }),
            json!({ "meetingOptions": true }),
            json!({ "meetingOptions": { "noteType": "some" } }),
            json!({ "unlockedMeetingJoinSecurity": "maybe" }),
            json!({ "integrationTags": ["a", "b", "c", "d"] }),
            json!({ "trackingCodes": [{ "name": "x" }] }),
        ] {
            assert!(adopt(&mut settings.clone(), wrong.as_object().unwrap()).is_err(), "{wrong}");
        }
    }
}
