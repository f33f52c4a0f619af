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
//! # Login with Webex (`OpenID` Connect)
//! With the scope `openid` (and `email`, `profile`) a token reply holds an `id_token`, signed by RS256 with a key that is published
//! in this crate and guards nothing. `/idb/.well-known/openid-configuration` leads to everything: the keys at `/v1/verification`,
//! the claims at `/v1/userinfo`. `prompt=none` answers without a page for who is signed in to the pages here and has consented.
//!
//! # The control plane
//! JSON under [`Description::control_url`], with `Authorization: Bearer` and [`Description::control_key`]:
//!
//! | Call | What it does |
//! |---|---|
//! | `POST`, `GET`, `DELETE /faults` | scripts, lists or clears misbehaviour: `{path, method?, count?, after?, action}` |
//! | `GET`, `POST /clock` | shows the simulator's time, or moves it forward: `{advance_ms}` |
//! | `GET`, `DELETE /record` | lists or forgets the calls received and the replies sent |
//! | `GET /grants`, `POST /grants/revoke` | lists live grants, or ends some: `{client_id?, subject?, refresh_token_fingerprint?}` |
//! | `POST /access_tokens/revoke` | revokes access tokens and leaves their grants: `{client_id?, subject?}` |
//! | `GET`, `POST /behaviour` | shows or changes how the simulator behaves; it starts as [`Options`] says |
//! | `POST /clients`, `POST /clients/{id}/secret` | registers an integration, or replaces a client secret |
//! | `GET /organisations` | lists the organisations and their administrators, the first one first |
//! | `GET`, `POST /service-apps` | lists service apps, or registers one that nobody has authorised: `{name?, scopes}` |
//! | `POST /service-apps/{id}/authorise`, `…/withdraw` | what an administrator does in Control Hub: `{organisation_id?}` |
//! | `POST /bots`, `POST /bots/{email}/regenerate` | makes a bot (`{name}`), or a new token in place of its old one |
//! | `POST /personal` | gives a personal token, as the developer portal does: `{subject}`, an address |
//! | `POST /people/{email}/change-password` | ends what the person consented to, and their personal tokens |
//! | `GET /workspaces`, `POST /workspaces/{id}/grants` | lists workspaces, or grants a bot: `{email, access: read, full or null}` |
//!
//! In `path` of a fault a trailing `*` stands for any ending. `count` is how often it applies (1 when left out, `null` for
//! ever), `after` how many matching calls it lets pass first. `action` holds any of: `delay_ms` (before the effect),
//! `delay_after_ms` (between effect and reply), `headers`, and one of
//! - `status` and `body` (text or JSON, with `content_type`): this reply, and no effect;
//! - `cut`: `"before"` or `"after"` the effect the connection closes without a reply;
//! - `mangle`: `"empty"`, `"truncate"`, `"html"` or `"huge"` (10 MiB) spoils the reply; `merge`: `{field: value}` overrides
//!   fields of a successful JSON reply, and removes those given as `null`.
//!
//! `POST /behaviour` takes any of `refresh` (`keep`, `rotate`, `rotate-strict`), `repeat_window_ms`, `noop_refresh_window_ms` (0
//! for none), `access_token_ttl_ms`, `refresh_token_ttl_ms`, `dead_grant_status` (400 or 401), `dead_grant_error`
//! (`invalid_request` or `invalid_grant`), `scope_in_reply`, `revoke_refresh_tokens`, `empty_pages`, `double_tracking_id`,
//! `token_expiry_for` (`all`, `personal`, `none`), `guest_token_ttl_ms`, `device_pending` (`webex`, `rfc`), `device_interval_s`,
//! `bot_sees_workspaces` and `requests_per_minute` (0 for no limit); what is left out stays.
//!
//! A record's entry tells whether the call had its `effect` and whether its reply was sent: `reply_sent` is true once the
//! operating system has taken the reply's last byte. A client that holds a whole reply always finds it so; one that was cut
//! off may never have read what was sent. Tokens appear as fingerprints, the first 12 hexadecimal digits of their SHA-256.

mod behaviour;
mod deeds;
mod deliver;
mod description;
mod fault;
mod fingerprint;
mod issuer;
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
