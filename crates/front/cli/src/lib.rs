//! Lanyard: keeps Cisco Webex credentials alive and hands the right token to the right program.
