//! The Webex wire as values: ids, scopes, requests out, responses in. No network, no clock.
