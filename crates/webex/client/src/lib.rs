//! A transport to Webex, and typed calls over it.
//!
//! The [`Transport`] moves one request and one response ([`send`](Transport::send)) and knows what may have happened when it
//! fails; a [`call`](Transport::call) repeats what is safe to repeat, within its caller's patience, and [`pages`](Transport::pages)
//! walk a list. A [`stream`](Transport::stream) holds neither body whole, for calls made on behalf of others. A request goes to its environment's own origins or nowhere; a redirect is never followed.

mod call;
mod clients;
mod coding;
mod device_grant;
mod error;
mod limits;
mod mint;
mod pages;
mod patience;
mod proxy_variables;
mod resource;
mod stream;
mod token;
mod transport;

pub use call::CallOptions;
pub use clients::SetupError;
pub use coding::ACCEPTED_CODINGS;
pub use device_grant::{DeviceBegun, DeviceError, DevicePolled};
pub use error::CallError;
pub use limits::SubjectKey;
pub use mint::{MintError, ObtainedGuest};
pub use pages::Pages;
pub use patience::Patience;
pub use proxy_variables::UnusableProxy;
pub use stream::{BoxError, Download, DownloadError, Outgoing, StreamError, Streamed, Upload};
pub use token::{ExchangeError, Obtained, RevocationError};
pub use transport::{Exchange, SendError, TrackingId, Transport};
