//! The pure domain: kinds, token sets, states, and the rotation protocol with its model test.
