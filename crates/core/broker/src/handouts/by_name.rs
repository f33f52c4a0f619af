//! Where held tokens stand, found by name without a lock.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_store::HeldToken;

use super::names::Names;

/// Many small maps instead of a large one: to add a name copies one of them, while its readers go on with the old.
const PARTS: usize = 256;

type Part = HashMap<CredentialName, Arc<HeldToken>>;

/// All held tokens by the names of their credentials.
pub(super) struct ByName {
    parts: Box<[ArcSwap<Part>]>,
    hasher: RandomState,
    /// Under which name a credential stands; for those who change.
    names: Mutex<HashMap<CredentialId, CredentialName>>,
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByName({})", self.len())
    }
}

impl Default for ByName {
    fn default() -> Self {
        let parts = (0..PARTS).map(|_| ArcSwap::default()).collect();
        Self { parts, hasher: RandomState::new(), names: Mutex::default() }
    }
}

impl ByName {
    pub(super) fn find(&self, name: &str) -> Option<Arc<HeldToken>> {
        self.part(name).load().get(name).map(Arc::clone)
    }

    pub(super) fn find_by_id(&self, id: CredentialId) -> Option<Arc<HeldToken>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        self.find(names.get(&id)?.as_str())
    }

    /// Calls `look` with each held token. Changes in the meantime may or may not be seen.
    pub(super) fn for_each(&self, mut look: impl FnMut(&HeldToken)) {
        for part in &self.parts {
            for token in part.load_full().values() {
                look(token);
            }
        }
    }

    pub(super) fn names(&self, limit: usize) -> Names {
        Names::among(self.names.lock().unwrap_or_else(PoisonError::into_inner).values(), limit)
    }

    pub(super) fn len(&self) -> usize {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Puts these in place of everything.
    pub(super) fn fill(&self, tokens: Vec<HeldToken>) {
        let mut parts: Vec<Part> = (0..PARTS).map(|_| Part::with_capacity(tokens.len() / PARTS + 1)).collect();
        let mut names = HashMap::with_capacity(tokens.len());
        for token in tokens {
            let name = token.name.clone();
            names.insert(token.id, name.clone());
            parts[self.number(name.as_str())].insert(name, Arc::new(token));
        }
        let mut held = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, part) in self.parts.iter().zip(parts) {
            place.store(Arc::new(part));
        }
        *held = names;
    }

    /// Adds the tokens whose credentials are neither present nor `touched`.
    pub(super) fn add(&self, tokens: Vec<HeldToken>, touched: &HashSet<CredentialId>) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts: Vec<Part> = self.parts.iter().map(|part| Part::clone(&part.load())).collect();
        for part in &mut parts {
            part.reserve(tokens.len() / PARTS + 1);
        }
        names.reserve(tokens.len());
        for token in tokens {
            if touched.contains(&token.id) || names.contains_key(&token.id) {
                continue;
            }
            let name = token.name.clone();
            names.insert(token.id, name.clone());
            parts[self.number(name.as_str())].insert(name, Arc::new(token));
        }
        for (place, part) in self.parts.iter().zip(parts) {
            place.store(Arc::new(part));
        }
    }

    /// Puts a token in place of the one that its credential had, under whichever name that was.
    pub(super) fn put(&self, token: HeldToken) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, name) = (token.id, token.name.clone());
        let token = Arc::new(token);
        self.part(name.as_str()).rcu(|part| {
            let mut part = Part::clone(part);
            part.insert(name.clone(), Arc::clone(&token));
            part
        });
        // The new name stands before the old one goes: nobody finds neither.
        let before = names.insert(id, name.clone());
        if let Some(before) = before.filter(|before| *before != name) {
            self.take_away(before.as_str(), id);
        }
    }

    pub(super) fn remove(&self, id: CredentialId) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names.remove(&id) {
            self.take_away(name.as_str(), id);
        }
    }

    /// Unless another credential stands there by now.
    fn take_away(&self, name: &str, id: CredentialId) {
        self.part(name).rcu(|part| {
            let mut part = Part::clone(part);
            if part.get(name).is_some_and(|token| token.id == id) {
                part.remove(name);
            }
            part
        });
    }

    fn part(&self, name: &str) -> &ArcSwap<Part> {
        &self.parts[self.number(name)]
    }

    fn number(&self, name: &str) -> usize {
        usize::try_from(self.hasher.hash_one(name)).unwrap_or_default() % PARTS
    }
}
