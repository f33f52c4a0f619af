//! A local Webex: OAuth with real pages, REST, faults, and a clock that can be moved.
