//! A broker, a store and a Webex for tests, in one line.
