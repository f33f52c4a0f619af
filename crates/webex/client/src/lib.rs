//! A transport to Webex, and typed calls over it.
//!
//! The [`Transport`] moves one request and one response ([`send`](Transport::send)) and knows what may have happened when it
//! fails; a [`call`](Transport::call) repeats what is safe to repeat, within its caller's patience, and [`pages`](Transport::pages)
//! walk a list. An [`ApiClient`] does the same with the tokens of a [`TokenSource`], and repeats a call once if Webex refuses the
//! token. A [`stream`](Transport::stream) holds neither body whole, for calls made on behalf of others. A request goes to its environment's own origins or nowhere; a redirect is never followed.

mod api_client;
mod call;
mod call_counts;
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
mod token_source;
mod transport;

pub use api_client::{Answered, ApiClient, ApiError, ApiPages};
pub use call::CallOptions;
pub use call_counts::CountedCalls;
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
pub use token_source::{IssuedToken, TokenSource};
pub use transport::{Exchange, SendError, TrackingId, Transport};
