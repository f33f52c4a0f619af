//! Examples of each command.

/// The examples of a command, by its words.
pub(crate) fn of(path: &str) -> Option<&'static [&'static str]> {
    EXAMPLES.iter().find(|(command, _)| *command == path).map(|(_, examples)| *examples)
}

const EXAMPLES: &[(&str, &[&str])] = &[
    ("setup", &["lanyard setup", "lanyard setup --device"]),
    (
        "app add",
        &[
            "lanyard app add desk --kind integration --for devices",
            "lanyard app add desk --kind integration --client-id C0123 \\\n      --redirect-uri http://localhost:7418/callback \
             --scope spark:people_read",
            "lanyard app add fleet --kind service-app --client-id C0123 --application-id Y2lz",
        ],
    ),
    ("app list", &["lanyard app list", "lanyard app list --json | jq -r '.[].name'"]),
    ("app show", &["lanyard app show desk"]),
    ("app set", &["lanyard app set desk --scope 'spark:people_read spark:rooms_read'"]),
    ("app remove", &["lanyard app remove desk --yes"]),
    ("app secret", &["lanyard app secret desk", "lanyard app secret desk --client-secret-file secret.txt"]),
    ("login", &["lanyard login acme --app desk", "lanyard login acme --app desk --device", "lanyard login acme"]),
    ("add bot", &["lanyard add bot lobby", "lanyard add bot lobby --token-file token.txt"]),
    ("add personal", &["lanyard add personal me"]),
    (
        "add service-app",
        &[
            "lanyard add service-app fleet --app fleet",
            "lanyard add service-app fleet --app fleet --via admin --target-org Y2lz",
        ],
    ),
    ("add guest", &["lanyard add guest visitor --via fleet --subject foyer-17 --display-name Visitor"]),
    ("import", &["lanyard import acme reply.json --app desk", "lanyard import --csv tokens.csv --app desk"]),
    ("list", &["lanyard list", "lanyard list --state needs-login", "lanyard list --label site=bern --json"]),
    ("show", &["lanyard show acme", "lanyard show acme --json | jq -r .state"]),
    (
        "test",
        &[
            "lanyard test acme --for calling",
            "lanyard test lobby --for devices --against admin",
            "lanyard test --detach",
        ],
    ),
    (
        "events",
        &["lanyard events", "lanyard events --since 1d --json | jq -r .data.summary", "lanyard events --follow"],
    ),
    (
        "channel add webhook",
        &[
            "lanyard channel add webhook ops https://hooks.example.com/lanyard",
            "lanyard channel add webhook ops @url.txt --secret-file secret.txt --severity warning",
        ],
    ),
    (
        "channel add alertmanager",
        &["lanyard channel add alertmanager oncall http://10.0.0.5:9093 --allow-private --alert-label site"],
    ),
    (
        "channel add json",
        &[
            "lanyard channel add json tickets https://acme.service-now.example/api/now/table/incident \\\n      --template incident.json --header Authorization=token.txt",
        ],
    ),
    ("channel add space", &["lanyard channel add space team Y2lzY29zcGFyazovL3VzL1JPT00v --credential lobby"]),
    (
        "channel add mail",
        &[
            "lanyard channel add mail rota --to uc@example.com --from lanyard@example.com \\\n      --server smtp://mail.example.com:587 --username lanyard --password-file password.txt",
        ],
    ),
    (
        "channel list",
        &["lanyard channel list", "lanyard channel list --json | jq -r '.[] | select(.state == \"failing\").name'"],
    ),
    ("channel show", &["lanyard channel show ops"]),
    ("channel test", &["lanyard channel test ops"]),
    ("channel pause", &["lanyard channel pause ops"]),
    ("channel resume", &["lanyard channel resume ops"]),
    ("channel remove", &["lanyard channel remove ops --yes"]),
    ("runs list", &["lanyard runs list", "lanyard runs list --json | jq -r '.[0].id'"]),
    ("runs show", &["lanyard runs show 0123456789abcdef0123456789abcdef"]),
    ("runs follow", &["lanyard runs follow 0123456789abcdef0123456789abcdef"]),
    ("runs cancel", &["lanyard runs cancel 0123456789abcdef0123456789abcdef"]),
    ("token", &["lanyard token acme", "lanyard token acme --min-validity 3600", "lanyard token acme --json"]),
    (
        "exec",
        &[
            "lanyard exec acme -- python script.py",
            "lanyard exec acme --env WEBEX_TOKEN -- ./report",
            "lanyard exec acme --proxy -- ./report",
            "lanyard exec --login desk -- python script.py",
        ],
    ),
    (
        "api",
        &[
            "lanyard api acme people/me",
            "lanyard api acme GET devices -f connectionStatus=disconnected --paginate",
            "lanyard api acme POST rooms -f title=Standup",
            "lanyard api acme people --paginate --jq '.items[].displayName'",
        ],
    ),
    ("refresh", &["lanyard refresh acme", "lanyard refresh acme --force", "lanyard refresh acme --take-over"]),
    ("tokens list", &["lanyard tokens list acme --via admin"]),
    ("tokens revoke", &["lanyard tokens revoke acme --superseded", "lanyard tokens revoke acme Y2lz --via admin"]),
    ("rename", &["lanyard rename lobby foyer"]),
    ("label", &["lanyard label lobby site=bern", "lanyard label lobby --remove site"]),
    ("disable", &["lanyard disable acme"]),
    ("enable", &["lanyard enable acme"]),
    ("clear", &["lanyard clear acme", "lanyard clear acme --yes"]),
    (
        "client add",
        &[
            "lanyard client add report --credential fleet --can token --expires 8h",
            "lanyard client add dashboard --credential fleet --can proxy \\\n      --methods GET --paths '/devices/**'",
        ],
    ),
    ("client list", &["lanyard client list"]),
    ("client show", &["lanyard client show report"]),
    (
        "client set",
        &[
            "lanyard client set report --expires 30d",
            "lanyard client set dashboard --credential fleet,lobby --methods any",
        ],
    ),
    ("client remove", &["lanyard client remove report --yes"]),
    (
        "audit",
        &[
            "lanyard audit",
            "lanyard audit acme --since 2d",
            "lanyard audit --verify > heads.txt",
            "lanyard audit --verify --heads heads.txt",
            "lanyard audit --keep 400d",
        ],
    ),
    ("key show", &["lanyard key show"]),
    (
        "key rotate",
        &[
            "lanyard key rotate",
            "lanyard key rotate --to keyring",
            "lanyard key rotate --all",
            "lanyard key rotate --wait 5m",
            "lanyard key rotate --cancel",
        ],
    ),
    ("key generate", &["lanyard key generate > home.key"]),
    ("backup", &["lanyard backup /mnt/backup/lanyard.db"]),
    ("restore", &["lanyard restore /mnt/backup/lanyard.db --key-file home.key", "lanyard restore --resume"]),
    (
        "migrate-store",
        &[
            "lanyard migrate-store postgres://lanyard@db.example.com/lanyard \\\n      --password-file /etc/lanyard/store-password",
            "lanyard migrate-store 'postgres://lanyard@localhost/lanyard?host=/run/postgresql' \\\n      --key-source file",
        ],
    ),
    ("doctor", &["lanyard doctor", "lanyard doctor --json | jq '.[] | select(.ok | not)'"]),
    ("completions", &["lanyard completions fish > ~/.config/fish/completions/lanyard.fish"]),
    ("man", &["lanyard man | man -l -", "lanyard man --dir ~/.local/share/man/man1"]),
    ("serve", &["lanyard serve", "lanyard serve --http 127.0.0.1:7417"]),
    ("simulator", &["lanyard simulator", "lanyard simulator --listen 127.0.0.1:7480 --info webex.json --people 1000"]),
    ("demo", &["lanyard demo", "lanyard demo --once"]),
];
