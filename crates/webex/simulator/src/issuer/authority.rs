//! The rights of a token.

use jiff::Timestamp;
use lanyard_protocol::{AppClientId, Scope, ScopeSet};
use uuid::Uuid;

use crate::world::Account;

/// Whom a token acts as, and its rights.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) account: Uuid,
    pub(crate) rights: Rights,
    pub(crate) client: Option<AppClientId>,
    pub(crate) expires_at: Timestamp,
}

/// The rights of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// A personal token: all that the person may.
    Person,
    /// A guest's token: little.
    Guest,
    /// A bot's token: what a bot may, which is nothing of an administrator's.
    Bot,
    /// An integration's: the scopes consented to, as far as the person may use them.
    Consented(ScopeSet),
    /// A service app's: the scopes that an administrator authorised.
    Authorised(ScopeSet),
}

impl Rights {
    /// Whether they cover `scope` when `account` acts. An administrator's scope in the hands of someone who is none helps nothing.
    pub(crate) fn cover(&self, scope: &Scope, account: &Account) -> bool {
        let within_role = account.administrator || !is_administrative(scope);
        match self {
            Self::Person => within_role,
            Self::Bot => !is_administrative(scope) && !NEVER_A_BOTS.contains(&scope.as_str()),
            Self::Guest => !is_administrative(scope) && GUEST_SCOPES.contains(&scope.as_str()),
            Self::Consented(scopes) => within_role && (scopes.contains(scope) || is_within_all(scopes, scope)),
            Self::Authorised(scopes) => scopes.contains(scope),
        }
    }
}

/// Whether `spark:all` is among the scopes and covers this one: everything of the person's own in Webex's messaging, which is what the
/// scope meant before there were others [C: Cisco's device-grant sample calls `/people/me` with it alone].
fn is_within_all(scopes: &ScopeSet, scope: &Scope) -> bool {
    let all = scopes.iter().any(|held| held.as_str() == "spark:all");
    all && scope.as_str().starts_with("spark:") && !BEYOND_ALL.contains(&scope.as_str())
}

/// The scopes that an app must ask for beside `spark:all`.
const BEYOND_ALL: [&str; 2] = ["spark:applications_token", "spark:kms"];

/// The scopes of a guest, as far as is simulated.
const GUEST_SCOPES: [&str; 3] = ["spark:people_read", "spark:rooms_read", "spark:messages_read"];

/// The scopes that integrations and people may have but bots may not, as far as is simulated.
const NEVER_A_BOTS: [&str; 3] = ["spark:applications_token", "spark:calls_read", "spark:calls_write"];

/// Whether a scope reaches beyond a person's own things.
pub(crate) fn is_administrative(scope: &Scope) -> bool {
    ["spark-admin:", "identity:", "spark-compliance:"].iter().any(|prefix| scope.as_str().starts_with(prefix))
        || scope.as_str().starts_with("meeting:admin_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Directory;

    #[test]
    fn a_scope_without_the_role_helps_nothing_except_a_service_app() {
        let directory = Directory::from_seed(1, 2);
        let person = directory.listed().nth(1).unwrap();
        let scope: Scope = "spark-admin:people_read".parse().unwrap();
        let scopes: ScopeSet = [scope.clone()].into_iter().collect();
        assert!(!Rights::Consented(scopes.clone()).cover(&scope, person));
        assert!(Rights::Consented(scopes.clone()).cover(&scope, directory.administrator()));
        assert!(Rights::Authorised(scopes).cover(&scope, person));
        assert!(!Rights::Person.cover(&scope, person));
        let all: ScopeSet = "spark:all".parse().unwrap();
        let people: Scope = "spark:people_read".parse().unwrap();
        assert!(Rights::Consented(all.clone()).cover(&people, person));
        assert!(
            !Rights::Consented(all).cover(&scope, directory.administrator()),
            "an administrator's scope is its own"
        );
        assert!(!Rights::Consented(ScopeSet::default()).cover(&scope, directory.administrator()));
    }
}
