//! Bots: made, looked at, and given another token.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lanyard_protocol::PersonType;

use super::owns;
use crate::deeds::BotError;
use crate::routes::desk::{Confirm, Frame, ShownOnce, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{ICONS, Page, Problem, icon_url};
use crate::webex::{State as Everything, Webex};
use crate::world::Account;

#[derive(Template)]
#[template(path = "portal/bot_new.html")]
struct NewBot<'a> {
    frame: Frame,
    name: &'a str,
    username: &'a str,
    /// The icon that is chosen, and all names and colours.
    icon: &'a str,
    icons: &'static [(&'static str, &'static str)],
    /// The field at fault, and what is wrong with it.
    problem: Option<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "portal/bot.html")]
struct Bot<'a> {
    frame: Frame,
    account: &'a Account,
    id: &'a str,
}

pub(super) async fn form(person: SignedIn) -> Page {
    Page::new(&NewBot { frame: new(person), name: "", username: "", icon: ICONS[0].0, icons: &ICONS, problem: None })
}

/// Form fields: `name`, `username`, `icon`.
pub(super) async fn create(webex: Webex, person: SignedIn, Fields(fields): Fields) -> Response {
    let (name, username) = (fields.get("name").unwrap_or_default(), fields.get("username").unwrap_or_default());
    let icon = fields.get("icon").unwrap_or(ICONS[0].0);
    let avatar = icon_url(webex.setting().origin(), icon);
    match webex.create_bot(Some(&person.account), name, Some(username), avatar) {
        Ok((bot, token)) => {
            let (path, id) = (format!("/portal/bots/{}", bot.email), bot.webex_id());
            let page = ShownOnce {
                frame: new(person),
                title: "Your bot is ready",
                warning: "Copy the token now and keep it safe: whoever has it acts as the bot. If it is lost, it can only be \
                          regenerated.",
                values: &[
                    ("Bot access token", token.expose_secret()),
                    ("Bot username", &bot.email),
                    ("Bot ID", id.as_str()),
                ],
                back: (&path, "Go to the bot"),
            };
            Page::scripted(&page).into_response()
        }
        Err(error) => {
            let field = if matches!(error, BotError::Nameless) { "name" } else { "username" };
            let problem = Some((field, error.to_string()));
            let page = NewBot { frame: new(person), name, username, icon, icons: &ICONS, problem };
            Page::new(&page).leading_to(StatusCode::BAD_REQUEST, "")
        }
    }
}

pub(super) async fn show(webex: Webex, person: SignedIn, Path(email): Path<String>) -> Result<Page, Problem> {
    let bot = own(&webex.state(), &person, &email)?;
    let id = bot.webex_id();
    Ok(Page::new(&Bot { frame: Frame::portal(person, "/portal"), account: &bot, id: id.as_str() }))
}

pub(super) async fn ask(webex: Webex, person: SignedIn, Path(email): Path<String>) -> Result<Page, Problem> {
    let bot = own(&webex.state(), &person, &email)?;
    let back = format!("/portal/bots/{}", bot.email);
    Ok(Page::new(&Confirm {
        frame: Frame::portal(person, "/portal"),
        title: &format!("Regenerate the token of {}?", bot.display_name),
        text: "The token that the bot has now stops working at once, in every program that holds it. The new one is shown once.",
        action: &format!("{back}/regenerate"),
        hidden: &[],
        button: "Yes, regenerate",
        back: &back,
    }))
}

pub(super) async fn regenerate(webex: Webex, person: SignedIn, Path(email): Path<String>) -> Result<Page, Problem> {
    let bot = own(&webex.state(), &person, &email)?;
    let token = webex.regenerate_bot(&bot.email).map_err(|_| Problem::nothing_here())?;
    let back = format!("/portal/bots/{}", bot.email);
    Ok(Page::scripted(&ShownOnce {
        frame: Frame::portal(person, "/portal"),
        title: "A new token",
        warning: "Copy it now. The old token is dead: put the new one into every program that used it.",
        values: &[("Bot access token", token.expose_secret())],
        back: (&back, "Back to the bot"),
    }))
}

fn new(person: SignedIn) -> Frame {
    Frame::portal(person, "/portal/bots/new")
}

fn own(state: &Everything, person: &SignedIn, email: &str) -> Result<Arc<Account>, Problem> {
    let bot = state.directory.by_email(email).filter(|account| account.kind == PersonType::Bot);
    let own = bot.filter(|bot| owns(state, person, state.issuer.owner_of(bot.id)));
    own.map(Arc::clone).ok_or_else(Problem::nothing_here)
}
