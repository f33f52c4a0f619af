//! OAuth as Webex speaks it.
