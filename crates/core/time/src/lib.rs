//! Time, waiting and randomness: the system's, and manual ones that tests move.
