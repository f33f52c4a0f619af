//! Scopes in words.

use lanyard_protocol::Scope;

use crate::issuer::is_administrative;

/// A scope as the consent page lists it.
pub(super) struct Permission {
    pub(super) scope: String,
    pub(super) words: String,
    /// Whether it reaches beyond the person's own things.
    pub(super) administrative: bool,
}

/// Says what a scope allows. One without a sentence here is taken apart by its own naming, `area:thing_verb`; one that does not
/// follow that naming is shown by its name alone.
pub(super) fn describe(scope: &Scope) -> Permission {
    let text = scope.as_str();
    let known = SENTENCES.iter().find(|(name, _)| *name == text);
    Permission {
        scope: text.to_owned(),
        words: known.map_or_else(|| spelled_out(text), |(_, sentence)| (*sentence).to_owned()),
        administrative: is_administrative(scope),
    }
}

fn spelled_out(scope: &str) -> String {
    let (area, rest) = scope.split_once(':').unwrap_or(("", scope));
    let rest = rest.strip_prefix("admin_").unwrap_or(rest);
    let (thing, verb) = match rest.rsplit_once('_') {
        Some((thing, "read")) => (thing, "See"),
        Some((thing, "write" | "rw")) => (thing, "Change"),
        _ => return format!("Use what the scope {scope} covers"),
    };
    let wide = matches!(area, "spark-admin" | "spark-compliance" | "identity" | "cjp" | "audit");
    let whose = if wide || scope.contains(":admin_") { "your organization's" } else { "your" };
    let reason = if area == "spark-compliance" { ", for compliance" } else { "" };
    let thing = thing.replace(['_', '-'], " ").replace("config", "settings").replace("cdr", "records");
    format!("{verb} {whose} {thing}{reason}")
}

const SENTENCES: [(&str, &str); 58] = [
    ("openid", "Know that it is you who signs in"),
    ("email", "See your email address"),
    ("profile", "See your name"),
    ("phone", "See your phone number"),
    ("address", "See your address"),
    ("spark:kms", "Read and write what is encrypted, such as messages"),
    ("guest-issuer:read", "See how many guests there are"),
    ("guest-issuer:write", "Create guests and act as them"),
    ("identity:one_time_password", "Create one-time passwords"),
    ("identity:placeonetimepassword_create", "Create one-time passwords for workspaces"),
    ("meeting:schedules_read", "See your meetings"),
    ("meeting:participants_read", "See who takes part in your meetings"),
    ("meeting:recordings_read", "See recordings of your meetings"),
    ("meeting:transcripts_read", "See transcripts of your meetings"),
    ("meeting:admin_schedule_read", "See every meeting of your organization"),
    ("meeting:admin_participants_read", "See who takes part in your organization's meetings"),
    ("meeting:admin_recordings_read", "See recordings of your organization's meetings"),
    ("meeting:recordings_write", "Change recordings of your meetings"),
    ("meeting:admin_recordings_write", "Change recordings of your organization's meetings"),
    ("meeting:admin_transcripts_read", "See transcripts of your organization's meetings"),
    ("spark:messages_read", "Read your messages"),
    ("spark:messages_write", "Send, change and delete messages for you"),
    ("spark-admin:telephony_config_read", "See your organization's calling settings"),
    ("spark-admin:telephony_config_write", "Change your organization's calling settings"),
    ("spark-admin:devices_write", "Change and remove devices of your organization"),
    ("spark-admin:workspaces_read", "See every workspace of your organization"),
    ("spark-admin:workspaces_write", "Add, change and remove workspaces of your organization"),
    ("Identity:Config", "Use the settings of your organization's identities"),
    ("Identity:Organization", "Use your organization's identity record"),
    ("Identity:contact", "Use your organization's contacts"),
    ("Identity:one_time_password", "Create one-time passwords of the identity service"),
    ("analytics:read_all", "See every report of your organization"),
    ("cjp:config", "Use the settings of your contact center"),
    ("cjp:config_read", "See the settings of your contact center"),
    ("cjp:config_write", "Change the settings of your contact center"),
    ("identity:contact:core", "Use the core of your organization's contacts"),
    ("identity:idbroker:authnconfig", "Use your organization's sign-in settings"),
    ("identity:idbroker:pwdpolicy", "Use your organization's password policy"),
    ("identity:organization:core", "Use the core of your organization's record"),
    ("spark-admin:device_read", "See each device of your organization"),
    ("spark-admin:organizations_write", "Change your organization's profile"),
    ("spark:people_write", "Change your own entry in the directory"),
    ("spark:webrtc_calling", "Make and answer calls in a browser for you"),
    ("spark:all", "Use everything in Webex that you can use"),
    ("spark:people_read", "See your company's directory"),
    ("spark:organizations_read", "See which organization you belong to"),
    ("spark-admin:organizations_read", "See your organization's profile"),
    ("spark:xapi_statuses", "Read the state of devices that you may control"),
    ("spark:xapi_commands", "Send commands to devices that you may control"),
    ("spark:devices_read", "See your devices"),
    ("spark:calls_read", "See your calls"),
    ("spark:calls_write", "Make, answer and end calls for you"),
    ("spark:applications_token", "Obtain tokens of service apps that you manage"),
    ("spark-admin:people_read", "See everyone in your organization, with administrative details"),
    ("spark-admin:people_write", "Add, change and remove people of your organization"),
    ("spark-admin:devices_read", "See every device of your organization"),
    ("identity:tokens_read", "See which tokens people of your organization have given to apps"),
    ("identity:tokens_write", "Revoke tokens that people of your organization have given to apps"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_without_a_sentence_is_spelled_out() {
        let words = |scope: &str| describe(&scope.parse().unwrap()).words;
        assert_eq!(words("spark:rooms_read"), "See your rooms");
        assert_eq!(words("spark-admin:workspace_metrics_read"), "See your organization's workspace metrics");
        assert_eq!(words("meeting:admin_schedule_write"), "Change your organization's schedule");
        assert_eq!(words("spark-compliance:rooms_read"), "See your organization's rooms, for compliance");
        assert_eq!(words("identity:groups_rw"), "Change your organization's groups");
        assert_eq!(words("new-area:thing"), "Use what the scope new-area:thing covers");
    }

    #[test]
    fn no_two_scopes_are_said_in_the_same_words() {
        let mut words = std::collections::BTreeMap::new();
        for scope in lanyard_protocol::registrable_scopes(lanyard_protocol::ScopeHolder::Integration).iter() {
            if let Some(other) = words.insert(describe(scope).words, scope.clone()) {
                panic!("{scope} and {other} have the same words");
            }
        }
    }
}
