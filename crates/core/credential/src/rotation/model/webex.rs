//! Webex in the model, and what is still within reach of the credential.

use super::Server;
use super::world::{Token, Worker, World};
use crate::rotation::Answer;

impl World {
    pub(super) fn carry_out(&mut self, server: Server, token: Token) -> Answer<Token> {
        let webex = &mut self.webex;
        match server {
            _ if webex.of_earlier & (1 << token) != 0 => match (webex.earlier == Some(token), server) {
                (false, _) => Answer::Dead,
                (true, Server::Keeps) => Answer::Granted(token),
                (true, _) => {
                    webex.newest += 1;
                    webex.of_earlier |= 1 << webex.newest;
                    webex.earlier = Some(webex.newest);
                    Answer::Granted(webex.newest)
                }
            },
            _ if webex.live.is_none() => Answer::Dead,
            Server::Keeps if webex.live == Some(token) => Answer::Granted(token),
            Server::Repeats if webex.repeated == Some(token) => webex.live.map_or(Answer::Dead, Answer::Granted),
            Server::Latest if webex.repeated == Some(token) => {
                webex.newest += 1;
                webex.live = Some(webex.newest);
                Answer::Granted(webex.newest)
            }
            Server::Repeats | Server::Strict | Server::Latest if webex.live == Some(token) => {
                webex.newest += 1;
                webex.repeated = (server != Server::Strict).then_some(token);
                webex.live = Some(webex.newest);
                Answer::Granted(webex.newest)
            }
            _ => Answer::Dead,
        }
    }

    /// An answer that nobody will write: the one way to lose a rotated grant.
    pub(super) fn nobody_hears(&mut self, answer: &Answer<Token>, sent: Option<Token>) {
        if let Answer::Granted(token) = answer
            && sent != Some(*token)
        {
            self.undelivered |= 1 << token;
        }
    }

    /// Every refresh token that a living process or the store can still use.
    pub(super) fn within_reach(&self, token: Token) -> bool {
        let held = |worker: &Worker| worker.run.as_ref().and_then(|run| run.state.reply()) == Some(&token);
        (self.row.token == token && !self.row.erased)
            || self.row.spare == Some(token)
            || self.workers.iter().any(held)
            || self.webex.replies.iter().any(|(to, answer)| self.is_current(*to) && *answer == Answer::Granted(token))
    }

    /// Whether the row says truly that its token was not spent: it has no intent, and is not called dead.
    pub(super) fn is_truly_unspent(&self) -> bool {
        let says_so = self.row.intent.is_none() && !self.row.was_dead && !self.row.erased;
        let at_work = self.workers.iter().any(|worker| worker.run.is_some());
        let row = |token| self.row.token == token || self.row.spare == Some(token);
        !says_so || at_work || self.webex.live.is_none_or(row) || self.webex.repeated.is_some_and(row)
    }

    /// Whether the grant can go on: its live token is available, or one that can still be exchanged for it.
    pub(super) fn is_safe(&self) -> bool {
        let Some(live) = self.webex.live.filter(|_| !self.row.erased) else { return true };
        self.within_reach(live) || self.webex.repeated.is_some_and(|token| self.within_reach(token))
    }
}
