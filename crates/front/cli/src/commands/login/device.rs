//! Signing in by code, with any other device.

use std::io::IsTerminal as _;

use lanyard_broker::{AwaitDevice, BeginDeviceSignIn, SignIn, SignedIn};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::access::Access;
use crate::exit::Failure;
use crate::output;

/// Shows the code and waits for the person who types it.
pub(super) async fn sign_in(broker: &Access, sign_in: SignIn) -> Result<SignedIn, Failure> {
    let device = broker.perform(BeginDeviceSignIn { sign_in }).await?;
    output::note("on any device, open this address and sign in to Webex:");
    output::address(device.page().expose());
    output::note(&format!("and type this code: {}", device.user_code()));
    if let Some(page) = device.page_with_code() {
        if std::io::stderr().is_terminal()
            && let Some(picture) = picture(page.expose().as_str())
        {
            for line in ["", "or scan this:", ""].into_iter().chain(picture.lines()) {
                output::note(line);
            }
        } else {
            output::note(&format!("or open this address, which holds the code: {}", page.expose()));
        }
    }
    match device.expires_in() {
        Some(time) => {
            let time = output::duration::words(time);
            output::note(&format!("waiting; the code is valid for {time} (Ctrl-C cancels)"));
        }
        None => output::note("waiting (Ctrl-C cancels)"),
    }
    Ok(broker.perform(AwaitDevice { device }).await?)
}

/// Half a line of text for each row of modules; dark on light whatever the terminal's colours, since light modules are drawn.
fn picture(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_square_and_framed() {
        let picture = picture("https://login.example/device?user_code=729703").expect("an address fits");
        let widths: Vec<_> = picture.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]) && widths.len() * 2 >= widths[0], "{picture}");
        // The frame is light: drawn as full blocks.
        assert!(picture.lines().next().is_some_and(|line| line.chars().all(|c| c == '\u{2588}')), "{picture}");
    }
}
