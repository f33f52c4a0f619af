//! A transport to Webex, and typed calls over it.
