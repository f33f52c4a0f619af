//! A little talk to begin with.

use jiff::Timestamp;
use lanyard_protocol::PersonType;
use lanyard_time::SeededEntropy;

use super::{Member, Mentions, Message, Named, Space, Spaces};
use crate::random;
use crate::world::Directory;

impl Spaces {
    /// One space, in which the administrator, two others and the bot of the first organisation are, and in which the bot is spoken to.
    pub(crate) fn furnish(&mut self, seed: u64, directory: &Directory) {
        // A sequence of their own, so that nothing else depends on them.
        let entropy = SeededEntropy::new(seed.rotate_left(48) ^ 0x7461_6c6b);
        let now = at_first();
        let admin = directory.administrator();
        let title = "Meeting rooms".to_owned();
        let space = Space::group(random::uuid(&entropy), title, admin.id, directory.id, now);
        let Ok(id) = self.create(space) else { return };
        let people = directory.listed_in(directory.id).filter(|account| account.signs_in).skip(1).take(2);
        let bot = directory.first_of(&PersonType::Bot);
        for account in people.chain(bot) {
            // Nobody is in a space yet, so there is room for everybody.
            let _ = self.join(id, Member { account: account.id, moderator: false, hidden: false, created: now });
        }
        let markdown = format!("<@personEmail:{}> how are the rooms?", bot.map_or("", |bot| bot.email.as_str()));
        let read = Mentions::read(&markdown, |who| {
            let account = directory.by_email(who)?;
            let id = account.webex_id().as_str().to_owned();
            Some(Named { account: account.id, name: account.display_name.clone(), id })
        });
        let mut message = Message::new(random::uuid(&entropy), id, admin.id, now);
        (message.text, message.html, message.mentioned) = (read.text, Some(read.html), read.accounts);
        message.markdown = Some(markdown);
        self.say(message);
    }
}

/// A moment as old as the simulator's world: in November 2023.
pub(super) fn at_first() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap_or(Timestamp::UNIX_EPOCH)
}
