//! The simulator over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod access;
mod authorizations;
mod bots;
mod browser;
mod control;
mod control_document;
mod device;
mod device_grant;
mod faults;
mod fidelity;
mod fidelity_spaces;
mod guests;
mod hub;
mod licences;
mod limits;
mod lists;
mod lives;
mod locations;
mod meetings;
mod openapi;
mod openid;
mod people;
mod people_life;
mod portal;
mod refresh;
mod registrants;
mod rooms;
mod service_apps;
mod sessions;
mod sign_in;
mod spaces;
mod token_expiry;
mod webhooks;
mod world;
mod xapi;
