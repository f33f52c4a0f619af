//! The simulator over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod access;
mod authorizations;
mod bots;
mod control;
mod device;
mod device_grant;
mod faults;
mod guests;
mod licences;
mod limits;
mod lists;
mod openapi;
mod people;
mod people_life;
mod refresh;
mod rooms;
mod service_apps;
mod sign_in;
mod token_expiry;
mod world;
