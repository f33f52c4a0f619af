//! nginx as a proxy that adds a token: the comparison for Lanyard's proxy.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::Server;

/// nginx, with one worker, in front of `host`. It listens on a Unix socket as the broker does, and keeps its connections. `None` if
/// it is not installed.
pub(crate) fn start(directory: &Path, host: &str, token: &str) -> Option<Server> {
    let is_installed =
        Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_ok_and(|ended| ended.success());
    if !is_installed {
        return None;
    }
    let socket = directory.join("nginx.sock");
    let (configuration, at) = (directory.join("nginx.conf"), directory.display());
    let text = format!(
        "daemon off; master_process off; worker_processes 1; pid {at}/nginx.pid; error_log {at}/nginx.log;
        events {{ worker_connections 512; }}
        http {{
            access_log off; keepalive_requests 100000000;
            client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
            uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
            upstream webex {{ server {host}; keepalive 64; keepalive_requests 100000000; }}
            server {{
                listen unix:{};
                location / {{
                    proxy_pass http://webex; proxy_http_version 1.1; proxy_set_header Connection \"\";
                    proxy_set_header Host {host}; proxy_set_header Authorization \"Bearer {token}\";
                }}
            }}
        }}",
        socket.display()
    );
    fs::write(&configuration, text).expect("a file is written");
    let mut command = Command::new("nginx");
    let server =
        Server::start(command.arg("-e").arg(directory.join("nginx.log")).arg("-c").arg(&configuration), socket);
    server.wait_until_it_answers();
    Some(server)
}
