//! What every engine must do, told against [`lanyard_store::Store`]; and what only a home on a disk can show.

mod apps;
mod audit;
mod child;
mod clearing;
mod concurrency;
mod credentials;
mod home;
mod rotation;
mod secrecy;
mod world;
