//! Values that the work of a process keeps between its runs.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

type Value = Arc<dyn Any + Send + Sync>;

/// The values that jobs keep in memory while a process runs, one of each type. Clones share them. Losing one costs time and nothing else.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<HashMap<TypeId, Value>>>);

impl Memory {
    /// The value of a type, which is made when it is first asked for.
    pub fn of<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        // It is stored under its type.
        Arc::clone(value).downcast().unwrap_or_default()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn clones_share_one_value_of_each_type() {
        let memory = Memory::default();
        memory.clone().of::<AtomicU32>().store(7, Ordering::Relaxed);
        assert_eq!(memory.of::<AtomicU32>().load(Ordering::Relaxed), 7);
        assert_eq!(*memory.of::<u32>(), 0);
    }
}
