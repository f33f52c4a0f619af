//! Where randomness comes from.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// A source of random bytes.
pub trait Entropy: Debug + Send + Sync {
    /// Fills the whole buffer.
    ///
    /// # Panics
    /// The system's source panics where the operating system gives no randomness: nothing secure can be done then.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the one door that randomness enters through")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system must give random numbers");
    }
}

/// Numbers that look random and repeat for the same seed (`SplitMix64`). For tests and for the simulator's made-up organisation;
/// never for a key, a token or a nonce.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// A sequence that depends on nothing but `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(entropy: &impl Entropy) -> [u8; 19] {
        let mut bytes = [0; 19];
        entropy.fill(&mut bytes);
        bytes
    }

    #[test]
    fn the_same_seed_repeats_and_another_differs() {
        assert_eq!(draw(&SeededEntropy::new(7)), draw(&SeededEntropy::new(7)));
        assert_ne!(draw(&SeededEntropy::new(7)), draw(&SeededEntropy::new(8)));
    }

    #[test]
    fn the_system_does_not_repeat_itself() {
        assert_ne!(draw(&SystemEntropy), draw(&SystemEntropy));
    }
}
