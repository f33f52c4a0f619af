//! A local Webex: OAuth with real pages, REST, faults, and a clock that can be moved.
//!
//! [`Simulator::start`] listens on a loopback port and answers as Webex does; its [`Description`] says where, and holds the
//! made-up accounts and secrets to use it with. Everything lives in memory and ends with the value.
//!
//! # Pages
//! Rendered here, without a script. The start page at `/` leads to both halves.
//!
//! | Where | What a person does there |
//! |---|---|
//! | [`Description::portal_url`] | the developer portal: makes bots, integrations and service apps, asks administrators for their authorisation, generates tokens, copies a personal one |
//! | [`Description::hub_url`] | Control Hub, for the administrator of an organisation: authorises and withdraws service apps, gives bots access to devices, blocks integrations, looks at people and licences |
//! | `/v1/authorize`, `/v1/device` | sign-in and consent, for an app and for another device |
//!
//! Both halves share one session of eight hours of the simulator's clock. A secret is shown once, on the page that makes it.
//!
//! # Signing in without a browser
//! The pages are plain forms; a program drives them in three steps, following no redirect on its own:
//! 1. `GET /v1/authorize?…`; the page holds a hidden field, `form`. For a device, `GET /v1/device?user_code=…` takes its place.
//! 2. `POST /v1/authorize/sign-in` with `form`, `email`, `password`; the next page holds another `form`. Every person of the
//!    organisation has the password that the description names for the administrator.
//! 3. `POST /v1/authorize/consent` with `form` and `decision` (`accept` or `deny`); a 302 leads to the app's redirect URI. For a
//!    device there is none: a page says how it ended.
//!
//! [`Person`] plays all three.
//!
//! # Workspace integrations
//! The control plane activates one and shows its client id, secret and activation code, a JSON Web Token that the keys at
//! `/xapi-a/jwks` verify. It refreshes with JSON at `/v1/access_token`, completes its activation with a PATCH of its `appUrl`, and reads
//! `queue.pollUrl`, which waits 20 seconds for messages: a device whose connection or errors have changed, health checks, actions.
//! Whether Webex pushes a lost connection, and how a health check that comes through a queue is answered, is not known.
//!
//! # Login with Webex (`OpenID` Connect)
//! With the scope `openid` (and `email`, `profile`) a token reply holds an `id_token`, signed by RS256 with a key that is published
//! in this crate and guards nothing. `/idb/.well-known/openid-configuration` leads to everything: the keys at `/v1/verification`,
//! the claims at `/v1/userinfo`. `prompt=none` answers without a page for who is signed in to the pages here and has consented.
//!
//! # What REST there is
//! People, licences, roles, locations and numbers, organisations and what a partner sees of them (`orgId`), devices with tags and
//! activation codes, workspaces and their metrics, the xAPI of room devices and of newer phones, rooms, memberships, messages,
//! webhooks, guests, authorizations, service apps' tokens, token expiry. Calls, meetings and recordings are empty lists. Scopes and
//! roles are asked for on every call. A webhook is delivered, signed, to targets on loopback alone; any other is kept and never
//! called. At most 10,000 messages are kept, the oldest forgotten first.
//!
//! # The control plane
//! JSON under [`Description::control_url`], with `Authorization: Bearer` and [`Description::control_key`]. It describes itself:
//! `GET /openapi.json` is an `OpenAPI` document of every call, field and unit. What there is:
//!
//! | Calls | What they do |
//! |---|---|
//! | `/faults` | script misbehaviour by path, method, count and chance: other replies, delays, cuts before and after the effect, spoilt and slow bodies |
//! | `/clock` | shows the time, moves it forward (`advance_ms`), lets it stand, run or run fast (`rate`) |
//! | `/workspace-integrations` | activates a workspace integration, and puts messages into its queue |
//! | `/devices`, `/devices/script`, `/devices/activate` | how every device is; what is to happen to them and when; one that comes |
//! | `/record` | the calls received and the replies sent |
//! | `/behaviour` | how the simulator behaves where Webex is not sure to behave one way |
//! | `/grants`, `/access_tokens` | what is alive; ends it, or makes it older |
//! | `/clients`, `/service-apps`, `/bots`, `/personal`, `/people`, `/workspaces`, `/organisations` | what people do on the pages, for programs |
//!
//! In `path` of a fault a trailing `*` stands for any ending. The first fault that fits a call decides alone.
//!
//! A record's entry tells whether the call had its `effect` and whether its reply was sent: `reply_sent` is true once the
//! operating system has taken the reply's last byte. A client that holds a whole reply always finds it so; one that was cut
//! off may never have read what was sent. Tokens appear as fingerprints, the first 12 hexadecimal digits of their SHA-256.

mod behaviour;
mod browsers;
mod deeds;
mod deliver;
mod description;
mod fault;
mod fingerprint;
mod form;
mod issuer;
mod limit;
mod mangle;
mod options;
mod person;
mod random;
mod record;
mod routes;
mod simulator;
mod webex;
mod wire;
mod world;

pub use description::{BotAccount, Description, IntegrationApp, OrganisationName, PersonalAccount, ServiceApp, SignIn};
pub use options::{Options, RefreshBehaviour, RefreshBehaviourError};
pub use person::{Lost, Next, Person};
pub use simulator::{Simulator, StartError};
